"""Which rules exist, and does each bring facts that pass it and facts that fail it?

Rules are rows of ``rules/*.yaml``: one rule per item and kind of object, with one
or more checks. A rule without both example sets does not load, so that the word
``auto`` in a listing always means: there is a rule, and it can say yes and no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

from classification.assessment.grammar import FactOfWrongType, require_condition
from classification.assessment.models import Automation, Proves
from classification.assessment.reviewed_checks import REVIEWED_CHECKS
from classification.catalogue.data_files import Entry, parse_data
from classification.catalogue.models import Catalogue
from classification.errors import DataFileRefused
from classification.facts.models import ObjectKind
from shared_kernel.canonical_json import Json
from shared_kernel.digests import sha256

_RULE_KEYS: Final = frozenset(
    [
        "item",
        "kind",
        "settles",
        "proves",
        "source",
        "applies",
        "na_zh",
        "na_en",
        "fix_zh",
        "fix_en",
        "remainder_zh",
        "remainder_en",
        "checks",
        "pass_facts",
        "fail_facts",
    ]
)
_CHECK_KEYS: Final = frozenset({"id", "zh", "en", "pass", "when", "reviewed"})

ReviewedCheck = Callable[[Mapping[str, Json]], bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question to the facts."""

    id: str
    zh: str
    en: str
    when: Json
    """Condition under which the question makes sense, None for always."""
    condition: Json
    """Condition of the small grammar, None when ``reviewed`` answers."""
    reviewed: ReviewedCheck | None
    """Python function for what the grammar cannot say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one item is decided on one kind of object."""

    id: str
    """``kind/item``."""
    item: str
    kind: ObjectKind
    settles: bool
    """True: all checks passing means the item is met on this object."""
    proves: Proves
    source: tuple[str, ...]
    applies: Json
    """Condition under which the item applies at all, None for always."""
    na_zh: str | None
    na_en: str | None
    fix_zh: str
    fix_en: str
    remainder_zh: str | None
    remainder_en: str | None
    checks: tuple[Check, ...]
    pass_facts: Mapping[str, Json]
    fail_facts: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RuleBook:
    """All rules of this version."""

    rules: tuple[Rule, ...]
    by_item: Mapping[str, tuple[Rule, ...]]
    digest: str
    """SHA-256 over the rule files."""

    def automation(self, item: str) -> Automation:
        """What this version implements for the item."""
        rules = self.by_item.get(item, ())
        if not rules:
            return Automation.MANUAL
        return Automation.AUTO if all(rule.settles for rule in rules) else Automation.PART

    def remainder(self, item: str) -> tuple[str, str] | None:
        """What a person still has to look at, Chinese and English."""
        left = [rule for rule in self.by_item.get(item, ()) if rule.remainder_zh]
        if not left:
            return None
        zh = "；".join(str(rule.remainder_zh) for rule in left)
        return zh, "; ".join(str(rule.remainder_en) for rule in left)


@lru_cache(maxsize=4)
def load_rules(catalogue: Catalogue) -> RuleBook:
    """The rules shipped with this release; read once per process.

    Raises:
        DataFileRefused: a rule is malformed or names an item that does not exist.
    """
    return read_rules(files("classification.assessment") / "rules", catalogue)


def read_rules(folder: Traversable, catalogue: Catalogue) -> RuleBook:
    """Read every ``*.yaml`` of a folder, in order of name."""
    rules: list[Rule] = []
    hashed: list[bytes] = []
    sources = [entry for entry in folder.iterdir() if entry.name.endswith(".yaml")]
    for file in sorted(sources, key=lambda entry: entry.name):
        raw = file.read_bytes()
        hashed.append(f"{file.name} {sha256(raw)}\n".encode())
        rows = parse_data(raw.decode("utf-8"), file.name)
        if not isinstance(rows, list):
            raise DataFileRefused(f"{file.name} is not a list of rules", where=file.name)
        rules.extend(_rule(row, file.name, catalogue) for row in rows)
    by_item: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
        others = by_item.get(rule.item, ())
        if any(other.kind is rule.kind for other in others):
            raise DataFileRefused(f"rule {rule.id} exists twice", where=rule.id)
        by_item[rule.item] = (*others, rule)
    return RuleBook(
        rules=tuple(rules),
        by_item=MappingProxyType(by_item),
        digest=str(sha256(b"".join(hashed))),
    )


def _rule(row: Json, file: str, catalogue: Catalogue) -> Rule:
    named = row.get("item") if isinstance(row, Mapping) else None
    entry = Entry(row, f"{file} rule for {named}", _RULE_KEYS)
    item = entry.text("item")
    if item not in catalogue.by_id:
        raise DataFileRefused(f"{entry.place}: the catalogue has no such item", where=item)
    kind = ObjectKind(entry.choice("kind", set(ObjectKind)))
    settles = entry.flag("settles")
    if settles == entry.has("remainder_zh"):
        raise DataFileRefused(f"{entry.place}: give a remainder if and only if it does not settle")
    if entry.has("applies") != entry.has("na_zh"):
        raise DataFileRefused(f"{entry.place}: applies and na_zh go together", where=item)
    if entry.has("applies"):
        _condition(entry.values["applies"], f"{entry.place} applies")
    checks = tuple(_check(part, entry.place) for part in entry.items("checks"))
    names = [check.id for check in checks]
    if not checks or len(set(names)) != len(names):
        raise DataFileRefused(f"{entry.place}: checks are missing or share an id", where=item)
    return Rule(
        id=f"{kind}/{item}",
        item=item,
        kind=kind,
        settles=settles,
        proves=Proves(entry.choice("proves", set(Proves))),
        source=entry.texts("source"),
        applies=entry.values.get("applies"),
        na_zh=entry.optional_text("na_zh"),
        na_en=entry.optional_text("na_en"),
        fix_zh=entry.text("fix_zh"),
        fix_en=entry.text("fix_en"),
        remainder_zh=entry.optional_text("remainder_zh"),
        remainder_en=entry.optional_text("remainder_en"),
        checks=checks,
        pass_facts=_facts(entry, "pass_facts"),
        fail_facts=_facts(entry, "fail_facts"),
    )


def _check(row: Json, place: str) -> Check:
    entry = Entry(row, f"{place} check", _CHECK_KEYS)
    name = entry.text("id")
    if entry.has("pass") == entry.has("reviewed"):
        raise DataFileRefused(f"{place} check {name}: give pass or reviewed, not both")
    reviewed = None
    if entry.has("reviewed"):
        reviewed = REVIEWED_CHECKS.get(entry.text("reviewed"))
        if reviewed is None:
            raise DataFileRefused(f"{place} check {name}: no such reviewed check", where=name)
    else:
        _condition(entry.values["pass"], f"{place} check {name}")
    if entry.has("when"):
        _condition(entry.values["when"], f"{place} check {name} when")
    return Check(
        id=name,
        zh=entry.text("zh"),
        en=entry.text("en"),
        when=entry.values.get("when"),
        condition=entry.values.get("pass"),
        reviewed=reviewed,
    )


def _condition(condition: Json, place: str) -> None:
    try:
        require_condition(condition, place)
    except FactOfWrongType as error:
        raise DataFileRefused(f"{place}: an operator lacks its list", where=place) from error


def _facts(entry: Entry, key: str) -> Mapping[str, Json]:
    value = entry.values.get(key)
    if not isinstance(value, Mapping) or not value:
        raise DataFileRefused(f"{entry.place}: {key} is missing: a rule must show both answers")
    return MappingProxyType(dict(value))
