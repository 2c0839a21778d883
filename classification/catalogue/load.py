"""Is the catalogue in this release complete and free of contradictions?

Reads every file of ``mlps_level3/`` and refuses unknown keys, repeated ids, ids
that do not follow from clause and letter, and counts that differ from
``meta.yaml``. What loads is the whole catalogue or nothing. Every clause of the
standard stays present whether or not a rule exists for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

from classification.catalogue.data_files import Entry, parse_data
from classification.catalogue.models import (
    Catalogue,
    CatalogueCheck,
    ControlItem,
    Evidence,
    ExtensionItem,
    HighRiskCase,
    Importance,
    MajorRiskTrigger,
    Side,
)
from classification.errors import DataFileRefused
from shared_kernel.canonical_json import Json
from shared_kernel.digests import sha256

_ITEM_KEYS: Final = frozenset(
    [
        "id",
        "clause",
        "letter",
        "lettered_in_standard",
        "test_unit",
        "category_zh",
        "category_en",
        "side",
        "control_point_zh",
        "control_point_en",
        "sag",
        "zh",
        "en",
        "vs_level2",
        "applies_to",
        "default_objects",
        "evidence",
        "importance_suggested",
        "high_risk",
        "checks",
        "verified",
    ]
)
_EXTENSION_KEYS: Final = _ITEM_KEYS | {"usual_party", "tenant_iaas", "data_scope", "basis"}
_CASE_KEYS: Final = frozenset(
    [
        "case",
        "case_zh",
        "scope",
        "condition_zh",
        "condition_en",
        "mitigation_zh",
        "mitigation_en",
        "verified",
        "basis",
    ]
)
_CHECK_KEYS: Final = frozenset({"target", "mode", "probe", "expect"})
_TRIGGER: Final = "major_risk_trigger_2025"
_GUIDELINES: Final = ("guideline_2025_trial", "iseaa_001_2020")
_DATA_SECURITY: Final = "data_security"
_EXTENSION_FILES: Final = ("cloud", "mobile", "iot", "ics")
_FAMILY_KEYS: Final = frozenset(
    {"name_zh", "name_en", "clause", "count", "items", "standard", "effective", "note"}
)


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """The catalogue shipped with this release; read once per process.

    Raises:
        DataFileRefused: a file is damaged; the message names file and item.
    """
    folder = files("classification.catalogue") / "mlps_level3"
    return read_catalogue(folder)


def read_catalogue(folder: Traversable) -> Catalogue:
    """Read the catalogue from any folder laid out like ``mlps_level3``."""
    reader = _Folder(folder)
    meta = Entry(
        reader.parse("meta.yaml"),
        "meta.yaml",
        {
            "title",
            "standard",
            "catalogue_version",
            "wording",
            "counts",
            "level2_counts_for_reference",
            "id_rule",
            "fields",
            "test_unit_inferred",
            "high_risk_rules",
        },
    )
    counts = _counts(meta)
    items: list[ControlItem] = []
    for category, wanted in counts.by_category.items():
        name = f"{category}.yaml"
        rows = [_item(row, name, category) for row in reader.rows(name)]
        _require_count(name, len(rows), wanted)
        items.extend(rows)
    _require_count("the general items", len(items), counts.total)
    extensions = _extensions(reader, counts.extensions)
    _require_unique([item.id for item in items] + [item.id for item in extensions])
    return Catalogue(
        edition=f"{meta.text('standard')}, version {meta.number('catalogue_version')}",
        items=tuple(items),
        extensions=extensions,
        triggers=_triggers(reader),
        by_id=MappingProxyType({item.id: item for item in items}),
        extension_by_id=MappingProxyType({item.id: item for item in extensions}),
        digest=reader.digest(),
    )


class _Folder:
    """Reads files and remembers their bytes, so that the digest covers exactly what was used."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder
        self._read: dict[str, bytes] = {}

    def parse(self, name: str) -> Json:
        try:
            raw = (self._folder / name).read_bytes()
        except FileNotFoundError as error:
            raise DataFileRefused(f"{name} is missing from the catalogue", where=name) from error
        self._read[name] = raw
        return parse_data(raw.decode("utf-8"), name)

    def rows(self, name: str) -> list[Json]:
        found = self.parse(name)
        if not isinstance(found, list):
            raise DataFileRefused(f"{name} is not a list of items", where=name)
        return found

    def digest(self) -> str:
        parts = [f"{name} {sha256(raw)}\n".encode() for name, raw in sorted(self._read.items())]
        return str(sha256(b"".join(parts)))


class _Counts:
    """How many rows the meta file promises."""

    def __init__(self, total: int, by_category: Mapping[str, int], rest: Mapping[str, int]) -> None:
        self.total = total
        self.by_category = by_category
        self.extensions = rest


def _counts(meta: Entry) -> _Counts:
    keys = {"general_total", "general_by_category", "data_security_gat2380", *_EXTENSION_FILES}
    entry = Entry(meta.values.get("counts"), "meta.yaml counts", keys)
    listed = entry.values.get("general_by_category")
    if not isinstance(listed, Mapping):
        raise DataFileRefused("meta.yaml counts lack general_by_category", where="meta.yaml")
    categories = Entry(listed, "meta.yaml counts by category", set(listed))
    rest = {name: entry.number(name) for name in _EXTENSION_FILES}
    rest[_DATA_SECURITY] = entry.number("data_security_gat2380")
    return _Counts(
        entry.number("general_total"), {name: categories.number(name) for name in listed}, rest
    )


def _item(row: Json, file: str, category: str) -> ControlItem:
    entry = _placed(row, file, _ITEM_KEYS)
    if entry.text("id") != f"{entry.text('clause')}.{entry.text('letter')}":
        raise DataFileRefused(f"{entry.place}: id does not follow from clause and letter")
    if not entry.text("clause").startswith(f"{category}."):
        raise DataFileRefused(f"{entry.place}: the item belongs to another category")
    cases, trigger = _high_risk(entry)
    return ControlItem(
        id=entry.text("id"),
        clause=entry.text("clause"),
        letter=entry.text("letter"),
        lettered_in_standard=entry.flag("lettered_in_standard"),
        test_unit=entry.text("test_unit"),
        category=category,
        category_zh=entry.text("category_zh"),
        category_en=entry.text("category_en"),
        side=Side(entry.choice("side", set(Side))),
        control_point_zh=entry.text("control_point_zh"),
        control_point_en=entry.text("control_point_en"),
        sag=entry.choice("sag", {"S", "A", "G"}),
        zh=entry.text("zh"),
        en=entry.text("en"),
        vs_level2=entry.choice("vs_level2", {"same", "raised", "new"}),
        applies_to=entry.texts("applies_to"),
        default_objects=entry.texts("default_objects"),
        evidence=Evidence(entry.choice("evidence", set(Evidence))),
        importance=Importance(entry.choice("importance_suggested", set(Importance))),
        checks=tuple(_check(check, entry.place) for check in entry.items("checks")),
        high_risk=cases,
        major_risk=trigger,
        verified=entry.flag("verified"),
    )


def _placed(row: Json, file: str, allowed: frozenset[str]) -> Entry:
    named = row.get("id") if isinstance(row, Mapping) else None
    return Entry(row, f"{file} item {named}", allowed)


def _check(row: Json, place: str) -> CatalogueCheck:
    entry = Entry(row, f"{place} check", _CHECK_KEYS)
    return CatalogueCheck(
        target=entry.text("target"),
        mode=entry.choice("mode", {"automatic", "semi"}),
        probe=entry.text("probe"),
        expect=entry.text("expect"),
    )


def _high_risk(item: Entry) -> tuple[tuple[HighRiskCase, ...], str | None]:
    if not item.has("high_risk"):
        return (), None
    place = f"{item.place} high_risk"
    entry = Entry(item.values["high_risk"], place, {*_GUIDELINES, _TRIGGER})
    cases = []
    for guideline in _GUIDELINES:
        if not entry.has(guideline):
            continue
        row = Entry(entry.values[guideline], f"{place} {guideline}", _CASE_KEYS)
        cases.append(
            HighRiskCase(
                guideline=guideline,
                case=row.text("case" if row.has("case") else "case_zh"),
                scope=row.optional_text("scope"),
                condition_zh=row.optional_text("condition_zh"),
                condition_en=row.optional_text("condition_en"),
                mitigation_zh=row.optional_text("mitigation_zh"),
                mitigation_en=row.optional_text("mitigation_en"),
                basis=row.optional_text("basis"),
                verified=row.flag("verified"),
            )
        )
    if not entry.has(_TRIGGER):
        return tuple(cases), None
    trigger = Entry(entry.values[_TRIGGER], f"{place} {_TRIGGER}", {"code", "verified"})
    return tuple(cases), trigger.text("code")


def _extensions(reader: _Folder, counts: Mapping[str, int]) -> tuple[ExtensionItem, ...]:
    found: list[ExtensionItem] = []
    for family in (*_EXTENSION_FILES, _DATA_SECURITY):
        name = f"{family}.yaml" if family == _DATA_SECURITY else f"extension_{family}.yaml"
        rows = Entry(reader.parse(name), name, _FAMILY_KEYS).items("items")
        _require_count(name, len(rows), counts[family])
        found.extend(_extension(row, name, family) for row in rows)
    return tuple(found)


def _extension(row: Json, name: str, family: str) -> ExtensionItem:
    entry = _placed(row, name, _EXTENSION_KEYS)
    return ExtensionItem(
        id=entry.text("id"),
        family=family,
        side=Side(entry.choice("side", set(Side))) if entry.has("side") else None,
        zh=entry.text("zh"),
        en=entry.text("en"),
        verified=entry.flag("verified"),
    )


def _triggers(reader: _Folder) -> tuple[MajorRiskTrigger, ...]:
    name = "major_risks_2025.yaml"
    top = Entry(reader.parse(name), name, {"verified", "note", "items"})
    found = []
    for row in top.items("items"):
        entry = Entry(row, f"{name} trigger", {"code", "item", "zh"})
        item = None if entry.values.get("item") is None else entry.text("item")
        found.append(
            MajorRiskTrigger(
                code=entry.text("code"),
                item=item,
                zh=entry.text("zh"),
                verified=top.flag("verified"),
            )
        )
    return tuple(found)


def _require_count(what: str, got: int, wanted: int) -> None:
    if got != wanted:
        raise DataFileRefused(f"{what}: {got} items, {wanted} expected", where=what)


def _require_unique(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise DataFileRefused(f"item {name} appears twice in the catalogue", where=name)
        seen.add(name)
