"""The leakage report counts what is really in the store, and says it in plain words."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import log2
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_records import Caller
from secure_records.adapters.sql_leakage import count_leakage
from secure_records.leakage import Classes, LeakageReport
from secure_records.reindexing import reindex

if TYPE_CHECKING:
    from conftest import Room


def counted(room: Room) -> LeakageReport:
    with room.file.reading() as connection:
        return count_leakage(connection, room.tenant)


def sizes(classes: Classes) -> list[int]:
    return [size for size, number in classes.histogram for _ in range(number)]


def test_classes_are_those_of_the_file(stored: Room) -> None:
    """Counted again from the lines themselves: sizes, largest class, values that stand alone."""
    records = stored.records()
    report = counted(stored)
    clear = {classes.name: classes for classes in report.clear}
    truth = {
        "kind": Counter(each.kind for each in records),
        "clinician": Counter(each.clinician for each in records),
        "visit": Counter(each.visit for each in records),
        "occurred_on": Counter(each.occurred_at.date() for each in records),
        "clinician+occurred_on": Counter(
            (each.clinician, each.occurred_at.date()) for each in records
        ),
    }

    for name, counts in truth.items():
        assert sizes(clear[name]) == sorted(counts.values(), reverse=True), name
    assert dict(clear["kind"].values) == dict(truth["kind"].most_common(5))
    assert report.records == len(records)
    people = Counter(each.subject.id_no for each in records)
    assert sizes(report.rows_per_subject) == sorted(people.values(), reverse=True)
    assert report.subjects == len(people)
    lengths = [row[0] for row in stored.sql("SELECT length(envelope) FROM records")]
    assert sizes(report.envelope_lengths) == sorted(Counter(lengths).values(), reverse=True)


def test_equal_phones_of_a_family_show(stored: Room, officer: Caller) -> None:
    """An index class is as large as the number of patients who share the value."""
    records = stored.records()
    phones = {each.subject.id_no: each.subject.phone for each in records}
    report = counted(stored)
    index = {classes.name: classes for classes in report.index}

    assert set(index) == {"id_no", "phone", "name_birth"}
    assert sizes(index["phone"]) == sorted(Counter(phones.values()).values(), reverse=True)
    assert index["id_no"].largest == 1
    assert index["id_no"].distinct == len(phones)
    for _ in zip(reindex(stored.vault._parts, officer, "phone"), range(2), strict=False):
        pass
    during = [(each.name, each.version) for each in counted(stored).index]
    assert during == [("id_no", 1), ("name_birth", 1), ("phone", 1), ("phone", 2)]


def test_the_report_names_no_patient(stored: Room) -> None:
    """Classes and counts; never a term, an identifier of a patient, a number or a name."""
    text = orjson.dumps(counted(stored).as_json()).decode()

    secrets = {row[0] for row in stored.sql("SELECT subject FROM subjects")}
    secrets |= {row[0].hex() for row in stored.sql("SELECT term FROM index_terms")}
    for record in stored.records():
        secrets |= {record.subject.id_no, record.subject.name, record.subject.phone, record.visit}
    assert not [secret for secret in secrets if secret in text]


def test_words_in_both_languages(stored: Room) -> None:
    """One sentence for each column, with the figures of the counts."""
    report = counted(stored)

    assert len(report.sentences) == len(report.index) + len(report.clear) + 2
    phone = next(each for each in report.index if each.name == "phone")
    [said] = [each for each in report.sentences if "phone" in each.en]
    assert f"{phone.distinct} codes" in said.en
    assert f"{phone.distinct} 个编码" in said.zh


def test_an_empty_store_shows_nothing(room: Room) -> None:
    """Zeros, not a division by them."""
    report = counted(room)

    assert (report.records, report.subjects, report.index) == (0, 0, ())
    assert all(each.entropy_bits == each.largest_share == 0 for each in report.clear)


@pytest.mark.parametrize(
    ("histogram", "entropy", "share", "stands_out"),
    [
        (((1, 1024),), 10.0, Fraction(1, 1024), False),
        (((500, 2),), 1.0, Fraction(1, 2), True),
        (((1000, 1),), 0.0, Fraction(1), True),
        (((50, 20),), log2(20), Fraction(1, 20), False),
        (((51, 1), (1, 949)), None, Fraction(51, 1000), True),
        (((999, 1),), 0.0, Fraction(1), False),
    ],
)
def test_measures_by_hand(
    histogram: tuple[tuple[int, int], ...],
    entropy: float | None,
    share: Fraction,
    stands_out: bool,
) -> None:
    """A twentieth is still even; beyond it, from a thousand rows on, one value stands out."""
    classes = Classes(name="x", histogram=histogram)

    assert entropy is None or classes.entropy_bits == pytest.approx(entropy)
    assert (classes.largest_share, classes.stands_out) == (share, stands_out)


@given(values=st.lists(st.integers(0, 20), min_size=1, max_size=200))
@settings(derandomize=True, deadline=None)
def test_entropy_lies_between_none_and_all(values: list[int]) -> None:
    """Never negative, never more than the logarithm of the number of values."""
    histogram = Counter(Counter(values).values())
    classes = Classes(name="x", histogram=tuple(sorted(histogram.items(), reverse=True)))

    assert classes.rows == len(values)
    assert classes.distinct == len(set(values))
    assert -1e-9 <= classes.entropy_bits <= log2(classes.distinct) + 1e-9
