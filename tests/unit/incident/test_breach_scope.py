"""A scope counts what proven entries served, and is honest about the rest."""

# ruff: noqa: ANN401 - keyword changes of any field

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident.errors import MalformedQuery
from incident.scoping.breach_scope import scope
from incident.scoping.evidence import (
    AccessAction,
    AccessQuery,
    EvidenceEntry,
    EvidenceWindow,
    Gap,
)
from shared_kernel.grades import Grade

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
QUERY = AccessQuery(since=SINCE, until=SINCE + timedelta(days=1), partner="par_a")


def entry(index: int, **changes: Any) -> EvidenceEntry:
    given: dict[str, Any] = {
        "index": index,
        "at": SINCE + timedelta(minutes=index),
        "actor": "act_x",
        "partner": "par_a",
        "action": AccessAction.READ,
        "decision": "permit",
        "record": f"rec_{index}",
        "kind": "prescription",
        "fields": ("drugs",),
        "grade": Grade.SENSITIVE,
        "subject": f"sub_{index}",
    }
    return EvidenceEntry(**{**given, **changes})


def window(*entries: EvidenceEntry, **changes: Any) -> EvidenceWindow:
    given: dict[str, Any] = {"root": b"\x02" * 32, "size": 1000, "replay_ok": True}
    return EvidenceWindow(query=QUERY, entries=entries, **{**given, **changes})


def test_scope_counts_distinct_persons_records_and_fields() -> None:
    """
    Two reads of one record are one record of one person; minors are counted apart.
    """
    found = scope(
        window(
            entry(1),
            entry(2, record="rec_1", subject="sub_1", fields=("diagnosis",)),
            entry(3, kind="chat_transcript", grade=Grade.STRICT),
            minors=frozenset({"sub_3", "sub_unrelated"}),
        )
    )
    answer = found.as_json()

    assert answer["subjects"] == 2
    assert answer["records"] == 2
    assert answer["minors"] == 1
    assert answer["entries"] == 3
    assert answer["fields"] == ["diagnosis", "drugs"]
    assert answer["partners"] == ["par_a"]
    assert answer["proofs_ok"] is True
    assert answer["bounds"] == {"low": 2, "high": 2}
    assert answer["by_kind"] == {
        "chat_transcript": {"records": 1, "subjects": 1},
        "prescription": {"records": 1, "subjects": 1},
    }
    assert found.highest_grade is Grade.STRICT
    assert "sub_" not in str(answer)


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "deny"},
        {"decision": "failed"},
        {"fields": ()},
        {"action": AccessAction.OTHER},
        {"record": None},
    ],
)
def test_what_was_not_served_is_not_counted(changes: dict[str, Any]) -> None:
    """
    Denials, failures, fully withheld views and administration disclosed nothing.
    """
    found = scope(window(entry(1, **changes)))
    assert (found.low, found.high, found.entries, found.records) == (0, 0, 0, 0)


def test_erased_openings_widen_the_bounds() -> None:
    """
    Records whose person is no longer named may be anybody: at least one, at most each.
    """
    found = scope(window(entry(1, subject=None), entry(2, subject=None)))
    assert (found.low, found.high, found.records) == (1, 2, 2)
    assert "subject_unknown" in found.findings


def test_search_hits_count_only_towards_the_upper_bound() -> None:
    """
    A search that listed seven nameless hits showed at least one and at most seven persons.
    """
    found = scope(window(entry(1, action=AccessAction.SEARCH, record=None, subject=None, hits=7)))
    assert (found.low, found.high) == (1, 7)


@pytest.mark.parametrize(("reachable", "high"), [(None, None), (500, 500), (0, 1)])
def test_gap_leaves_only_what_the_party_could_reach(
    reachable: int | None, high: int | None
) -> None:
    """
    With a hole in the log the upper bound is the reach of the party, or unknown.
    """
    gap = Gap(first=5, last=9, reason="leaf missing")
    found = scope(window(entry(1), gaps=(gap,), reachable=reachable))
    assert (found.proofs_ok, found.low, found.high) == (False, 1, high)


def test_failed_replay_is_never_proven() -> None:
    """
    If leaves do not agree with the root, the numbers are still given but not as proven.
    """
    assert scope(window(entry(1), replay_ok=False)).proofs_ok is False


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"root": b"\x02" * 20}, "window.root_malformed"),
        ({"size": 1}, "window.index_outside_tree"),
    ],
)
def test_inconsistent_window_is_not_proven(broken: dict[str, Any], code: str) -> None:
    """
    A window that contradicts itself is not taken on its word.
    """
    found = scope(replace(window(entry(1)), **broken))
    assert (found.proofs_ok, code in found.findings) == (False, True)


def test_entries_of_others_or_outside_the_window_are_noticed() -> None:
    """
    A source that mixes in other parties, other days or repeats is found out.
    """
    found = scope(window(entry(1, partner="par_b"), entry(2, at=QUERY.until), entry(3), entry(3)))
    assert set(found.findings) >= {
        "window.entry_of_another",
        "window.entry_outside_window",
        "window.index_repeated",
    }


def test_query_names_somebody_and_a_window() -> None:
    """
    A question about nobody, or about no time, is refused.
    """
    with pytest.raises(MalformedQuery):
        AccessQuery(since=SINCE, until=SINCE + timedelta(days=1))
    with pytest.raises(MalformedQuery):
        AccessQuery(since=SINCE, until=SINCE, actor="act_x")
