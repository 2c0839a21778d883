"""How are outcomes and conclusions called, in both languages, with a shape each?

Shapes repeat what colours say, for colour-blind readers and black-and-white prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class OutcomeWords:
    """An outcome as people see it."""

    zh: str
    en: str
    shape: str
    css: str


OUTCOMES: Final[Mapping[str, OutcomeWords]] = {
    "pass": OutcomeWords("符合", "conforms", "●", "ok"),
    "partial": OutcomeWords("部分符合", "partly", "◐", "part"),
    "fail": OutcomeWords("不符合", "fails", "✕", "bad"),
    "not_applicable": OutcomeWords("不适用", "not applicable", "–", "na"),
    "error": OutcomeWords("判定出错", "rule error", "!", "open"),
    "not_evaluated": OutcomeWords("未评估", "not evaluated", "?", "open"),
    "waived": OutcomeWords("已豁免", "waived", "~", "part"),
}

CONCLUSIONS: Final[Mapping[str, Words]] = {
    "符合": Words("符合", "conforms"),
    "基本符合": Words("基本符合", "basically conforms"),
    "不符合": Words("不符合", "does not conform"),
    "优": Words("优", "excellent"),
    "良": Words("良", "good"),
    "中": Words("中", "fair"),
    "差": Words("差", "poor"),
    "undetermined": Words("不能下结论", "undetermined"),
    "no conclusion": Words("无适用项，无结论", "no applicable item, no conclusion"),
}

AUTOMATION: Final[Mapping[str, Words]] = {
    "auto": Words("自动", "automatic"),
    "part": Words("半自动", "partly automatic"),
    "manual": Words("人工", "manual"),
}

PROVES: Final[Mapping[str, Words]] = {
    "running": Words("现状", "running state"),
    "persistent": Words("配置", "stored settings"),
    "both": Words("现状和配置", "running and stored"),
}


def percent(text: str | None) -> str:
    """A fraction as text (``0.8611``) in per cent, without rounding up; ``?`` when unknown."""
    if text is None:
        return "?"
    digits = text.replace(".", "")
    hundredths = int(digits)  # four places: 0.8611 is 8611 hundredths of a per cent
    return f"{hundredths // 100}.{hundredths % 100:02d} %"
