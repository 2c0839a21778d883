"""When do two spellings of a number, phone or name mean the same person?

Each function returns one normal form, or ``None`` if the text cannot be a value
of its kind. It never raises: a record whose phone cannot be normalised is
stored and merely not found by phone. A change here is a new normaliser
identifier and a new index version, because old terms would no longer match.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final

from stdnum.cn import ric

_RESIDENT: Final = re.compile(r"[0-9]{17}[0-9X]\Z")
_OLD_CARD: Final = re.compile(r"[0-9]{15}\Z")
_OLD_CARD_CENTURY: Final = "19"
"""Fifteen-digit cards (before 1999, GB 11643-1989) left out the century."""

_DOCUMENT: Final = re.compile(r"[0-9A-Z]{4,32}\Z")
_MOBILE: Final = re.compile(r"1[0-9]{10}\Z")
_TRUNK: Final = re.compile(r"0[0-9]{9,11}\Z")
_FOREIGN: Final = re.compile(r"\+[1-9][0-9]{6,14}\Z")
"""E.164: at most 15 digits after the plus."""

_COUNTRY: Final = "+86"
_DOTS: Final = re.compile(r"[\u00b7\u2022\u2027\u30fb\u22c5\u0387.]")
"""The separators people type inside a transliterated name; all mean one dot."""

_COMPACT_DATE: Final = re.compile(r"([0-9]{4})[-/.]?([0-9]{2})[-/.]?([0-9]{2})\Z")


def document_number(text: str) -> str | None:
    """Half width, upper case, no separators; a 15-digit card becomes its 18-digit number."""
    if _RESIDENT.match(text) is not None:
        return text  # the usual case, normal already
    plain = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text)).upper()
    if _OLD_CARD.match(plain) is not None:
        body = plain[:6] + _OLD_CARD_CENTURY + plain[6:]
        return body + str(ric.calc_check_digit(body + "0"))
    return plain if _DOCUMENT.match(plain) is not None else None


def phone_number(text: str) -> str | None:
    """E.164; a number without country code is Chinese."""
    if _MOBILE.match(text) is not None:
        return _COUNTRY + text  # the usual case
    plain = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", text))
    for prefix in (_COUNTRY, "0086"):
        if plain.startswith(prefix):
            plain = plain.removeprefix(prefix)
            break
    else:
        if plain.startswith("86") and _MOBILE.match(plain[2:]) is not None:
            plain = plain[2:]
    if _MOBILE.match(plain) is not None:
        return _COUNTRY + plain
    if _TRUNK.match(plain) is not None:
        return _COUNTRY + plain[1:]
    return plain if _FOREIGN.match(plain) is not None else None


def person_name(text: str) -> str | None:
    """Half width, no spaces, one kind of middle dot, Latin letters in one case."""
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", text))
    return _DOTS.sub("\u00b7", plain).casefold() or None


def birth_date(text: str) -> str | None:
    """``YYYY-MM-DD`` of a day that exists."""
    found = _COMPACT_DATE.match(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        return None


def name_and_birth(name: str, born: str) -> str | None:
    """The compound by which a patient is found who carries no document.

    Neither part is indexed alone: three surnames cover a fifth of the country,
    so a name by itself would be readable from its frequency.
    """
    normal_name, normal_born = person_name(name), birth_date(born)
    if normal_name is None or normal_born is None:
        return None
    return f"{normal_name}|{normal_born}"
