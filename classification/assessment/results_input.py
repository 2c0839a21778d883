"""Which results were handed in for a verdict, and do they make sense together?

A bare JSON array of ``{item, object, outcome, importance?, high_risk?,
medium_risk?, major_risk?, major_risk_proposed?, waives?, side?}``. Further keys
are ignored. An item that the catalogue does not know needs its ``side``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from classification.assessment.models import Outcome
from classification.catalogue.models import Catalogue, Importance, Side
from classification.errors import ResultsRefused
from shared_kernel.canonical_json import Json

_CHINESE: Final = {
    "一般": Importance.GENERAL,
    "重要": Importance.IMPORTANT,
    "关键": Importance.KEY,
}
_MOST: Final = 200_000
"""Rows; 211 items on about 900 objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a verdict needs to know about one result."""

    item: str
    object: str
    outcome: Outcome
    """Never ``error`` or ``waived``: these are resolved on reading."""
    side: Side
    importance: Importance
    high_risk: bool = False
    medium_risk: bool = False
    major_risk: bool = False
    """Confirmed by a person."""
    major_risk_proposed: bool = False
    """Proposed by the catalogue and not yet decided: the conclusion must hold either way."""


def parse_results(value: Json, catalogue: Catalogue) -> tuple[Scored, ...]:
    """Read the array.

    Raises:
        ResultsRefused: wrong shape, unknown item or outcome, or the same item and
            object twice; the message names the row.
    """
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise ResultsRefused("results must be a JSON array", where="$")
    if len(value) > _MOST:
        raise ResultsRefused(f"more than {_MOST} results", where="$")
    found = tuple(_row(row, f"results[{index}]", catalogue) for index, row in enumerate(value))
    seen: set[tuple[str, str]] = set()
    for index, row in enumerate(found):
        if (row.item, row.object) in seen:
            where = f"results[{index}]"
            raise ResultsRefused(f"{where}: {row.item} on {row.object} appears twice", where=where)
        seen.add((row.item, row.object))
    return found


def _row(row: Json, where: str, catalogue: Catalogue) -> Scored:
    if not isinstance(row, Mapping):
        raise ResultsRefused(f"{where} is not an object", where=where)
    item = _text(row, "item", where)
    return Scored(
        item=item,
        object=_text(row, "object", where),
        outcome=_outcome(row, where),
        side=_side(row, item, where, catalogue),
        importance=_importance(row, item, where, catalogue),
        high_risk=_flag(row, "high_risk", where),
        medium_risk=_flag(row, "medium_risk", where),
        major_risk=_flag(row, "major_risk", where),
        major_risk_proposed=_flag(row, "major_risk_proposed", where),
    )


def _outcome(row: Mapping[str, Json], where: str) -> Outcome:
    outcome = _named_outcome(row.get("outcome"), where)
    if outcome is Outcome.ERROR:
        return Outcome.NOT_EVALUATED
    if outcome is not Outcome.WAIVED:
        return outcome
    # a waiver excuses nobody from counting: an unnamed one counts as the worst it can waive
    if row.get("waives") is None:
        return Outcome.FAIL
    waived = _named_outcome(row["waives"], where)
    if waived not in {Outcome.FAIL, Outcome.PARTIAL}:
        raise ResultsRefused(f"{where}: only fail and partial can be waived", where=where)
    return waived


def _named_outcome(value: Json, where: str) -> Outcome:
    if not isinstance(value, str) or value not in set(Outcome):
        allowed = ", ".join(Outcome)
        raise ResultsRefused(f"{where}: outcome must be one of {allowed}", where=where)
    return Outcome(value)


def _side(row: Mapping[str, Json], item: str, where: str, catalogue: Catalogue) -> Side:
    known = catalogue.side_of(item)
    if known is not None:
        return known
    given = row.get("side")
    if isinstance(given, str) and given in set(Side):
        return Side(given)
    raise ResultsRefused(
        f"{where}: the catalogue does not know item {item[:40]}",
        where=where,
        hint="use an id of 'assess items', or state the side (technical or management)",
    )


def _importance(row: Mapping[str, Json], item: str, where: str, catalogue: Catalogue) -> Importance:
    given = row.get("importance")
    if given is None:
        known = catalogue.by_id.get(item)
        return known.importance if known else Importance.GENERAL
    if isinstance(given, str) and given in _CHINESE:
        return _CHINESE[given]
    if isinstance(given, str) and given in set(Importance):
        return Importance(given)
    raise ResultsRefused(f"{where}: importance must be general, important or key", where=where)


def _flag(row: Mapping[str, Json], key: str, where: str) -> bool:
    value = row.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise ResultsRefused(f"{where}: {key} must be true or false", where=where)
    return value


def _text(row: Mapping[str, Json], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise ResultsRefused(f"{where}: {key} is missing or no text", where=where)
    return value
