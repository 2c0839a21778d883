"""What may a single value inside a record look like?

Length limits are characters and follow the widest field seen on a supervision
interface; patterns are written so that Python and ECMA 262 (JSON Schema) read
them alike. Where a national value set exists its codes are used verbatim
(GB/T 2261.1 sex, CV02.01.101 documents, ICD-10); our own closed sets use words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta


def _whole(pattern: str) -> str:
    """``pattern`` over the whole text.

    A bare ``$`` also matches before a final line feed in Python: the number of
    one patient with and without it would become two patients.
    """
    return f"^(?:{pattern})$(?!\\n)"


ONE_LINE: Final = _whole(r"[^\x00-\x20\x7f][^\x00-\x1f\x7f]*")
"""Text without control characters that does not begin with a space."""

Line18: TypeAlias = Annotated[str, Meta(min_length=1, max_length=18, pattern=ONE_LINE)]
Line30: TypeAlias = Annotated[str, Meta(min_length=1, max_length=30, pattern=ONE_LINE)]
Line60: TypeAlias = Annotated[str, Meta(min_length=1, max_length=60, pattern=ONE_LINE)]
Line100: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, pattern=ONE_LINE)]
Line200: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]

Prose500: TypeAlias = Annotated[str, Meta(min_length=1, max_length=500)]
Prose1000: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1000)]
Prose2000: TypeAlias = Annotated[str, Meta(min_length=1, max_length=2000)]

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with an offset; without one it cannot be placed on the time line."""

LocalId: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=_whole(r"[A-Za-z0-9][A-Za-z0-9_.:-]*"))
]
"""A number given by the hospital's own systems: visit, staff, record, prescription."""

CreditCode: TypeAlias = Annotated[str, Meta(pattern=_whole(r"[0-9A-HJ-NPQRTUWXY]{18}"))]
"""Unified social credit code (GB 32100), upper case; its check character is the registry's."""

Icd10: TypeAlias = Annotated[
    str,
    Meta(max_length=20, pattern=_whole(r"[A-Z][0-9]{2}(?:\.[0-9A-Zx]{1,4})?(?:x[0-9]{3})?[+*]?")),
]
"""National clinical edition 2.0; the pattern is a shape, not the list."""

SubjectCode: TypeAlias = Annotated[str, Meta(pattern=_whole(r"[0-9]{2}(?:\.[0-9]{2}){0,2}"))]
"""诊疗科目, e.g. ``03.04``."""

DeptClass: TypeAlias = Annotated[str, Meta(pattern=_whole(r"[0-9]{2}"))]
"""科室类别: the two-digit top level of the subjects."""

Amount: TypeAlias = Annotated[str, Meta(pattern=_whole(r"[0-9]{1,8}(?:\.[0-9]{1,4})?"))]
"""A decimal as text: a float in signed material prints differently in two languages."""

Money: TypeAlias = Annotated[str, Meta(pattern=_whole(r"[0-9]{1,8}(?:\.[0-9]{1,2})?"))]
"""Yuan as text, at most two decimals."""

Days: TypeAlias = Annotated[int, Meta(ge=1, le=366)]

TaggedDigest: TypeAlias = Annotated[str, Meta(pattern=_whole(r"(?:sha256|sm3):[0-9a-f]{64}"))]
"""``sha256:…`` or ``sm3:…`` in lower-case hex."""

Slug: TypeAlias = Annotated[str, Meta(pattern=_whole(r"[a-z0-9][a-z0-9_.-]{0,63}"))]
"""A name that agreements and purposes use."""

Phone: TypeAlias = Annotated[str, Meta(pattern=_whole(r"\+?[0-9][0-9-]{4,18}"))]

Channel: TypeAlias = Literal["1", "2", "3", "9"]
"""CONSULT_TYPE: 1 text and images, 2 telephone, 3 video, 9 other."""

Sex: TypeAlias = Literal["0", "1", "2", "9"]
"""GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 not stated."""
