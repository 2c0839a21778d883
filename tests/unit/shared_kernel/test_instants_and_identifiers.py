"""Instants carry offsets; identifiers sort by time and say nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_kernel.digests import (
    DigestMismatch,
    MalformedDigest,
    parse_digest,
    require_equal,
    sha256,
)
from shared_kernel.grades import Grade, MalformedGrade, parse_grade
from shared_kernel.identifiers import MalformedIdentifier, new_identifier, require_identifier
from shared_kernel.instants import (
    MalformedInstant,
    NaiveInstant,
    china_text,
    instant_text,
    parse_instant,
)

NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


def test_china_reads_china_time_and_the_store_keeps_utc() -> None:
    """
    The same instant is shown in Asia/Shanghai and written in UTC.
    """
    instant = parse_instant("2026-03-01T12:00:00+08:00", "at")

    assert instant_text(instant) == "2026-03-01T04:00:00Z"
    assert china_text(instant) == "2026-03-01 12:00:00"


@pytest.mark.parametrize("text", ["2026-03-01", "", "x" * 60, "2026-13-01T00:00:00Z", "T"])
def test_text_that_is_no_instant_is_refused(text: str) -> None:
    """
    Dates without time, nonsense and endless text are refused by field name.
    """
    with pytest.raises(MalformedInstant, match="at "):
        parse_instant(text, "at")


def test_an_instant_without_offset_is_refused() -> None:
    """
    A wall-clock time alone cannot start a statutory clock.
    """
    with pytest.raises(NaiveInstant):
        parse_instant("2026-03-01T12:00:00", "at")


@given(st.integers(0, 10**9), st.integers(1, 10**6))
@settings(derandomize=True, deadline=None)
def test_identifiers_sort_by_time(start: int, step: int) -> None:
    """
    A later millisecond always gives a later identifier, whatever the random bits.
    """
    earlier = new_identifier("rec", NOON + timedelta(milliseconds=start), lambda n: b"\xff" * n)
    later = new_identifier("rec", NOON + timedelta(milliseconds=start + step), bytes)

    assert earlier < later


@pytest.mark.parametrize(
    "text", ["sub_" + "0" * 26, "rec_" + "0" * 25, "rec_" + "I" * 26, "", "rec_"]
)
def test_a_foreign_identifier_is_refused(text: str) -> None:
    """
    Another prefix, length or alphabet is refused.
    """
    with pytest.raises(MalformedIdentifier):
        require_identifier(text, "rec", "record")


def test_digests_name_their_algorithm_and_compare_whole() -> None:
    """
    A tagged digest reads back; a differing one raises instead of returning false.
    """
    digest = sha256(b"abc")

    assert parse_digest(str(digest), "d") == digest
    with pytest.raises(MalformedDigest):
        parse_digest("md5:" + "0" * 32, "d")
    with pytest.raises(DigestMismatch):
        require_equal(b"a" * 32, b"b" * 32, "entry")


@pytest.mark.parametrize("value", [0, 6, True, "4", None, 4.0])
def test_only_levels_of_the_ladder_are_grades(value: object) -> None:
    """
    Truth values, text and numbers off the ladder are no grades.
    """
    with pytest.raises(MalformedGrade):
        parse_grade(value, "grade")
    assert parse_grade(4, "grade") is Grade.SENSITIVE
