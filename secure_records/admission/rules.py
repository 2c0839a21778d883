"""Does this record keep within one named red line?

A closed set of predicates; each is true when the line is kept. Numbers, lists
and severities stand in ``red_lines.yaml``: a new red line is a new row, and a
new predicate here only if no existing one can judge it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final, TypeAlias

from secure_records.admission.facts import AdmissionFacts
from secure_records.kinds.attestation import Provenance
from secure_records.kinds.identity import ID_CARD
from secure_records.kinds.outpatient_record import OutpatientRecord
from secure_records.kinds.prescription import Prescription
from secure_records.models import NewRecord
from secure_records.registry.errors import NumberRefused
from secure_records.registry.models import StaffMember
from secure_records.registry.resident_number import read_resident_number
from shared_kernel.instants import CHINA

Parameters: TypeAlias = Mapping[str, int | tuple[str, ...]]
"""Values of the row."""

Rule: TypeAlias = Callable[[NewRecord, AdmissionFacts, Parameters], bool]


def _institution_registered(record: NewRecord, facts: AdmissionFacts, _: Parameters) -> bool:
    return (
        facts.institution is not None
        and facts.institution.credit_code == facts.tenant
        and record.institution == facts.tenant
    )


def _clinician_registered(record: NewRecord, facts: AdmissionFacts, _: Parameters) -> bool:
    return _in_good_standing(facts.staff.get(record.clinician), record, facts)


def _clinician_is_not_the_patient(record: NewRecord, facts: AdmissionFacts, _: Parameters) -> bool:
    clinician = facts.staff.get(record.clinician)
    if clinician is None or clinician.id_no is None:
        # Nobody registered under this number is another rule's refusal; without a
        # registered document number a shared name proves nothing either way.
        return True
    return record.subject.id_type != ID_CARD or clinician.id_no != record.subject.id_no


def _patient_document_valid(record: NewRecord, facts: AdmissionFacts, _: Parameters) -> bool:  # noqa: ARG001 - one shape for all rules
    subject = record.subject
    if subject.birth_date > _day(record):
        return False
    if subject.id_type != ID_CARD:
        return True
    try:
        return read_resident_number(subject.id_no, "subject").birth_date == subject.birth_date
    except NumberRefused:
        return False


def _written_by_clinician(record: NewRecord, _: AdmissionFacts, parameters: Parameters) -> bool:
    provenance = _provenance(record)
    return provenance is not None and provenance.written_by in _texts(parameters, "accepted")


def _author_is_clinician(record: NewRecord, _: AdmissionFacts, __: Parameters) -> bool:
    provenance = _provenance(record)
    return provenance is not None and provenance.author == record.clinician


def _not_ai_assisted(record: NewRecord, _: AdmissionFacts, __: Parameters) -> bool:
    provenance = _provenance(record)
    return provenance is not None and not provenance.ai_assisted


def _clinician_has_role(record: NewRecord, facts: AdmissionFacts, parameters: Parameters) -> bool:
    clinician = facts.staff.get(record.clinician)
    return clinician is not None and _has_role(clinician, parameters)


def _reviewed_by_other_pharmacist(
    record: NewRecord, facts: AdmissionFacts, parameters: Parameters
) -> bool:
    body = record.body
    if not isinstance(body, Prescription) or body.review is None:
        return False
    reviewer = facts.staff.get(body.review.reviewer_id)
    return (
        reviewer is not None
        and reviewer.id not in {record.clinician, body.provenance.author}
        and _in_good_standing(reviewer, record, facts)
        and _has_role(reviewer, parameters)
    )


def _review_passed(record: NewRecord, _: AdmissionFacts, __: Parameters) -> bool:
    body = record.body
    return (
        isinstance(body, Prescription)
        and body.review is not None
        and body.review.result == "passed"
    )


def _no_special_drugs(record: NewRecord, _: AdmissionFacts, parameters: Parameters) -> bool:
    body = record.body
    if not isinstance(body, Prescription):
        return False
    ordinary, terms = _texts(parameters, "ordinary"), _texts(parameters, "terms")
    return all(
        line.control_class in ordinary
        # The name is compared too: a special drug filed as ordinary is the obvious way round.
        and not any(term in unicodedata.normalize("NFKC", line.drug_name) for term in terms)
        for line in body.lines
    )


def _guardian_with_young_child(
    record: NewRecord, _: AdmissionFacts, parameters: Parameters
) -> bool:
    limit = parameters.get("under_years")
    if not isinstance(limit, int):
        return False
    if _age(record.subject.birth_date, _day(record)) >= limit:
        return True
    body = record.body
    return (
        isinstance(body, Prescription)
        and body.guardian_present is True
        and record.subject.guardian is not None
    )


def _revisit_proof_known(_: NewRecord, facts: AdmissionFacts, __: Parameters) -> bool:
    return facts.revisit_proof


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "author_is_clinician": _author_is_clinician,
        "clinician_has_role": _clinician_has_role,
        "clinician_is_not_the_patient": _clinician_is_not_the_patient,
        "clinician_registered": _clinician_registered,
        "guardian_with_young_child": _guardian_with_young_child,
        "institution_registered": _institution_registered,
        "no_special_drugs": _no_special_drugs,
        "not_ai_assisted": _not_ai_assisted,
        "patient_document_valid": _patient_document_valid,
        "review_passed": _review_passed,
        "reviewed_by_other_pharmacist": _reviewed_by_other_pharmacist,
        "revisit_proof_known": _revisit_proof_known,
        "written_by_clinician": _written_by_clinician,
    }
)
"""By the name that rows use."""


def staff_named(record: NewRecord) -> frozenset[str]:
    """Every staff number whose standing the rules will ask for."""
    named = {record.clinician}
    if isinstance(record.body, Prescription) and record.body.review is not None:
        named.add(record.body.review.reviewer_id)
    return frozenset(named)


def _in_good_standing(member: StaffMember | None, record: NewRecord, facts: AdmissionFacts) -> bool:
    return (
        member is not None
        and member.registered
        and member.institution == facts.tenant
        and (member.valid_until is None or _day(record) <= member.valid_until)
    )


def _has_role(member: StaffMember, parameters: Parameters) -> bool:
    return not _texts(parameters, "roles").isdisjoint(member.roles)


def _provenance(record: NewRecord) -> Provenance | None:
    if isinstance(record.body, OutpatientRecord | Prescription):
        return record.body.provenance
    return None


def _day(record: NewRecord) -> date:
    """Calendar day of the visit in China: registrations and ages count in local days."""
    return record.occurred_at.astimezone(CHINA).date()


def _age(born: date, on: date) -> int:
    """Completed years; who is born on 29 February ages on 1 March of other years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _texts(parameters: Parameters, name: str) -> frozenset[str]:
    values = parameters.get(name, ())
    return frozenset() if isinstance(values, int) else frozenset(values)
