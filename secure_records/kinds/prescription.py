"""What belongs into an online prescription, from the pen to the pharmacist?

The fields of the resources ``prescription`` and ``prescription_review``. A
prescription without ``review`` is written but not yet in force. Whether the
drugs may be prescribed online at all is judged by admission, not here.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from secure_records.kinds.attestation import ElectronicSignature, Provenance
from secure_records.kinds.constraints import (
    Amount,
    Days,
    Instant,
    Line30,
    Line60,
    Line100,
    LocalId,
    Money,
    Prose500,
    Prose1000,
)
from secure_records.kinds.diagnosis import DiagnosisList

ControlClass: TypeAlias = Literal[
    "ordinary",
    "narcotic",
    "psychotropic_1",
    "psychotropic_2",
    "toxic",
    "radioactive",
    "other_special",
]
"""Legal control of a drug; ``other_special`` is what needs special medication control."""


class PrescriptionLine(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One drug of the prescription."""

    drug_code: LocalId
    """Must equal the hospital code filed in the drug catalogue."""

    drug_name: Line60
    """Generic name."""

    control_class: ControlClass
    """Stated for each drug, never assumed."""

    spec: Line30
    route: Annotated[str, Meta(pattern=r"^[0-9]{1,3}$(?!\n)")]
    """CV06.00.102, e.g. ``1`` oral, ``612`` on the skin."""

    frequency: Annotated[str, Meta(min_length=1, max_length=10)]
    dose: Amount
    dose_unit: Annotated[str, Meta(min_length=1, max_length=6)]
    total: Amount
    total_unit: Annotated[str, Meta(min_length=1, max_length=6)]
    days: Days
    otc: bool
    national_code: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,23}$(?!\n)")] | None = None
    dosage_form: Annotated[str, Meta(pattern=r"^[0-9]{1,10}$(?!\n)")] | None = None
    """CV08.50.002."""

    manufacturer: Line60 | None = None
    unit_price: Amount | None = None
    remark: Line100 | None = None


class PrescriptionReview(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The pharmacist's judgement; without a passed one nothing may be dispensed."""

    reviewer_id: LocalId
    """Staff number of the pharmacist."""

    result: Literal["passed", "rejected"]
    reviewed_at: Instant
    reject_reason: Prose500 | None = None
    rational_checked: bool
    """An automatic drug check was run."""

    rational_result: Prose1000 | None = None
    reviewer_signature: ElectronicSignature

    def __post_init__(self) -> None:
        """Conditions between fields, as the supervision list states them."""
        if self.result == "rejected" and self.reject_reason is None:
            raise ValueError("reject_reason is required when result is rejected")
        if self.rational_checked and self.rational_result is None:
            raise ValueError("rational_result is required when rational_checked is true")


class Prescription(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """互联网处方."""

    rx_no: LocalId
    rx_unique_id: LocalId
    """Random number under which an outside pharmacy looks it up."""

    rx_type: Literal["1", "2", "3"]
    """1 western or mixed, 2 Chinese patent, 3 herbal."""

    doses: Annotated[int, Meta(ge=1, le=100)] | None = None
    """帖数: number of herbal doses."""

    dx: DiagnosisList
    history: Prose500
    allergy: Line100
    """Known allergies, or the word for none: never left open."""

    issued_at: Instant
    valid_days: Days
    total_fee: Money
    cost_type: Literal["1", "2"] | None = None
    """1 paid by the patient, 2 insurance."""

    lines: Annotated[tuple[PrescriptionLine, ...], Meta(min_length=1, max_length=50)]
    guardian_present: bool | None = None
    """For a child: the guardian took part in the visit."""

    provenance: Provenance
    doctor_signature: ElectronicSignature
    review: PrescriptionReview | None = None

    def __post_init__(self) -> None:
        """Conditions between fields, as the supervision list states them."""
        if self.rx_type == "3" and self.doses is None:
            raise ValueError("doses is required when rx_type is 3")
        if self.review is not None and self.review.reviewed_at < self.issued_at:
            raise ValueError("review.reviewed_at must not be before issued_at")
