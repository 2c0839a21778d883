"""Is this a citizen identity number, and what does it say about its holder?

GB 11643: six digits of area, eight of birth date, three of sequence (odd male,
even female), one check character by MOD 11-2. An unknown area is no fault here:
people were born before their county's code existed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from stdnum.cn import ric

from secure_records.kinds.errors import IdentityRefused

_SHAPE: Final = re.compile(r"[0-9]{17}[0-9X]\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentId:
    """What the number itself says."""

    area: str
    """GB/T 2260 at first issue, six digits."""

    birth_date: date
    sex: str
    """``1`` male or ``2`` female, GB/T 2261.1."""


def read_resident_id(number: str, path: str) -> ResidentId:
    """Read an 18-character number; ``path`` is named in errors, the number never.

    Raises:
        IdentityRefused: other length, impossible date or wrong check character.
    """
    if _SHAPE.match(number) is None:
        raise IdentityRefused(
            f"{path}: expected 17 digits and a check character (upper-case X)", where=path
        )
    try:
        birth_date = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        # From None: the date library quotes what it was given.
        raise IdentityRefused(f"{path}: digits 7 to 14 are no calendar date", where=path) from None
    if ric.calc_check_digit(number) != number[-1]:
        raise IdentityRefused(f"{path}: the check character does not fit", where=path)
    sex = "1" if int(number[16]) % 2 else "2"
    return ResidentId(area=number[:6], birth_date=birth_date, sex=sex)
