"""Red lines refuse what the rules forbid, flag what must be looked at, and cite the clause."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import orjson
import pytest

from jinkui.synthetic.hospital import SyntheticHospital
from secure_records import NewRecord, parse_line
from secure_records.admission import AdmissionFacts, admit, red_lines, staff_named
from secure_records.registry import RegistryDocument, StaffMember, read_registry_document

HOSPITAL = SyntheticHospital(3, patients=20, visits=20, start=date(2026, 3, 2))
REGISTRY: RegistryDocument = read_registry_document(orjson.dumps(HOSPITAL.registry_document()))
TENANT = REGISTRY.institution.credit_code
LINES: list[dict[str, Any]] = [orjson.loads(orjson.dumps(line)) for line in HOSPITAL.lines()]


def line_of(kind: str, *, child: bool = False) -> dict[str, Any]:
    for line in LINES:
        if line["kind"] == kind and (not child or line["subject"]["birth_date"] > "2021"):
            return orjson.loads(orjson.dumps(line))  # type: ignore[no-any-return]
    raise LookupError(kind)


def read(line: dict[str, Any]) -> NewRecord:
    return parse_line(orjson.dumps(line), 1)


def facts(**changes: object) -> AdmissionFacts:
    values: dict[str, Any] = {
        "tenant": TENANT,
        "institution": REGISTRY.institution,
        "staff": {member.id: member for member in REGISTRY.staff},
        "revisit_proof": True,
    }
    return AdmissionFacts(**{**values, **changes})


def crossed(record: NewRecord, given: AdmissionFacts | None = None) -> list[str]:
    return [verdict.rule for verdict in admit(record, given or facts()).verdicts]


def with_staff(name: str, **changes: object) -> AdmissionFacts:
    staff = {member.id: member for member in REGISTRY.staff}
    staff[name] = replace(staff[name], **changes)  # type: ignore[arg-type]
    return facts(staff=staff)


def edited(kind: str, edit: Callable[[dict[str, Any]], None], *, child: bool = False) -> NewRecord:
    line = line_of(kind, child=child)
    edit(line)
    return read(line)


def test_good_lines_cross_nothing() -> None:
    """Every line of a lawful hospital is admitted without a word."""
    assert {rule for line in LINES for rule in crossed(read(line))} == set()


def test_every_verdict_has_a_clause_and_both_languages() -> None:
    """Each row names law, edition and clause, says what is wrong and what to do, twice."""
    for row in red_lines():
        verdict = row.verdict
        assert verdict.citation.law
        assert verdict.citation.edition
        assert verdict.citation.clause
        assert all((verdict.zh, verdict.en, verdict.fix_zh, verdict.fix_en))


def test_only_the_registered_institution() -> None:
    """Without a registered institution, or for another one, nothing is admitted."""
    record = read(line_of("consent"))

    assert crossed(record, facts(institution=None)) == ["institution.registered"]
    assert crossed(replace(record, institution="91640100MA0000007A")) == ["institution.registered"]


@pytest.mark.parametrize(
    "changes",
    [
        {"registered": False},
        {"institution": "91640100MA0000007A"},
        {"valid_until": date(2020, 1, 1)},
    ],
)
def test_clinician_must_be_in_good_standing(changes: dict[str, Any]) -> None:
    """Off the register, elsewhere, or lapsed on the day of the visit: refused."""
    record = read(line_of("outpatient_record"))

    assert "clinician.registered" in crossed(record, with_staff(record.clinician, **changes))
    assert "clinician.registered" in crossed(record, facts(staff={}))


def test_the_last_day_of_registration_still_counts() -> None:
    """A registration holds through its last day in China, and not a day longer."""
    record = read(line_of("consent"))
    day = (record.occurred_at + timedelta(hours=8)).date()

    assert crossed(record, with_staff(record.clinician, valid_until=day)) == []
    before = with_staff(record.clinician, valid_until=day - timedelta(days=1))
    assert crossed(record, before) == ["clinician.registered"]


def test_nobody_treats_themselves() -> None:
    """The clinician's document number on the patient is refused."""
    record = read(line_of("consent"))

    assert crossed(record, with_staff(record.clinician, id_no=record.subject.id_no)) == [
        "clinician.not_the_patient"
    ]


def test_software_and_strangers_do_not_write() -> None:
    """禁止 AI 等自动生成处方: neither software nor another person is an author."""
    for kind in ("outpatient_record", "prescription"):
        for author in ("software", "other_person"):
            record = edited(
                kind, lambda x, by=author: x["body"]["provenance"].update(written_by=by)
            )
            assert crossed(record) == ["author.human"]
        record = edited(kind, lambda x: x["body"]["provenance"].update(author="SYN-D9999"))
        assert "author.is_clinician" in crossed(record)


def test_help_of_software_is_flagged_not_refused() -> None:
    """A clinician may take over proposed wording; quality control shall know."""
    record = edited("prescription", lambda x: x["body"]["provenance"].update(ai_assisted=True))
    admission = admit(record, facts())

    assert [verdict.rule for verdict in admission.flags] == ["author.ai_assisted"]
    assert not admission.refused


@pytest.mark.parametrize("control", ["narcotic", "psychotropic_1", "psychotropic_2", "toxic"])
def test_special_drugs_are_not_prescribed_online(control: str) -> None:
    """不得开具麻醉药品、精神药品等特殊管理药品的处方."""
    record = edited("prescription", lambda x: x["body"]["lines"][0].update(control_class=control))

    assert crossed(record) == ["rx.special_drugs"]


def test_a_special_drug_filed_as_ordinary_is_seen() -> None:
    """The name is compared as well as the declared class, whatever its width."""
    record = edited(
        "prescription", lambda x: x["body"]["lines"][0].update(drug_name="盐酸曲马多缓释片")
    )

    assert crossed(record) == ["rx.special_drugs"]


def test_review_needs_another_registered_pharmacist() -> None:
    """No review, the author's own review, or one by a non-pharmacist: refused."""
    line = line_of("prescription")
    reviewer = line["body"]["review"]["reviewer_id"]

    assert "rx.review" in crossed(edited("prescription", lambda x: x["body"].pop("review")))
    own = edited("prescription", lambda x: x["body"]["review"].update(reviewer_id=x["clinician"]))
    assert "rx.review" in crossed(own)
    assert crossed(read(line), with_staff(reviewer, roles=("nurse",))) == ["rx.review"]
    assert reviewer in staff_named(read(line))


def test_a_rejected_prescription_is_kept_and_flagged() -> None:
    """The rejection is part of the record; it is stored and marked as not dispensable."""

    def reject(line: dict[str, Any]) -> None:
        line["body"]["review"].update(result="rejected", reject_reason="剂量过大")

    admission = admit(edited("prescription", reject), facts())

    assert not admission.refused
    assert [verdict.rule for verdict in admission.flags] == ["rx.review_passed"]


def test_only_physicians_prescribe() -> None:
    """A registered clinician who is no physician does not prescribe."""
    record = read(line_of("prescription"))

    assert crossed(record, with_staff(record.clinician, roles=("nurse",))) == ["rx.prescriber"]


def test_small_children_need_their_guardian() -> None:
    """6 岁以下患儿: without a guardian who is present no prescription."""
    absent = edited("prescription", lambda x: x["body"].pop("guardian_present"), child=True)
    nobody = edited("prescription", lambda x: x["subject"].pop("guardian"), child=True)

    assert crossed(absent) == crossed(nobody) == ["rx.under_six"]


def test_missing_proof_of_revisit_is_flagged() -> None:
    """The proof may arrive after the record: noted, not refused."""
    record = read(line_of("outpatient_record"))
    admission = admit(record, facts(revisit_proof=False))

    assert [verdict.rule for verdict in admission.verdicts] == ["visit.revisit_proof"]
    assert not admission.refused


def test_nobody_is_treated_before_birth() -> None:
    """A birth date after the visit contradicts itself."""
    record = read(line_of("consent"))
    late = replace(record, occurred_at=record.occurred_at.replace(year=1900))

    assert "patient.document_valid" in crossed(late)


def test_staff_without_facts_counts_as_unregistered() -> None:
    """What cannot be evaluated is not admitted."""
    record = read(line_of("prescription"))
    empty: dict[str, StaffMember] = {}

    assert set(crossed(record, facts(staff=empty))) == {
        "clinician.registered",
        "rx.prescriber",
        "rx.review",
    }
