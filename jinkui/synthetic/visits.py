"""Which records does one invented visit leave behind, in which order?

Proof of the earlier diagnosis, consent, dialogue, record and mostly a
prescription that another person reviewed. Every line is visibly synthetic: all
numbers begin with ``SYN-``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Final, TypeAlias

from jinkui.synthetic.conditions import Drug
from jinkui.synthetic.institution import Staff, SyntheticInstitution
from jinkui.synthetic.numbers import digest_of, signature_of
from jinkui.synthetic.patients import GUARDIAN_BELOW, SMALL_CHILD_BELOW, Patient
from shared_kernel.canonical_json import Json

Line: TypeAlias = dict[str, Json]
"""One line of an import file, decoded."""

_PRESCRIBED: Final = 0.62
"""Share of visits that end with a prescription."""

_PHARMACY_CONSENT: Final = 0.8
_INSURER_CONSENT: Final = 0.35
_ALLERGIES: Final = ("无", "无", "无", "无", "青霉素", "磺胺类", "头孢类")
_MATERIALS: Final = (
    ("outpatient_record",),
    ("outpatient_record", "prescription"),
    ("discharge_summary",),
)
_YEAR_DAYS: Final = 365
_MONTH_DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit before it is written down."""

    number: int
    patient: Patient
    clinician: Staff
    starts_at: datetime
    """With the offset of China."""

    prescribed: bool


def plan_visit(
    draw: Random,
    number: int,
    patient: Patient,
    hospital: SyntheticInstitution,
    starts_at: datetime,
) -> Visit:
    """Choose the clinician of the right department and whether drugs are needed.

    Visits of the smallest always end with a prescription, so that the rule
    about guardians has something to apply to.
    """
    subject = patient.condition.subject
    fitting = [member for member in hospital.clinicians if member.subject == subject]
    small = patient.age_on(starts_at.date()) < SMALL_CHILD_BELOW
    return Visit(
        number=number,
        patient=patient,
        clinician=draw.choice(fitting),
        starts_at=starts_at,
        prescribed=draw.random() < _PRESCRIBED or small,
    )


def visit_lines(draw: Random, visit: Visit, hospital: SyntheticInstitution) -> Iterator[Line]:
    """The lines of one visit in the order in which they came about."""
    first_found = visit.starts_at.date() - timedelta(days=_days_ill(draw, visit))
    words = {
        "months": str(max(1, (visit.starts_at.date() - first_found).days // _MONTH_DAYS)),
        "value": draw.choice(visit.patient.condition.values),
        "drug": visit.patient.condition.drugs[0].name,
    }
    allergy = draw.choice(_ALLERGIES)
    at = visit.starts_at
    yield _line(visit, hospital, "revisit_proof", at, _proof(draw, visit, hospital, first_found))
    at += timedelta(seconds=draw.randint(20, 90))
    yield _line(visit, hospital, "consent", at, _consent(draw, visit, hospital, at))
    at += timedelta(seconds=draw.randint(30, 120))
    chat = _chat(draw, visit, at, words)
    at = datetime.fromisoformat(str(chat["ended_at"]))
    yield _line(visit, hospital, "chat_transcript", at, chat)
    at += timedelta(seconds=draw.randint(60, 300))
    yield _line(visit, hospital, "outpatient_record", at, _record(visit, words, allergy))
    if visit.prescribed:
        at += timedelta(seconds=draw.randint(30, 120))
        history = visit.patient.condition.history.format(**words)
        body, reviewed_at = _prescription(
            draw, visit, hospital, at=at, history=history, allergy=allergy
        )
        yield _line(visit, hospital, "prescription", reviewed_at, body)


def _line(
    visit: Visit, hospital: SyntheticInstitution, kind: str, at: datetime, body: Line
) -> Line:
    return {
        "kind": kind,
        "external_id": f"SYN-{visit.number:07d}-{kind}",
        "institution": hospital.credit_code,
        "subject": visit.patient.identity,
        "visit": f"SYN-V{visit.number:07d}",
        "clinician": visit.clinician.id,
        "occurred_at": at.isoformat(),
        "body": body,
    }


def _days_ill(draw: Random, visit: Visit) -> int:
    """Days since the first diagnosis: not before the patient was half a year old."""
    alive = (visit.starts_at.date() - visit.patient.birth_date).days
    return draw.randint(_MONTH_DAYS, max(_MONTH_DAYS + 1, min(4 * _YEAR_DAYS, alive // 2)))


def _proof(draw: Random, visit: Visit, hospital: SyntheticInstitution, first_found: date) -> Line:
    condition = visit.patient.condition
    name, code = draw.choice(hospital.earlier_hospitals)
    return {
        "prior_org_name": name,
        "prior_org_uscc": code,
        "prior_visit_date": first_found.isoformat(),
        "original_dx": [{"code": condition.dx_code, "name": condition.dx_name}],
        "materials": list(draw.choice(_MATERIALS)),
        "material_digest": digest_of("material", str(visit.number)),
        "confirmed_by": visit.clinician.id,
        "confirmed_at": visit.starts_at.isoformat(),
    }


def _consent(draw: Random, visit: Visit, hospital: SyntheticInstitution, at: datetime) -> Line:
    scope: list[Json] = [{"kind": "sensitive", "purpose": "treatment"}]
    for share, kind, purpose in (
        (_PHARMACY_CONSENT, "pharmacy", "dispensing"),
        (_INSURER_CONSENT, "insurer", "claims_settlement"),
    ):
        if draw.random() < share:
            partner = hospital.partner_of_kind(kind).credit_code
            scope.append({"kind": "separate_provision", "purpose": purpose, "partner": partner})
    return {
        "consent_no": f"SYN-C{visit.number:07d}",
        "text_id": "online-visit",
        "text_version": "2026.1",
        "text_digest": digest_of("consent-text", "2026.1"),
        "channel": draw.choice(("app", "mini_program", "web")),
        "scope": scope,
        "given_by": _speaker(visit),
        "given_at": at.isoformat(),
        "evidence_digest": digest_of("consent", str(visit.number)),
    }


def _speaker(visit: Visit) -> str:
    young = visit.patient.age_on(visit.starts_at.date()) < GUARDIAN_BELOW
    return "guardian" if young and visit.patient.has_guardian else "patient"


def _chat(draw: Random, visit: Visit, at: datetime, words: dict[str, str]) -> Line:
    messages: list[Json] = [
        {"role": "system", "at": at.isoformat(), "text": "【合成数据 SYNTHETIC】医师已接诊。"}
    ]
    started = at
    for role, template in visit.patient.condition.talk:
        at += timedelta(seconds=draw.randint(12, 150))
        text = template.format(**words)
        messages.append({"role": role, "at": at.isoformat(), "text": text})
    at += timedelta(seconds=draw.randint(10, 60))
    return {
        "channel": "1",
        "started_at": started.isoformat(),
        "ended_at": at.isoformat(),
        "messages": messages,
    }


def _signature(member: Staff, visit: Visit, what: str) -> Json:
    return signature_of(member.certificate_serial, what, str(visit.number))


def _author(visit: Visit) -> Json:
    return {"author": visit.clinician.id, "written_by": "clinician"}


def _record(visit: Visit, words: dict[str, str], allergy: str) -> Line:
    condition = visit.patient.condition
    return {
        "record_no": f"SYN-E{visit.number:07d}",
        "channel": "1",
        "subject_code": condition.subject.code,
        "dept_class_code": condition.subject.dept_class,
        "dept_name": condition.subject.name,
        "is_follow_up": True,
        "chief_complaint": condition.complaint.format(**words),
        "present_history": condition.history.format(**words),
        "allergy": allergy,
        "assist_result": condition.result.format(**words),
        "dx": [{"code": condition.dx_code, "name": condition.dx_name}],
        "opinion": condition.opinion.format(**words),
        "provenance": _author(visit),
        "doctor_signature": _signature(visit.clinician, visit, "record"),
    }


def _prescription(
    draw: Random,
    visit: Visit,
    hospital: SyntheticInstitution,
    *,
    at: datetime,
    history: str,
    allergy: str,
) -> tuple[Line, datetime]:
    condition = visit.patient.condition
    drugs = condition.drugs[: draw.randint(1, len(condition.drugs))]
    reviewer = draw.choice(hospital.pharmacists)
    reviewed_at = at + timedelta(seconds=draw.randint(90, 600))
    fee = sum(int(drug.price.replace(".", "")) for drug in drugs)
    body: Line = {
        "rx_no": f"SYN-R{visit.number:07d}",
        "rx_unique_id": f"SYN-{draw.getrandbits(96):024x}",
        "rx_type": "1",
        "dx": [{"code": condition.dx_code, "name": condition.dx_name}],
        "history": history,
        "allergy": allergy,
        "issued_at": at.isoformat(),
        "valid_days": 3,
        "total_fee": f"{fee // 100}.{fee % 100:02d}",
        "cost_type": draw.choice("12"),
        "lines": [_drug_line(drug) for drug in drugs],
        "provenance": _author(visit),
        "doctor_signature": _signature(visit.clinician, visit, "prescription"),
        "review": {
            "reviewer_id": reviewer.id,
            "result": "passed",
            "reviewed_at": reviewed_at.isoformat(),
            "rational_checked": True,
            "rational_result": "未发现不合理用药",
            "reviewer_signature": _signature(reviewer, visit, "review"),
        },
    }
    if visit.patient.has_guardian:
        body["guardian_present"] = True
    return body, reviewed_at


def _drug_line(drug: Drug) -> Json:
    return {
        "drug_code": drug.code,
        "drug_name": drug.name,
        "control_class": "ordinary",
        "spec": drug.spec,
        "route": drug.route,
        "frequency": drug.frequency,
        "dose": drug.dose,
        "dose_unit": drug.dose_unit,
        "total": drug.total,
        "total_unit": drug.total_unit,
        "days": drug.days,
        "otc": drug.otc,
        "dosage_form": drug.form,
        "manufacturer": "合成制药有限公司",
        "unit_price": drug.price,
    }
