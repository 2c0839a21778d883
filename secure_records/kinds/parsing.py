"""Does this JSON value fit this struct, and if not, where?

The only door from JSON to structs. A refusal says the path and what was
expected; it never repeats what was there, because that is patient data. The
library underneath quotes values and unknown keys in some messages: they are
cut here.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from secure_records.kinds.errors import BodyRefused
from shared_kernel.canonical_json import Json

_Parsed = TypeVar("_Parsed", bound=msgspec.Struct)

_MESSAGE: Final = re.compile(r"(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?\Z", re.DOTALL)
_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(?P<key>.*)`\Z", re.DOTALL)
_MISSING_FIELD: Final = re.compile(r"Object missing required field `(?P<key>[^`]*)`\Z")
_KEY_SHOWN: Final = re.compile(r"[a-z][a-z_]{0,39}\Z")
"""A key of this shape is a field name, not data that slipped into a key."""

_QUOTING: Final = (
    ("Invalid enum value", "expected one of the values the schema lists"),
    ("Invalid RFC3339 encoded datetime", "expected an RFC 3339 instant with an offset"),
    ("Invalid RFC3339 encoded date", "expected a date such as 2026-03-01"),
)
"""Messages of the library that may quote the value, and what is said instead."""


def parse_struct(value: Json, shape: type[_Parsed], path: str) -> _Parsed:
    """Read ``value`` as ``shape``; error paths start with ``path``, empty for a line.

    Raises:
        BodyRefused: missing, unknown, mistyped, too long or contradictory fields.
    """
    try:
        return msgspec.convert(value, type=shape, strict=True)
    except msgspec.ValidationError as error:
        # From None: the chained message of the library may quote the value.
        raise _refusal(str(error), path) from None


def _refusal(message: str, path: str) -> BodyRefused:
    found = _MESSAGE.match(message)
    what, inner = (found["what"], found["path"]) if found else (message, None)
    where = (path + (inner or "$").removeprefix("$")).lstrip(".")
    missing = _MISSING_FIELD.match(what)
    if missing is not None:
        where = f"{where}.{missing['key']}".lstrip(".")
        return BodyRefused(f"{where}: required field is missing", where=where)
    unknown = _UNKNOWN_FIELD.match(what)
    if unknown is not None:
        key = unknown["key"]
        if _KEY_SHOWN.match(key):
            where = f"{where}.{key}".lstrip(".")
        return BodyRefused(f"{where or 'line'}: unknown field", where=where)
    for start, instead in _QUOTING:
        if what.startswith(start):
            return BodyRefused(f"{where}: {instead}", where=where)
    return BodyRefused(f"{where or 'line'}: {what[:1].lower()}{what[1:]}", where=where)
