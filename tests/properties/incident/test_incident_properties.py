"""What holds for every incident, whatever happens in whatever order."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from incident.duties.applicability import circumstances
from incident.duties.deadlines import Due, duties_due
from incident.duties.load import RuleActor, load_law
from incident.errors import IncidentError
from incident.scoping.breach_scope import scope
from incident.scoping.evidence import AccessAction, AccessQuery, EvidenceEntry, EvidenceWindow
from incident.triage.grading import grade
from incident.triage.guide import load_guides
from incident.triage.severity import Severity
from incident.workflow.case import Case
from incident.workflow.clocks import advance, case_duties, clocks, discharged_at
from incident.workflow.events import CaseEvent, EventKind
from incident.workflow.fold import fold
from incident.workflow.transitions import TRANSITIONS, State

LAW, GUIDES = load_law(), load_guides()
BOUNDED = settings(derandomize=True, deadline=None, max_examples=80)
START = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)
KINDS = st.sets(st.sampled_from(sorted(LAW.vocabulary.operator_kinds)), min_size=1)
FLAGS = st.sets(st.sampled_from(sorted(LAW.vocabulary.flags)))
INSTANTS = st.datetimes(
    min_value=datetime(2026, 3, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def due(kinds: set[str], flags: set[str], level: Severity, aware: datetime) -> dict[str, Due]:
    facts = circumstances(LAW.vocabulary, operators=kinds, severity=level, flags=flags)
    found = duties_due(LAW, facts, aware_at=aware, handled_at=aware)
    return {item.rule.rule_id: item for item in found}


@BOUNDED
@given(
    kinds=KINDS,
    flags=FLAGS,
    aware=INSTANTS,
    levels=st.tuples(st.sampled_from(Severity), st.sampled_from(Severity)),
)
def test_escalation_never_removes_or_delays_a_duty(
    kinds: set[str], flags: set[str], aware: datetime, levels: tuple[Severity, Severity]
) -> None:
    """
    Raising the level may add duties; it drops and delays none.

    The row that says "nothing is owed here" is no duty.
    """
    low, high = sorted(levels)
    before, after = due(kinds, flags, low, aware), due(kinds, flags, high, aware)

    for rule_id, item in before.items():
        if item.rule.addressees:
            assert after[rule_id].due_at == item.due_at


@BOUNDED
@given(kinds=KINDS, flags=FLAGS, more=KINDS, aware=INSTANTS, level=st.sampled_from(Severity))
def test_being_more_kinds_of_operator_never_removes_a_duty(
    kinds: set[str], flags: set[str], more: set[str], aware: datetime, level: Severity
) -> None:
    """
    A hospital is several kinds at once; naming one more adds at most.
    """
    assert set(due(kinds, flags, level, aware)) <= set(due(kinds | more, flags, level, aware))


@BOUNDED
@given(
    kinds=KINDS,
    flags=FLAGS,
    aware=INSTANTS,
    later=st.timedeltas(timedelta(0), timedelta(days=400)),
    offset=st.integers(-14 * 60, 14 * 60),
)
def test_clocks_are_monotone_and_do_not_depend_on_the_offset_they_are_written_in(
    kinds: set[str], flags: set[str], aware: datetime, later: timedelta, offset: int
) -> None:
    """
    Later awareness gives exactly as much later due instants, across midnights and years.

    The same instant written in another zone gives the same answer.
    """
    before = due(kinds, flags, Severity.MAJOR, aware)
    after = due(kinds, flags, Severity.MAJOR, aware + later)
    elsewhere = due(
        kinds, flags, Severity.MAJOR, aware.astimezone(timezone(timedelta(minutes=offset)))
    )

    for rule_id, item in before.items():
        if item.due_at is not None:
            moved = after[rule_id].due_at
            assert moved is not None
            assert moved - item.due_at == later
        assert elsewhere[rule_id].due_at == item.due_at


@BOUNDED
@given(
    facts=st.dictionaries(st.sampled_from(GUIDES[1].metrics()), st.integers(0, 100)),
    metric=st.sampled_from(GUIDES[1].metrics()),
    more=st.integers(0, 10**9),
)
def test_more_harm_never_lowers_the_grade(facts: dict[str, int], metric: str, more: int) -> None:
    """
    Adding or raising a fact keeps or raises the level.
    """
    if metric.startswith("affected_population_share"):
        more %= 100 - facts.get(metric, 0) + 1
    raised = {**facts, metric: facts.get(metric, 0) + more}
    assert grade(GUIDES, raised, START).severity >= grade(GUIDES, facts, START).severity


def payloads(instant: datetime) -> dict[EventKind, Mapping[str, Any]]:
    return {
        EventKind.GRADED: {"severity": "major", "proposed": "major", "reason": "x"},
        EventKind.GRADE_WITHDRAWN: {"seq": 2, "reason": "x"},
        EventKind.AWARENESS_CORRECTED: {"aware_at": instant.isoformat(), "reason": "x"},
        EventKind.CIRCUMSTANCES_AMENDED: {
            "operators": ["other_network_operator"],
            "flags": ["personal_info_leak"],
            "reason": "x",
        },
        EventKind.HANDLED: {"handled_at": instant.isoformat()},
        EventKind.NOTED: {"text": "x"},
        EventKind.CLOSED: {"reason": "x"},
        EventKind.FACTS_STATED: {"values": {"trend": "x"}},
    }


STEPS = st.lists(
    st.tuples(st.sampled_from(EventKind), st.integers(0, 3000), st.sampled_from(["li", "wang"])),
    max_size=25,
)


@BOUNDED
@given(level=st.sampled_from(["general", "major"]), steps=STEPS)
def test_no_sequence_closes_a_case_that_owes_a_duty(
    level: str, steps: list[tuple[EventKind, int, str]]
) -> None:
    """
    Whatever is tried in whatever order, a closed case owes no duty with a limit.

    A refused event changes nothing, and the kept events fold to the same case.
    """
    case: Case | None = None
    kept: list[CaseEvent] = []
    opening = {
        "summary": "x",
        "source": "x",
        "reporter": "x",
        "aware_at": START.isoformat(),
        "operators": ["other_network_operator"],
        "flags": [],
    }
    wanted: list[tuple[EventKind, int, str]] = [(EventKind.OPENED, 0, "li"), *steps]
    wanted += [
        (EventKind.GRADED, 0, "li"),
        (EventKind.HANDLED, 0, "li"),
        (EventKind.CLOSED, 0, "li"),
    ]
    now = START
    for kind, minutes, actor in wanted:
        now += timedelta(minutes=minutes)
        payload: Mapping[str, Any] = payloads(now).get(kind, {})
        if kind is EventKind.OPENED:
            payload = opening
        if kind is EventKind.GRADED:
            payload = {**payload, "severity": level, "proposed": level}
        event = CaseEvent(
            tenant="t",
            case="inc_x",
            seq=len(kept) + 1,
            at=now,
            event_at=now,
            actor=actor,
            kind=kind,
            payload=payload,
        )
        before = case
        try:
            case = advance(LAW, case, event)
        except IncidentError:
            assert case == before
        else:
            kept.append(event)
    assert case is not None
    assert fold(kept) == case
    dues = case_duties(LAW, case)
    owed = [
        item
        for item in dues
        if item.rule.limit is not None
        and item.rule.actor is RuleActor.OPERATOR
        and discharged_at(LAW, case, item, dues) is None
    ]
    if owed:
        assert case.state is not State.CLOSED
    if level == "general" and case.severity is Severity.GENERAL:
        assert case.state is State.CLOSED


@BOUNDED
@given(first=st.integers(0, 10**6), second=st.integers(0, 10**6))
def test_an_undischarged_clock_only_ever_gets_later_in_its_states(first: int, second: int) -> None:
    """
    As time passes a clock goes from running to near to overdue and never back.
    """
    order = ["running", "near", "overdue"]
    event = CaseEvent(
        tenant="t",
        case="inc_x",
        seq=1,
        at=START,
        event_at=START,
        actor="li",
        kind=EventKind.OPENED,
        payload={
            "summary": "x",
            "source": "x",
            "reporter": "x",
            "aware_at": START.isoformat(),
            "operators": ["other_network_operator"],
            "flags": [],
        },
    )
    case = fold([event])
    early, late = sorted((first, second))
    found = [
        next(
            item.state.value
            for item in clocks(LAW, case, START + timedelta(seconds=value), near_percent=80)
            if item.due.rule.rule_id == "NCIR-R03-other"
        )
        for value in (early, late)
    ]
    assert order.index(found[0]) <= order.index(found[1])


ENTRIES = st.lists(
    st.builds(
        EvidenceEntry,
        index=st.integers(0, 60),
        at=st.just(START),
        actor=st.just("act_x"),
        action=st.sampled_from(AccessAction),
        decision=st.sampled_from(["permit", "deny"]),
        record=st.none() | st.sampled_from(["rec_1", "rec_2", "rec_3"]),
        fields=st.sampled_from([(), ("drugs",)]),
        subject=st.none() | st.sampled_from(["sub_1", "sub_2"]),
        hits=st.integers(0, 3),
    ),
    max_size=12,
    unique_by=lambda item: item.index,
)


@BOUNDED
@given(entries=ENTRIES, proven=st.booleans(), reachable=st.none() | st.integers(0, 9))
def test_bounds_are_ordered_and_more_evidence_never_lowers_them(
    entries: list[EvidenceEntry], proven: bool, reachable: int | None
) -> None:
    """
    Low never exceeds high, and the named persons lie within.

    Order does not matter, and leaving entries out never raises the lower bound.
    """
    window = EvidenceWindow(
        query=AccessQuery(since=START, until=START + timedelta(days=1), actor="act_x"),
        entries=tuple(entries),
        root=b"\x01" * 32,
        size=61,
        replay_ok=proven,
        reachable=reachable,
    )
    found = scope(window)

    assert len(found.subject_refs) <= found.low
    assert found.high is None or found.low <= found.high
    assert scope(replace(window, entries=tuple(reversed(entries)))) == found
    assert scope(replace(window, entries=tuple(entries[1:]))).low <= found.low
    assert found.proofs_ok is proven


def test_every_state_can_be_reached_and_only_closed_is_final() -> None:
    """
    No dead ends: each state leads on, except closed, which only takes receipts and notes.
    """
    reached = {after for row in TRANSITIONS.values() for after in row.values()}
    assert reached == set(State)
    for state in State:
        leaves = set(TRANSITIONS[state].values()) - {state}
        assert bool(leaves) is (state is not State.CLOSED)
