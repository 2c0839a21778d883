"""Which values does the reference leave open, and which one is used here?

Every setting has a closed set of values or a range; the default is the strict one,
so that a self-assessment never looks better than an evaluation would. Set them
with ``--setting name=value``; every report prints the values it used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from classification.errors import SettingRefused
from shared_kernel.canonical_json import Json

_LONGEST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One open value."""

    name: str
    default: str
    choices: tuple[str, ...]
    """Allowed values; empty for a fraction between ``low`` and ``high``."""
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(1)
    open_ends: bool = False
    """True: ``low`` and ``high`` themselves are refused."""
    zh: str
    en: str


SETTINGS: Final = (
    Setting(
        name="partial_2025",
        default="0",
        choices=(),
        zh="2025 符合率中部分符合折算为多少",
        en="what a partial item counts in the 2025 rate",
    ),
    Setting(
        name="rate_unit",
        default="item",
        choices=("item", "object"),
        zh="2025 符合率按测评项还是按项与对象计",
        en="2025 rate over items, or over each item on each object",
    ),
    Setting(
        name="at_90",
        default="basic",
        choices=("basic", "conform"),
        zh="恰为 90% 时的结论",
        en="conclusion at exactly 90 %",
    ),
    Setting(
        name="at_60",
        default="not_conform",
        choices=("not_conform", "basic"),
        zh="恰为 60% 时的结论",
        en="conclusion at exactly 60 %",
    ),
    Setting(
        name="major_risk_unit",
        default="item",
        choices=("item", "result"),
        zh="重大风险隐患按测评项还是按结果行计数",
        en="count major risks by item or by result row",
    ),
    Setting(
        name="undetermined",
        default="object",
        choices=("object", "item"),
        zh="未评估按对象还是整项取上下界",
        en="bound what is not evaluated object by object, or the whole item",
    ),
    Setting(
        name="technical_weight",
        default="0.5",
        choices=(),
        open_ends=True,
        zh="2021 技术部分占比 y",
        en="2021 share of the technical side, y",
    ),
    Setting(
        name="partial_2021",
        default="0.5",
        choices=(),
        zh="2021 部分符合的得分 x",
        en="2021 value x of a partial item",
    ),
    Setting(
        name="objects_2021",
        default="rule",
        choices=("rule", "average"),
        zh="2021 多对象汇总：规则或平均",
        en="2021 several objects: by rule (1, 0, else partial) or average",
    ),
    Setting(
        name="factor_general",
        default="1",
        choices=(),
        high=Fraction(10),
        zh="2021 一般项系数",
        en="2021 factor of a general item",
    ),
    Setting(
        name="factor_important",
        default="2",
        choices=(),
        high=Fraction(10),
        zh="2021 重要项系数",
        en="2021 factor of an important item",
    ),
    Setting(
        name="factor_key",
        default="3",
        choices=(),
        high=Fraction(10),
        zh="2021 关键项系数",
        en="2021 factor of a key item",
    ),
    Setting(
        name="unrated_problem",
        default="low",
        choices=("low", "medium"),
        zh="未标风险等级的问题按低或中风险",
        en="a problem without a stated level counts as low or as medium risk",
    ),
)
"""``unrated_problem`` is low for results handed in (their author states the risks) and
``medium`` for our own runs, where nobody has rated anything yet."""


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """The values in force."""

    values: Mapping[str, str]

    def choice(self, name: str) -> str:
        """The value of a setting."""
        return self.values[name]

    def fraction(self, name: str) -> Fraction:
        """The value of a numeric setting, exact."""
        return Fraction(self.values[name])

    def to_json(self) -> Json:
        """Name to value, for reports."""
        return dict(sorted(self.values.items()))


def settings_from(given: Mapping[str, str]) -> VerdictSettings:
    """Defaults overridden by ``given``.

    Raises:
        SettingRefused: unknown name, or a value outside what the setting allows.
    """
    known = {setting.name: setting for setting in SETTINGS}
    values = {setting.name: setting.default for setting in SETTINGS}
    for name, value in given.items():
        if name not in known:
            raise SettingRefused(
                f"no setting {name}", where=name, hint="one of " + ", ".join(sorted(known))
            )
        _require(known[name], value)
        values[name] = value
    return VerdictSettings(values)


def parse_assignments(texts: tuple[str, ...]) -> VerdictSettings:
    """Read ``name=value`` texts; the last one of a name wins.

    Raises:
        SettingRefused: no equals sign, unknown name or value.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise SettingRefused(f"setting {name} has no value", where=name)
        found[name.strip()] = value.strip()
    return settings_from(found)


def _require(setting: Setting, value: str) -> None:
    name = setting.name
    if setting.choices:
        if value not in setting.choices:
            allowed = ", ".join(setting.choices)
            raise SettingRefused(f"{name} must be one of {allowed}", where=name)
        return
    shape = value.replace(".", "", 1).replace("/", "", 1)
    if len(value) > _LONGEST or not (shape.isascii() and shape.isdigit()):
        raise SettingRefused(f"{name} must be a decimal number", where=name)
    try:
        number = Fraction(value)
    except (ValueError, ZeroDivisionError) as error:
        raise SettingRefused(f"{name} must be a decimal number", where=name) from error
    inside = setting.low <= number <= setting.high
    if not inside or (setting.open_ends and number in {setting.low, setting.high}):
        raise SettingRefused(f"{name} lies outside {setting.low} to {setting.high}", where=name)
