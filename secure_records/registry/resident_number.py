"""Is this a citizen identity number, and is its area one that a list knows?

GB 11643: length, date and check character decide. An area that the list does
not know is a warning: people were born before their county's code existed, and
a validator that refuses them refuses patients and physicians.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from secure_records.registry.errors import NumberRefused

_SHAPE: Final = re.compile(r"[0-9]{17}[0-9X]\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentNumber:
    """A number whose date and check character hold."""

    number: str
    birth_date: date


def read_resident_number(text: str, path: str) -> ResidentNumber:
    """Read an 18-character number; ``path`` is named in errors, the number never.

    Raises:
        NumberRefused: other shape, impossible date or wrong check character.
    """
    # Most numbers come compact already, and taking separators out is the costly part.
    number = text if _SHAPE.match(text) is not None else ric.compact(text)
    if _SHAPE.match(number) is None:
        raise NumberRefused(f"{path}: expected 17 digits and a check character", where=path)
    if ric.calc_check_digit(number) != number[-1]:
        raise NumberRefused(f"{path}: the check character does not fit", where=path)
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        # From None: nothing of the number may ride along in a chained message.
        raise NumberRefused(f"{path}: digits 7 to 14 are no calendar date", where=path) from None
    return ResidentNumber(number=number, birth_date=born)


def area_warnings(number: str) -> tuple[str, ...]:
    """``area_unknown`` if no list knows the first six digits for that birth year."""
    try:
        ric.get_birth_place(number)
    except ValidationError:
        return ("area_unknown",)
    return ()
