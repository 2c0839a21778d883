"""How does a person read a report? As one HTML page that prints well, or as text.

Views only: what counts is the canonical material of the draft, whose digest stands at
the foot of every view. Everything is escaped; the page needs nothing from outside.
"""

from __future__ import annotations

from itertools import groupby
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from incident.reports.draft import Draft, DraftField, Stage
from incident.reports.letters import LetterBook
from incident.reports.release import Release
from shared_kernel.instants import china_text

_WORDS: Final = {
    "zh": {
        "number": "报告编号",
        "basis": "报告依据",
        "reporter": "拟稿人：",
        "approvers": "签发人：",
        "digest": "正文摘要",
        "previous": "承接前报",
        "unreleased": "（待签发）",
        "emergency": "（应急单人签发，待复核）",
        "join": "、",
    },
    "en": {
        "number": "No.",
        "basis": "Basis",
        "reporter": "Drafted by: ",
        "approvers": "Released by: ",
        "digest": "Digest of the text",
        "previous": "Continues",
        "unreleased": "(not released)",
        "emergency": "(single emergency release, review owed)",
        "join": ", ",
    },
}

_NUMERALS: Final = "一二三四五六七八九十"
"""Numbers of sections in Chinese letters; no letter has more than ten."""

_STAGES: Final = {
    ("zh", Stage.FIRST): "首次报告",
    ("zh", Stage.SUPPLEMENT): "补充报告",
    ("zh", Stage.CLOSING): "总结报告",
    ("en", Stage.FIRST): "First report",
    ("en", Stage.SUPPLEMENT): "Supplementary report",
    ("en", Stage.CLOSING): "Closing report",
}


def render_html(draft: Draft, book: LetterBook, *, house: str, release: Release | None) -> str:
    """The report as one self-contained page; ``house`` is the name in the letterhead."""
    environment = Environment(
        loader=PackageLoader("incident.reports"), autoescape=True, undefined=StrictUndefined
    )
    words = _WORDS[draft.language]
    return environment.get_template("report.html.j2").render(
        draft=draft,
        zh=draft.language == "zh",
        house=house,
        words={**words, "stage": _STAGES[draft.language, draft.stage]},
        groups=_sections(draft, book),
        approvers=_approvers(draft, release),
        made_at=china_text(draft.made_at),
    )


def render_text(draft: Draft, book: LetterBook, *, house: str, release: Release | None) -> str:
    """The report as plain text, for a mail, a fax or a hotline call."""
    words = _WORDS[draft.language]
    lines = [
        house,
        f"{draft.title}（{_STAGES[draft.language, draft.stage]}）"
        if draft.language == "zh"
        else f"{draft.title} ({_STAGES[draft.language, draft.stage]})",
        f"{words['number']} {draft.number}  {china_text(draft.made_at)}",
        "",
        f"{draft.recipient_name}{'：' if draft.language == 'zh' else ':'}",
    ]
    colon = "：" if draft.language == "zh" else ": "
    for title, fields in _sections(draft, book):
        lines += ["", title]
        lines += [f"  {item.label}{colon}{item.shown(draft.language)}" for item in fields]
    if draft.basis:
        lines += ["", words["basis"], *(f"  {line}" for line in draft.basis)]
    lines += [
        "",
        f"{words['reporter']}{draft.made_by}",
        f"{words['approvers']}{_approvers(draft, release)}",
        f"{words['digest']} {draft.digest()}",
    ]
    return "\n".join(lines) + "\n"


def _sections(draft: Draft, book: LetterBook) -> list[tuple[str, list[DraftField]]]:
    grouped = groupby(draft.fields, key=lambda item: item.group)
    return [
        (
            f"{_NUMERALS[number]}、{book.group_title(group, 'zh')}"
            if draft.language == "zh"
            else f"{number + 1}. {book.group_title(group, 'en')}",
            list(fields),
        )
        for number, (group, fields) in enumerate(grouped)
    ]


def _approvers(draft: Draft, release: Release | None) -> str:
    words = _WORDS[draft.language]
    if release is None:
        return words["unreleased"]
    names = words["join"].join(release.approvers)
    return names + words["emergency"] if release.review_owed else names
