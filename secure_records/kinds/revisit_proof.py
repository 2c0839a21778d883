"""What proves that a physical hospital already diagnosed this disease?

Online visits are for follow-up only: the patient shows the material of an
earlier visit and the physician confirms it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from secure_records.kinds.constraints import CreditCode, Instant, Line100, LocalId, TaggedDigest
from secure_records.kinds.diagnosis import DiagnosisList

Material = Literal[
    "outpatient_record", "prescription", "discharge_summary", "examination_report", "other"
]


class RevisitProof(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """首诊（复诊）证明材料."""

    prior_org_name: Line100
    prior_org_uscc: CreditCode | None = None
    prior_visit_date: date
    """Calendar day in China of the earlier visit."""

    original_dx: DiagnosisList
    """Diagnosis made by the physical hospital."""

    materials: Annotated[tuple[Material, ...], Meta(min_length=1, max_length=20)]
    material_digest: TaggedDigest
    """Of the uploaded material as one file."""

    confirmed_by: LocalId
    """Physician who confirms the follow-up."""

    confirmed_at: Instant
