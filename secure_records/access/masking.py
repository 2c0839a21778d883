"""What is left of a value when an agreement shows it masked?

As little as a desk needs to check that the right person stands there:

| type | kept |
|---|---|
| name | the first character, whatever the number of family names |
| id_no | the last four: the digits before hold county and day of birth |
| phone | first three and last four |
| county | province, city and county; no street |
| year | the year |

A masked value is still personal information. Whatever has no type here, or
does not look like its type, is withheld: free text cannot be masked by rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from secure_records.access.errors import AccessDocumentMalformed
from secure_records.access.outcome import Decision
from secure_records.access.package_data import read_table
from secure_records.access.vocabulary import Treatment
from shared_kernel.canonical_json import Json

_DOT: Final = "＊"
_STAR: Final = "*"
_LONGEST_NAME: Final = 4
"""Longer names show as this many characters: an unusual length would tell."""

_ID_KEPT: Final = 4
_ID_SHORTEST: Final = 8
"""A shorter number would be shown half."""

_PHONE: Final = re.compile(r"(?:\+?86[- ]?)?(1[0-9]{2})[0-9]{4}([0-9]{4})\Z")
_YEAR: Final = re.compile(r"([0-9]{4})-[0-9]{2}-[0-9]{2}(?:\Z|T)")
_COUNTY: Final = re.compile(
    r"((?:[\u4e00-\u9fff]{2,7}?(?:省|自治区|特别行政区))?"
    r"(?:[\u4e00-\u9fff]{2,10}?(?:市|自治州|地区|盟))?"
    r"[\u4e00-\u9fff]{1,11}?(?:自治县|县|区|旗|市))"
)
_STREET: Final = re.compile("[路街道巷弄号村镇乡栋幢室]|小区|社区|园区|校区|厂区|院区")


def mask_value(name: str, value: Json) -> str | None:
    """The masked form of the field ``name``; None: it cannot be masked, withhold it."""
    kind = _types().get(name)
    if kind is None or not isinstance(value, str):
        return None
    return _MASKS[kind](value.strip())


def apply_decision(
    view: Mapping[str, Json], decision: Decision
) -> tuple[Mapping[str, Json], tuple[str, ...], tuple[str, ...]]:
    """Reduce a full view to what the decision lets out.

    Args:
        view: Field name → value, identity fields as ``patient.name``.
        decision: A denial lets nothing out.

    Returns:
        The visible part; names shown masked; names withheld, those that could not be
        masked among them. Names the view does not have appear nowhere.
    """
    visible: dict[str, Json] = {}
    masked: list[str] = []
    withheld: list[str] = []
    for name, value in view.items():
        how = decision.treatment(name)
        if how is Treatment.CLEAR:
            visible[name] = value
            continue
        shown = mask_value(name, value) if how is Treatment.MASK else None
        if shown is None:
            withheld.append(name)
        else:
            visible[name] = shown
            masked.append(name)
    return MappingProxyType(visible), tuple(masked), tuple(withheld)


@cache
def _types() -> Mapping[str, str]:
    rows = read_table("field_types.yaml", ("field", "type"))
    for row in rows:
        if row["type"] not in _MASKS:
            raise AccessDocumentMalformed(f"field_types.yaml: no mask is called {row['type']}")
    return MappingProxyType({row["field"]: row["type"] for row in rows})


def _name(value: str) -> str | None:
    if not value:
        return None
    length = min(len(value), _LONGEST_NAME)
    return _DOT if length == 1 else value[0] + _DOT * (length - 1)


def _id_no(value: str) -> str | None:
    if len(value) < _ID_SHORTEST:
        return None
    return _STAR * (len(value) - _ID_KEPT) + value[-_ID_KEPT:]


def _phone(value: str) -> str | None:
    found = _PHONE.match(value)
    return None if found is None else f"{found[1]}{_STAR * 4}{found[2]}"


def _year(value: str) -> str | None:
    found = _YEAR.match(value)
    return None if found is None else found[1]


def _county(value: str) -> str | None:
    found = _COUNTY.match(value)
    # "文三路小区" ends like a county: a part that names a street is no county.
    if found is None or _STREET.search(found[1]) is not None:
        return None
    return found[1]


_MASKS: Final[Mapping[str, Callable[[str], str | None]]] = MappingProxyType(
    {"name": _name, "id_no": _id_no, "phone": _phone, "year": _year, "county": _county}
)
