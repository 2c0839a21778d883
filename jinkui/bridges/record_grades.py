"""Which grade is a record owed, given what its body says?

The record store knows shapes, the grading room knows what is special; neither
knows the other. This file reads the structured signs out of a body and asks. A
body whose shape is not known here is graded strictest, never by its kind alone.

A dialogue and a consent carry no code: they keep the grade of their kind, also
beside a record of the same visit that is graded higher.
"""

from __future__ import annotations

import msgspec

from classification.grading.record_grade import grade_record
from classification.grading.record_traits import RecordSigns, traits_of
from secure_records.kinds.chat_transcript import ChatTranscript
from secure_records.kinds.consent import Consent
from secure_records.kinds.diagnosis import DiagnosisList
from secure_records.kinds.outpatient_record import OutpatientRecord
from secure_records.kinds.prescription import Prescription
from secure_records.kinds.revisit_proof import RevisitProof
from shared_kernel.grades import STRICTEST, Grade


def record_grade(kind: str, body: msgspec.Struct) -> Grade:
    """The grade of one record; pure.

    Args:
        kind: Name in the catalogue of kinds; an unknown one is graded strictest.
        body: The parsed body.
    """
    signs = _signs(body)
    return STRICTEST if signs is None else grade_record(kind, traits_of(signs)).grade


def _signs(body: msgspec.Struct) -> RecordSigns | None:
    """None: nobody said where to look in a body of this shape."""
    match body:
        case OutpatientRecord():
            return RecordSigns(diagnoses=_codes(body.dx), subjects=(body.subject_code,))
        case Prescription():
            drugs = tuple(line.control_class for line in body.lines)
            return RecordSigns(diagnoses=_codes(body.dx), control_classes=drugs)
        case RevisitProof():
            return RecordSigns(diagnoses=_codes(body.original_dx))
        case ChatTranscript() | Consent():
            return RecordSigns()
        case _:
            return None


def _codes(diagnoses: DiagnosisList) -> tuple[str, ...]:
    return tuple(diagnosis.code for diagnosis in diagnoses)
