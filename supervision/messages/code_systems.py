"""Does this code exist in its value set, and does its check digit hold?

Value sets, patterns and lengths are rows of ``datasets/code_systems.yaml``;
check digits come from ``python-stdnum``. An identity number is checked by
length, date and check digit, never by birth county: people were born before
their county had a code. A system with a standard but no list cannot be
enforced here; ``enforceable`` says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

CREDIT_CODE_CHECK: Final = "mod31"
IDENTITY_CHECK: Final = "mod11-2"
_OLD_IDENTITY: Final = re.compile(r"\d{15}\Z", re.ASCII)
_IDENTITY: Final = re.compile(r"\d{17}[\dX]\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSystem:
    """A value set in the national edition; platforms that differ are mapped by their profile."""

    name: str
    zh: str
    standard: str | None
    values: Mapping[str, str] | None
    pattern: str | None
    """Whole-value regular expression."""

    length: int | None
    check: str | None
    """``mod31`` (GB 32100) or ``mod11-2`` (GB 11643)."""

    verified: bool
    """False: from knowledge, not seen on a platform interface."""

    @property
    def enforceable(self) -> bool:
        """Whether a value can be refused here."""
        return any(
            rule is not None for rule in (self.values, self.pattern, self.length, self.check)
        )


def normalised_code(system: CodeSystem, value: str) -> str:
    """The form that is compared and sent: upper case; 15-digit identity numbers become 18."""
    if system.check == CREDIT_CODE_CHECK:
        return value.strip().upper()
    if system.check == IDENTITY_CHECK:
        text = value.strip().upper()
        if _OLD_IDENTITY.match(text):  # GB 11643: insert the century, then compute the check
            text = f"{text[:6]}19{text[6:]}"
            return f"{text}{ric.calc_check_digit(text + '0')}"
        return text
    return value


def breaks_code(system: CodeSystem, value: str) -> str | None:
    """Name of the rule that ``value`` (already normalised) breaks, or nothing."""
    if system.check == CREDIT_CODE_CHECK and not uscc.is_valid(value):
        return "check_digit"
    if system.check == IDENTITY_CHECK and not _identity_holds(value):
        return "check_digit"
    if system.values is not None and value not in system.values:
        return "code"
    if system.pattern is not None and re.fullmatch(system.pattern, value, re.ASCII) is None:
        return "code"
    if system.length is not None and len(value) != system.length:
        return "length"
    return None


def _identity_holds(value: str) -> bool:
    if _IDENTITY.match(value) is None or ric.calc_check_digit(value) != value[-1]:
        return False
    try:
        ric.get_birth_date(value)
    except ValidationError:
        return False
    return True
