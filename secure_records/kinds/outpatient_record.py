"""What belongs into the electronic medical record of one online visit?

The fields of the resource ``emr`` of the supervision list. Physician names and
numbers are not repeated: the line names the clinician, the registry knows them.
"""

from __future__ import annotations

from msgspec import Struct

from secure_records.kinds.attestation import ElectronicSignature, Provenance
from secure_records.kinds.constraints import (
    Channel,
    DeptClass,
    Line30,
    Line200,
    LocalId,
    Prose500,
    SubjectCode,
)
from secure_records.kinds.diagnosis import DiagnosisList


class OutpatientRecord(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """门（急）诊电子病历."""

    record_no: LocalId
    channel: Channel
    subject_code: SubjectCode
    """诊疗科目 under which the visit took place."""

    dept_class_code: DeptClass
    dept_name: Line30
    is_follow_up: bool
    """The physician confirms that this is a follow-up of a diagnosed disease."""

    chief_complaint: Prose500
    present_history: Prose500
    past_history: Prose500 | None = None
    allergy: Line200 | None = None
    assist_result: Line200 | None = None
    """Examination results."""

    dx: DiagnosisList
    opinion: Prose500
    provenance: Provenance
    doctor_signature: ElectronicSignature
