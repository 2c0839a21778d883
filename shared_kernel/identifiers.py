"""What is this thing called, without saying anything about it?

An identifier is ``prefix_`` plus 26 characters of Crockford base 32: 48 bits of
milliseconds, then 80 random bits. It sorts by time of making and carries no
meaning: never part of a name, a document number or a phone.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Protocol

from shared_kernel.errors import BadInput
from shared_kernel.instants import in_utc

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_TIME_BYTES: Final = 6
RANDOM_BYTES: Final = 10
_TEXT_LENGTH: Final = 26
_SHIFTS: Final = tuple(range(5 * (_TEXT_LENGTH - 2), -1, -10))
_SHAPE: Final = re.compile(rf"[a-z]{{2,6}}_[{_ALPHABET}]{{{_TEXT_LENGTH}}}\Z")


class MalformedIdentifier(BadInput, ValueError):
    """The text is not an identifier of the expected kind."""

    code = "identifier.malformed"
    default_hint = "copy the identifier exactly as it was printed"


class Entropy(Protocol):
    """Where random bytes come from."""

    def __call__(self, count: int, /) -> bytes:
        """Return ``count`` unpredictable bytes."""
        ...


def new_identifier(prefix: str, now: datetime, entropy: Entropy) -> str:
    """Make an identifier such as ``rec_01k2…``; ``prefix`` is 2 to 6 lower-case letters."""
    milliseconds = int(in_utc(now, "now").timestamp() * 1000)
    raw = milliseconds.to_bytes(_TIME_BYTES, "big") + entropy(RANDOM_BYTES)
    number = int.from_bytes(raw, "big")
    text = "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])
    return f"{prefix}_{text}"


def require_identifier(text: str, prefix: str, field: str) -> str:
    """Return ``text`` if it is an identifier with this prefix.

    Raises:
        MalformedIdentifier: another prefix, length or alphabet.
    """
    if _SHAPE.match(text) is None or not text.startswith(f"{prefix}_"):
        raise MalformedIdentifier(f"{field} is not a {prefix}_… identifier", where=field)
    return text
