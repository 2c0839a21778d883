"""Which invented hospital, patients and records does the vault accept?

Numbers have the right structure and check characters and belong to nobody:
sequence digits of identity numbers begin at 900, telephone numbers lie in the
block 0000. Lines are decoded JSON of an import file, so that a test may change
a field before it hands them over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

import orjson
from stdnum.cn import ric

from secure_records.testing.determinism import BEGINNING
from shared_kernel.errors import BadInput
from shared_kernel.instants import CHINA

Line: TypeAlias = dict[str, Any]
"""One line of an import file, decoded."""

INSTITUTION: Final = "12340100490000001M"
"""Credit code of the invented hospital."""

CLINICIAN: Final = "SYN-D001"
PHARMACIST: Final = "SYN-P001"
PHARMACY: Final = "91340100MA20000010"

MOST: Final = 1_000_000
"""Patients and visits that have a number of their own."""

_AREA: Final = "110105"
_FIRST_BORN: Final = date(1960, 1, 1)
_DAYS: Final = 14_000
"""Birth dates lie within so many days: everybody is grown up."""

_FAMILY: Final = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
_GIVEN: Final = "安宁和平康泰明远清扬思齐若水怀瑾"
_DAY: Final = timedelta(days=1)


class SyntheticRefused(BadInput):
    """No patient or visit has this number."""

    code = "testing.number_refused"
    default_hint = "count patients and visits from 1"


def synthetic_patient(number: int) -> Line:
    """The ``subject`` of patient ``number``, from 1: always the same person.

    Raises:
        SyntheticRefused: a number below 1 or too large.
    """
    _require(number, "patient")
    born = _FIRST_BORN + (number % _DAYS) * _DAY
    sex = "1" if number % 2 else "2"
    # Odd sequence numbers are male, even ones female (GB 11643).
    sequence = 900 + 2 * ((number // _DAYS) % 49) + (sex == "1")
    body = f"{_AREA}{born:%Y%m%d}{sequence:03d}"
    given = _GIVEN[number % 16] + _GIVEN[(number // 16) % 16]
    return {
        "id_type": "01",
        "id_no": f"{body}{ric.calc_check_digit(f'{body}0')}",
        "name": f"{_FAMILY[(number // 256) % 16]}{given}",
        "sex": sex,
        "birth_date": born.isoformat(),
        "phone": f"1{380000 + number // 10_000:06d}{number % 10_000:04d}",
        "address": f"示范市合成路{number}号",
    }


def synthetic_lines(visit: int = 1, *, patient: int | None = None) -> tuple[Line, ...]:
    """The five records of visit ``visit``, in the order in which they came about.

    ``revisit_proof``, ``consent``, ``chat_transcript``, ``outpatient_record`` and a
    reviewed ``prescription``.

    Args:
        visit: From 1; makes every number in the lines.
        patient: Whose visit; default: the patient with the visit's number.

    Raises:
        SyntheticRefused: a number below 1 or too large.
    """
    _require(visit, "visit")
    subject = synthetic_patient(visit if patient is None else patient)
    starts = BEGINNING.astimezone(CHINA) - _DAY + timedelta(minutes=visit % 400)
    bodies = (
        ("revisit_proof", 0, _proof(starts)),
        ("consent", 1, _consent(visit, starts + timedelta(minutes=1))),
        ("chat_transcript", 8, _chat(starts)),
        ("outpatient_record", 10, _record(visit)),
        ("prescription", 15, _prescription(visit, starts)),
    )
    return tuple(
        {
            "kind": kind,
            "external_id": f"SYN-{visit:07d}-{kind}",
            "institution": INSTITUTION,
            "subject": dict(subject),
            "visit": f"SYN-V{visit:07d}",
            "clinician": CLINICIAN,
            "occurred_at": (starts + timedelta(minutes=minutes)).isoformat(),
            "body": body,
        }
        for kind, minutes, body in bodies
    )


def lines_as_bytes(lines: Sequence[Mapping[str, Any]]) -> tuple[bytes, ...]:
    """The lines as they stand in an import file, each with its newline."""
    return tuple(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)


def registry_document() -> bytes:
    """The register of the invented hospital, as the vault's registry reads it.

    Accounts: ``records-desk`` (records officer), ``d001`` (treating clinician),
    ``p001`` (pharmacist), ``quality`` (quality control), ``dpo`` (data protection
    officer) and ``pharmacy-desk`` of the partner ``demo-pharmacy``.
    """
    accounts = (
        ("records-desk", None, "records_officer"),
        ("d001", CLINICIAN, "clinician"),
        ("p001", PHARMACIST, "pharmacist"),
        ("quality", None, "quality_control"),
        ("dpo", None, "data_protection_officer"),
    )
    actors: list[Line] = [
        {"id": account, "roles": [role]} | ({} if person is None else {"person": person})
        for account, person, role in accounts
    ]
    actors.append({"id": "pharmacy-desk", "roles": ["pharmacist"], "partner": "demo-pharmacy"})
    return orjson.dumps(
        {
            "institution": {
                "credit_code": INSTITUTION,
                "name": "金匮示范互联网医院",
                "province": "34",
            },
            "staff": [
                {"id": CLINICIAN, "name": "合成医师", "roles": ["physician"]},
                {"id": PHARMACIST, "name": "合成药师", "roles": ["pharmacist"]},
            ],
            "partners": [
                {
                    "id": "demo-pharmacy",
                    "name": "康宁示范大药房有限公司",
                    "credit_code": PHARMACY,
                    "kind": "pharmacy",
                }
            ],
            "actors": actors,
        }
    )


def _require(number: int, field: str) -> None:
    if not 1 <= number <= MOST:
        raise SyntheticRefused(f"{field}: expected a number from 1 to {MOST}", where=field)


def _digest(*parts: object) -> str:
    return f"sha256:{hashlib.sha256('/'.join(map(str, parts)).encode()).hexdigest()}"


def _signature(serial: str) -> Line:
    # Opaque to the vault: it signs nothing.
    return {"algorithm": "sm2-sm3", "certificate_serial": serial, "value": "U1lOVEhFVElD"}


def _diagnoses() -> list[Line]:
    return [{"code": "J30.400", "name": "变应性鼻炎"}]


def _proof(starts: datetime) -> Line:
    return {
        "prior_org_name": "示范省人民医院",
        "prior_visit_date": (starts - 60 * _DAY).date().isoformat(),
        "original_dx": _diagnoses(),
        "materials": ["outpatient_record"],
        "material_digest": _digest("material", starts),
        "confirmed_by": CLINICIAN,
        "confirmed_at": starts.isoformat(),
    }


def _consent(visit: int, at: datetime) -> Line:
    return {
        "consent_no": f"SYN-C{visit:07d}",
        "text_id": "online-visit",
        "text_version": "2026.1",
        "text_digest": _digest("consent-text"),
        "channel": "app",
        "scope": [
            {"kind": "sensitive", "purpose": "treatment"},
            {"kind": "separate_provision", "purpose": "dispensing", "partner": PHARMACY},
        ],
        "given_by": "patient",
        "given_at": at.isoformat(),
        "evidence_digest": _digest("evidence", visit),
    }


def _chat(starts: datetime) -> Line:
    said = (("patient", "鼻子又不舒服了。"), ("clinician", "继续用原来的药，两周后复诊。"))
    return {
        "channel": "1",
        "started_at": (starts + timedelta(minutes=2)).isoformat(),
        "ended_at": (starts + timedelta(minutes=8)).isoformat(),
        "messages": [
            {"role": role, "at": (starts + timedelta(minutes=3 + n)).isoformat(), "text": text}
            for n, (role, text) in enumerate(said)
        ],
    }


def _record(visit: int) -> Line:
    return {
        "record_no": f"SYN-E{visit:07d}",
        "channel": "1",
        "subject_code": "11.02",
        "dept_class_code": "11",
        "dept_name": "耳鼻咽喉科",
        "is_follow_up": True,
        "chief_complaint": "反复鼻痒、喷嚏，复诊",
        "present_history": "既往诊断变应性鼻炎，用药有效。",
        "allergy": "无",
        "dx": _diagnoses(),
        "opinion": "继续用药，两周后复诊。",
        "provenance": {"author": CLINICIAN, "written_by": "clinician"},
        "doctor_signature": _signature("5359D001"),
    }


def _prescription(visit: int, starts: datetime) -> Line:
    return {
        "rx_no": f"SYN-R{visit:07d}",
        "rx_unique_id": f"SYN-RX-{visit:012d}",
        "rx_type": "1",
        "dx": _diagnoses(),
        "history": "既往诊断变应性鼻炎，用药有效。",
        "allergy": "无",
        "issued_at": (starts + timedelta(minutes=11)).isoformat(),
        "valid_days": 3,
        "total_fee": "18.00",
        "lines": [
            {
                "drug_code": "SYN-Y007",
                "drug_name": "氯雷他定片",
                "control_class": "ordinary",
                "spec": "10mg*14片",
                "route": "1",
                "frequency": "qd",
                "dose": "10",
                "dose_unit": "mg",
                "total": "1",
                "total_unit": "盒",
                "days": 14,
                "otc": True,
            }
        ],
        "provenance": {"author": CLINICIAN, "written_by": "clinician"},
        "doctor_signature": _signature("5359D001"),
        "review": {
            "reviewer_id": PHARMACIST,
            "result": "passed",
            "reviewed_at": (starts + timedelta(minutes=15)).isoformat(),
            "rational_checked": True,
            "rational_result": "未发现不合理用药",
            "reviewer_signature": _signature("5359P001"),
        },
    }
