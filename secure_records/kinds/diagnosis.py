"""What was found, in words and in the national code?"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from secure_records.kinds.constraints import Icd10, Line100


class Diagnosis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One diagnosis; the first of a list is the main one."""

    code: Icd10
    name: Line100


DiagnosisList: TypeAlias = Annotated[tuple[Diagnosis, ...], Meta(min_length=1, max_length=20)]
