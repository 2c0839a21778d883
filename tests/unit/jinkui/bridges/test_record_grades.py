"""A record is graded by what its body says, by codes only, and never below its kind."""

from __future__ import annotations

from datetime import date

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classification.grading.record_grade import grade_record
from classification.grading.record_traits import UNREADABLE, RecordSigns, traits_of
from jinkui.bridges.record_grades import record_grade
from jinkui.synthetic.conditions import conditions
from jinkui.synthetic.hospital import SyntheticHospital
from secure_records.kinds.catalogue import KINDS, parse_body
from shared_kernel.grades import STRICTEST, Grade

HOSPITAL = SyntheticHospital(7, patients=12, visits=12, start=date(2026, 3, 2))


class Stranger(msgspec.Struct, frozen=True):
    """A body nobody has written a row for."""


def body_of(kind: str, **changes: object) -> msgspec.Struct:
    """The first body of this kind of the synthetic hospital, changed."""
    lines = (orjson.loads(orjson.dumps(line)) for line in HOSPITAL.lines())
    body = next(line["body"] for line in lines if line["kind"] == kind)
    return parse_body(kind, {**body, **changes})


@pytest.mark.parametrize("kind", KINDS)
def test_an_ordinary_record_has_the_grade_of_its_kind(kind: str) -> None:
    """
    The table of grades and the catalogue of kinds agree, and every kind can be graded.
    """
    assert grade_record(kind).grade is KINDS[kind].default_grade
    assert record_grade(kind, body_of(kind)) is KINDS[kind].default_grade


def test_the_synthetic_conditions_are_everyday_ones() -> None:
    """
    The demonstration shows ordinary records: nothing in it is raised.
    """
    codes = tuple(condition.dx_code for condition in conditions())

    assert codes
    assert traits_of(RecordSigns(diagnoses=codes)) == ()


@pytest.mark.parametrize(
    ("kind", "field"),
    [("outpatient_record", "dx"), ("prescription", "dx"), ("revisit_proof", "original_dx")],
)
@pytest.mark.parametrize("code", ["B20.000", "F32.900", "N97.900", "Q90.900"])
def test_a_special_diagnosis_raises_the_record(kind: str, field: str, code: str) -> None:
    """
    Also when it is not the main one.
    """
    listed = [{"code": "I10.x00x002", "name": "高血压"}, {"code": code, "name": "甲"}]

    assert record_grade(kind, body_of(kind, **{field: listed})) is Grade.STRICT


def test_the_department_of_the_visit_raises_the_record() -> None:
    """
    A visit to psychiatry is special even under a harmless code.
    """
    body = body_of("outpatient_record", subject_code="15")

    assert record_grade("outpatient_record", body) is Grade.STRICT


def test_one_controlled_drug_raises_the_prescription() -> None:
    """
    The drug tells what the diagnosis leaves out.
    """
    lines = msgspec.to_builtins(body_of("prescription"))["lines"]
    raised = [*lines, {**lines[0], "control_class": "psychotropic_2"}]

    assert record_grade("prescription", body_of("prescription", lines=raised)) is Grade.STRICT


def test_what_nobody_graded_is_strictest() -> None:
    """
    Neither a body of unknown shape nor a kind without a row is graded by guessing.
    """
    assert record_grade("prescription", Stranger()) is STRICTEST
    assert record_grade("horoscope", body_of("consent")) is STRICTEST


@given(
    code=st.from_regex(
        r"[A-Z][0-9]{2}(?:\.[0-9A-Zx]{1,4})?(?:x[0-9]{3})?[+*]?", fullmatch=True
    ).filter(lambda code: len(code) <= 20)
)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_every_diagnosis_a_record_may_hold_can_be_read(code: str) -> None:
    """
    The grader reads the whole shape that the record kinds accept: no accidental strictness.
    """
    body = body_of("prescription", dx=[{"code": code, "name": "甲"}])

    assert record_grade("prescription", body) in {Grade.SENSITIVE, Grade.STRICT}
    assert UNREADABLE not in traits_of(RecordSigns(diagnoses=(code,)))
