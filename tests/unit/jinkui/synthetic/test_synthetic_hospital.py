"""The synthetic hospital is the same for the same seed, valid, and visibly invented."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from stdnum.cn import ric, uscc

from jinkui.synthetic.conditions import conditions
from jinkui.synthetic.errors import SizeRefused
from jinkui.synthetic.faults import Fault
from jinkui.synthetic.hospital import SPAN_DAYS, SyntheticHospital
from jinkui.synthetic.institution import CLINICIANS, PHARMACISTS
from secure_records.admission import AdmissionFacts, admit
from secure_records.intake import parse_line
from secure_records.models import NewRecord
from secure_records.registry import RegistryDocument, read_registry_document
from shared_kernel.errors import BadInput
from shared_kernel.instants import CHINA

ROOT = Path(__file__).parents[4]
START = date(2026, 3, 2)
HOSPITAL = SyntheticHospital(42, patients=150, visits=400, start=START)
LINES: list[Any] = list(HOSPITAL.lines())
REGISTRY: RegistryDocument = read_registry_document(orjson.dumps(HOSPITAL.registry_document()))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def facts() -> AdmissionFacts:
    """The surroundings the vault would gather for a line of this hospital."""
    return AdmissionFacts(
        tenant=REGISTRY.institution.credit_code,
        institution=REGISTRY.institution,
        staff={member.id: member for member in REGISTRY.staff},
        revisit_proof=True,
    )


def refusal_code(raw: bytes) -> str | None:
    """The code under which a line is refused; None: accepted."""
    try:
        record: NewRecord = parse_line(raw, 1)
    except BadInput as refusal:
        return refusal.code
    refusals = admit(record, facts()).refusals
    return f"admission.{refusals[0].rule}" if refusals else None


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """
    Two hospitals of one seed write equal files; another seed writes another.
    """
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        hospital = SyntheticHospital(seed, patients=20, visits=30, start=START)
        hospital.write_lines(tmp_path / name)
        hospital.write_registry(tmp_path / f"{name}.yaml")

    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")
    assert digest(tmp_path / "a.yaml") == digest(tmp_path / "b.yaml")


def test_writing_twice_gives_the_same_lines(tmp_path: Path) -> None:
    """
    A hospital carries no state that one pass would use up.
    """
    count = HOSPITAL.write_lines(tmp_path / "lines.jsonl")

    raw = (tmp_path / "lines.jsonl").read_bytes().splitlines()
    assert count == len(raw) == len(LINES)
    assert [orjson.loads(line) for line in raw] == LINES


def test_every_identity_number_is_valid() -> None:
    """
    Patients, guardians and staff: date, check character, and an area that existed then.
    """
    people = [patient.identity for patient in HOSPITAL.patients]
    guardians: list[Any] = [person["guardian"] for person in people if "guardian" in person]
    numbers = [person["id_no"] for person in people if person["id_type"] == "01"]
    numbers += [guardian["id_no"] for guardian in guardians]
    numbers += [member.id_no for member in HOSPITAL.institution.staff]

    assert guardians
    assert all(ric.is_valid(number) for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_every_credit_code_is_valid() -> None:
    """
    Hospital, partners and the hospitals of the first diagnoses pass GB 32100.
    """
    institution = HOSPITAL.institution
    codes = [institution.credit_code, *(p.credit_code for p in institution.partners)]
    codes += [code for _, code in institution.earlier_hospitals]

    assert all(uscc.is_valid(code) for code in codes)
    assert len(set(codes)) == len(codes)


def test_the_parties_are_those_of_the_example_agreements() -> None:
    """
    An example agreement can be put into force for the synthetic hospital as it stands.
    """
    partners = {row.id: row for row in HOSPITAL.institution.partners}
    for name in ("pharmacy", "insurer", "cloud_operator"):
        path = ROOT / "config" / "examples" / "agreements" / f"{name}.yaml"
        agreement = yaml.safe_load(path.read_text(encoding="utf-8"))
        partner = partners[agreement["partner"]["id"]]

        assert agreement["discloser"]["credit_code"] == HOSPITAL.institution.credit_code
        assert agreement["partner"]["credit_code"] == partner.credit_code
        assert set(agreement["roles"]) == set(partner.roles)


def test_people_are_distinct_and_of_every_sort() -> None:
    """
    Unique numbers and telephones; children under six, foreigners and old people exist.
    """
    identities = [patient.identity for patient in HOSPITAL.patients]
    ages = [patient.age_on(START) for patient in HOSPITAL.patients]

    assert len({person["phone"] for person in identities}) == len(identities)
    assert len({person["id_no"] for person in identities}) == len(identities)
    assert {person["id_type"] for person in identities} == {"01", "03", "06", "07"}
    assert min(ages) < 6
    assert max(ages) > 70


def test_children_under_six_have_guardians() -> None:
    """
    Identity and prescription name the guardian; the guardian is an adult.
    """
    small = [p for p in HOSPITAL.patients if p.age_on(START - timedelta(days=SPAN_DAYS)) < 6]
    assert small
    for patient in small:
        guardian: Any = patient.identity["guardian"]
        born = ric.get_birth_date(guardian["id_no"])
        assert patient.birth_date.year - born.year >= 18

    for line in LINES:
        born = date.fromisoformat(line["subject"]["birth_date"])
        if line["kind"] == "prescription" and START.year - born.year < 6:
            assert line["body"]["guardian_present"] is True


def test_every_good_line_is_read_and_admitted() -> None:
    """
    No good line is refused or even flagged by shape, registry or red lines.
    """
    for line in LINES:
        record = parse_line(orjson.dumps(line), 1)
        assert admit(record, facts()).verdicts == ()


def test_a_prescription_has_two_different_people_behind_it() -> None:
    """
    The treating physician writes, a pharmacist of the hospital reviews.
    """
    pharmacists = {member.id for member in HOSPITAL.institution.pharmacists}
    prescriptions = [line for line in LINES if line["kind"] == "prescription"]

    assert 0.5 < len(prescriptions) / 400 < 0.8
    for line in prescriptions:
        assert line["body"]["provenance"]["author"] == line["clinician"]
        assert line["body"]["review"]["reviewer_id"] in pharmacists


def test_a_visit_runs_in_order_within_working_hours() -> None:
    """
    Proof, consent, dialogue, record, prescription; the file is in the order of time.
    """
    order = ("revisit_proof", "consent", "chat_transcript", "outpatient_record", "prescription")
    records = [parse_line(orjson.dumps(line), 1) for line in LINES]
    times = [record.occurred_at for record in records]
    assert times == sorted(times)

    visits: dict[str, list[str]] = {}
    for record in records:
        visits.setdefault(record.visit, []).append(record.kind)
        local = record.occurred_at.astimezone(CHINA)
        assert 8 <= local.hour < 18
        assert START - timedelta(days=SPAN_DAYS) <= local.date() < START
    assert len(visits) == 400
    assert all(tuple(kinds) == order[: len(kinds)] for kinds in visits.values())


def test_diseases_fit_age_sex_and_department() -> None:
    """
    Nobody has a disease outside its ages on any visit, and the right department answers.
    """
    departments = {m.id: m.subject for m in HOSPITAL.institution.clinicians}
    known = {(c.dx_code, c.subject.code): c for c in conditions()}
    for line in LINES:
        if line["kind"] != "outpatient_record":
            continue
        body, subject = line["body"], line["subject"]
        condition = known[body["dx"][0]["code"], body["subject_code"]]
        born = date.fromisoformat(subject["birth_date"])
        day = date.fromisoformat(line["occurred_at"][:10])
        age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))

        assert condition.fits(age, subject["sex"])
        assert departments[line["clinician"]] == condition.subject


def test_everything_is_visibly_synthetic() -> None:
    """
    Nobody can mistake a line or a member of staff for a real one.
    """
    for line in LINES:
        assert line["external_id"].startswith("SYN-")
        assert line["visit"].startswith("SYN-")
        assert line["clinician"].startswith("SYN-")
    assert all(member.id.startswith("SYN-") for member in HOSPITAL.institution.staff)


def test_the_registry_is_read_without_a_warning() -> None:
    """
    Forty clinicians, six pharmacists, three separate administrators, two releasers.
    """
    roles = [role for member in REGISTRY.staff for role in member.roles]
    holders = {
        role: {actor.person for actor in REGISTRY.actors if role in actor.roles}
        for role in ("system_admin", "security_admin", "audit_admin", "releaser")
    }

    assert REGISTRY.warnings == ()
    assert roles.count("physician") == CLINICIANS
    assert [m for m in REGISTRY.staff if "pharmacist" in m.roles][:PHARMACISTS]
    assert len(REGISTRY.partners) == 3
    assert len(set.union(*holders.values())) == 5
    assert "data_protection_officer" in roles
    assert "quality_control" in roles


def test_the_written_registry_is_the_same_document(tmp_path: Path) -> None:
    """
    YAML for people and JSON for programs read as one registry.
    """
    HOSPITAL.write_registry(tmp_path / "registry.yaml")

    assert read_registry_document((tmp_path / "registry.yaml").read_bytes()) == REGISTRY


def test_each_bad_line_is_refused_for_its_own_fault(tmp_path: Path) -> None:
    """
    Two of every fault: refused under the promised code, and all other lines accepted.
    """
    path = tmp_path / "bad.jsonl"
    expected = HOSPITAL.write_lines_with_faults(path, 2 * len(Fault))

    raw = path.read_bytes().splitlines()
    bad = {row.line: row.code_family for row in expected}
    assert len(raw) == len(LINES) + len(bad)
    assert [row.fault for row in expected] == list(Fault) * 2
    for number, line in enumerate(raw, start=1):
        code = refusal_code(line)
        assert (code or "").startswith(bad.get(number, "")), (number, code)
        assert (code is None) == (number not in bad)


def test_faults_find_a_model_even_in_the_smallest_hospital(tmp_path: Path) -> None:
    """
    Ten patients and ten visits can show all eight refusals.
    """
    hospital = SyntheticHospital(1, patients=10, visits=10, start=START)

    assert len(hospital.write_lines_with_faults(tmp_path / "bad.jsonl", len(Fault))) == len(Fault)


@pytest.mark.parametrize(("patients", "visits"), [(9, 100), (10, 0), (1_000_001, 1)])
def test_impossible_sizes_are_refused(patients: int, visits: int) -> None:
    """
    Too small to hold every sort of person, or too large to hold in memory.
    """
    with pytest.raises(SizeRefused):
        SyntheticHospital(1, patients=patients, visits=visits, start=START)


def test_more_faults_than_visits_are_refused_before_a_file_exists(tmp_path: Path) -> None:
    """
    Nothing half-written is left behind.
    """
    with pytest.raises(SizeRefused):
        HOSPITAL.write_lines_with_faults(tmp_path / "bad.jsonl", 401)

    assert not (tmp_path / "bad.jsonl").exists()
