"""Codes show special categories as the rows say, and what cannot be read counts as special."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classification.grading.record_grade import grade_record
from classification.grading.record_traits import (
    UNLISTED,
    UNREADABLE,
    RecordSigns,
    Sign,
    trait_rows,
    traits_of,
)
from shared_kernel.grades import STRICTEST, Grade


@pytest.mark.parametrize(
    ("code", "traits"),
    [
        ("B20.000", ("infectious_disease",)),
        ("B24.x00", ("infectious_disease",)),
        ("Z21.x00x001", ("infectious_disease",)),
        ("A51.300", ("infectious_disease",)),
        ("B18.100+", ("infectious_disease",)),
        ("A98.500", ("infectious_disease",)),
        ("U07.100", ("infectious_disease",)),
        ("F00.000*", ("mental_health",)),
        ("F99.x00", ("mental_health",)),
        ("F32.900x003", ("mental_health",)),
        ("N97.900", ("reproductive",)),
        ("O04.900", ("reproductive",)),
        ("Q90.900", ("genetic",)),
        ("D66.x00", ("genetic",)),
        ("I10.x00x002", ()),
        ("E11.900", ()),
        ("B25.900", ()),  # just after HIV
        ("B35.300", ()),  # athlete's foot is an infection, and nobody's secret
        ("J11.101", ()),  # 流行性感冒: class C
        ("G00.900", ()),  # just after chapter F
        ("A98.800", ()),
        ("Z22.800", ()),
    ],
)
def test_diagnoses_show_what_the_rows_say(code: str, traits: tuple[str, ...]) -> None:
    """
    Ranges are inclusive at both ends and read the national form with x and the sign of a pair.
    """
    assert traits_of(RecordSigns(diagnoses=(code,))) == traits


@pytest.mark.parametrize("code", ["A98", "A98.x00", "R45", "Z22.x01", "N48"])
def test_a_code_too_short_to_tell_counts_as_special(code: str) -> None:
    """
    Without its subcategory a code may mean the special disease: it is not handed out as another.
    """
    assert traits_of(RecordSigns(diagnoses=(code,)))


@pytest.mark.parametrize("code", ["", "b20", "1A00", "HIV", "B2", "B20\n", "艾滋病"])
def test_an_unreadable_code_is_graded_strictest(code: str) -> None:
    """
    What is no ICD-10 is not graded by guessing, and the reason does not repeat the text.
    """
    traits = traits_of(RecordSigns(diagnoses=("I10.x00", code)))
    decision = grade_record("outpatient_record", traits)

    assert traits == (UNREADABLE,)
    assert decision.grade is STRICTEST
    assert decision.reasons == (f"unknown-trait:{UNREADABLE}",)


@pytest.mark.parametrize(
    ("control", "traits"),
    [
        ("ordinary", ()),
        ("psychotropic_1", ("mental_health",)),
        ("psychotropic_2", ("mental_health",)),
        ("narcotic", ("special_control_drug",)),
        ("ORDINARY", (UNLISTED,)),
        ("", (UNLISTED,)),
    ],
)
def test_drugs_show_what_their_control_says(control: str, traits: tuple[str, ...]) -> None:
    """
    Ordinary is said, never assumed.
    """
    assert traits_of(RecordSigns(control_classes=(control,))) == traits
    assert bool(traits) == (grade_record("prescription", traits).grade is STRICTEST)


@pytest.mark.parametrize(
    ("subject", "traits"),
    [
        ("15", ("mental_health",)),
        ("15.01", ("mental_health",)),
        ("13.02", ("infectious_disease",)),
        ("13.01", ()),
        ("05.01", ()),
        ("05.05", ("reproductive",)),
        ("150", ()),
        ("03.07", ()),
    ],
)
def test_departments_speak_as_well(subject: str, traits: tuple[str, ...]) -> None:
    """
    A visit to psychiatry says something whatever the diagnosis; a code covers those below it.
    """
    assert traits_of(RecordSigns(subjects=(subject,))) == traits


def test_every_trait_has_its_grade_and_its_reason() -> None:
    """
    A row whose trait the grade table does not know would be a slip hidden by strictness.
    """
    for row in trait_rows():
        decision = grade_record("prescription", (row.trait,))
        assert decision.reasons == (f"trait:{row.trait}",), row.id
        assert decision.grade is Grade.STRICT, row.id
        assert row.zh, row.id
        assert row.en, row.id
        assert row.citation.law, row.id


def test_each_listed_code_shows_its_own_trait() -> None:
    """
    No row is shadowed: both ends of each range, each category and subcategory answer.
    """
    for row in trait_rows():
        for listed in row.codes:
            ends = listed.split("-") if row.sign is Sign.DIAGNOSIS else [listed]
            for code in ends:
                place = {
                    Sign.DIAGNOSIS: RecordSigns(diagnoses=(code,)),
                    Sign.CONTROL_CLASS: RecordSigns(control_classes=(code,)),
                    Sign.SUBJECT: RecordSigns(subjects=(code,)),
                }[row.sign]
                assert row.trait in traits_of(place), (row.id, code)


CODES = st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{1,3})?(x[0-9]{3})?[+*]?", fullmatch=True)


@given(codes=st.lists(CODES, max_size=5), more=CODES)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_one_more_diagnosis_never_lowers_a_grade(codes: list[str], more: str) -> None:
    """
    Traits only add up, whatever the order.
    """
    before = traits_of(RecordSigns(diagnoses=tuple(codes)))
    after = traits_of(RecordSigns(diagnoses=(more, *codes)))

    assert set(before) <= set(after)
    assert grade_record("prescription", before).grade <= grade_record("prescription", after).grade


@given(code=CODES, digits=st.from_regex(r"[0-9]{1,3}", fullmatch=True))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_saying_less_is_never_graded_lower(code: str, digits: str) -> None:
    """
    Leaving out the subcategory cannot make a special disease ordinary.
    """
    category = code[:3]

    precise = traits_of(RecordSigns(diagnoses=(f"{category}.{digits}",)))
    vague = traits_of(RecordSigns(diagnoses=(category,)))

    assert set(precise) <= set(vague)
