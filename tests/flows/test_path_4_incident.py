"""Path 4: from the first minute of a breach to the closed case, every step in the same log."""

# ruff: noqa: ANN401 - keyword changes of any field

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from incident.errors import (
    ApprovalForged,
    CaseCannotClose,
    FilingRefused,
    GradeTooLow,
    HistoryBroken,
    ReleaseRefused,
)
from incident.notices.deliveries import DeliveryChannel, DeliveryState, plan_batch
from incident.reports.draft import Draft, Stage
from incident.reports.filing import Filing, HandProof
from incident.scoping.evidence import AccessQuery, BreachScope
from incident.triage.severity import Severity
from incident.workflow.clocks import Clock, ClockState
from incident.workflow.events import EventKind
from jinkui.procedures.file_report import DraftReleaseMissing, NotDelivered, file_to_platform
from jinkui.wiring.incidents import BEGINNING, incident_room
from secure_records.models import Caller
from secure_records.vault_errors import RecordWithheld
from shared_kernel.errors import Refused

if TYPE_CHECKING:
    from furnishing import House

STOLEN = "token-demo-pharmacy-01"
THIEF = Caller(actor="x001", role="pharmacist", partner="demo-pharmacy", credential=STOLEN)
HONEST = dataclasses.replace(THIEF, credential="another-token")
CLERK = Caller(actor="a008", role="records_officer")
OFFICER, DRAFTER, FIRST, SECOND = "a002", "a004", "a005", "a006"
CAC, CLOSING_RULE = "NCIR-R03-other", "NCIR-R11-closing"
FLAGS = ("personal_info_leak", "sensitive_pi", "suspected_crime")
ADULT_AT = 18


@dataclass
class Truth:
    """What the test did with the stolen credential, counted by the test."""

    records: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    minors: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    permits: int = 0
    denials: int = 0


def years(born: str, at: datetime) -> int:
    day = datetime.fromisoformat(born).date()
    return at.year - day.year - ((at.month, at.day) < (day.month, day.day))


def steal(house: House, count: int) -> Truth:
    """Read prescriptions with the stolen credential, some twice, and fail at transcripts."""
    truth = Truth()
    children = [
        (record, line)
        for record, line in house.planted("prescription")
        if years(line["subject"]["birth_date"], house.clock.now()) < ADULT_AT
    ]
    prescriptions = [*children[:2], *house.planted("prescription")]
    for record, line in [*prescriptions[:count], *prescriptions[:3]]:
        house.clock.forward(seconds=1)
        view = house.vault.read(THIEF, record, "dispensing")
        number = line["subject"]["id_no"]
        truth.permits += 1
        truth.records.add(record)
        truth.people.add(number)
        truth.fields |= set(view.body)
        if years(line["subject"]["birth_date"], house.clock.now()) < ADULT_AT:
            truth.minors.add(number)
    for record, _ in house.planted("chat_transcript")[:4]:
        with pytest.raises(RecordWithheld):
            house.vault.read(THIEF, record, "dispensing")
        truth.denials += 1
    return truth


def noise(house: House, count: int) -> None:
    """Accesses that have nothing to do with the theft."""
    for record, line in house.planted("prescription")[-count:]:
        house.vault.read(HONEST, record, "dispensing")
        house.vault.read(CLERK, record, "patient_request")
        house.vault.search(CLERK, {"id_no": line["subject"]["id_no"]}, "patient_request")


def opened(house: House, flags: Sequence[str] = FLAGS) -> str:
    with incident_room(house.toolkit) as room:
        case = room.desk.open(
            actor=OFFICER,
            summary="合作药房凭据被盗",
            source="person",
            reporter=OFFICER,
            operators=house.toolkit.home.text("incident", "operators").split(),
            flags=flags,
        )
    return case.case


def graded(house: House, level: Severity = Severity.RELATIVELY_MAJOR) -> str:
    case = opened(house)
    with incident_room(house.toolkit) as room:
        room.desk.grade(
            case, actor=OFFICER, facts={"pi_leaked_persons": 40}, reason="从严", decided=level
        )
    return case


def scoped(house: House, case: str, **asked: Any) -> BreachScope:
    since = asked.pop("since", BEGINNING)
    until = asked.pop("until", house.clock.now() + timedelta(seconds=1))
    with incident_room(house.toolkit) as room:
        query = AccessQuery(since=since, until=until, **asked)
        return room.desk.scope(case, actor=OFFICER, query=query)[1]


def clock_of(house: House, case: str, rule: str) -> Clock:
    with incident_room(house.toolkit) as room:
        return next(c for c in room.desk.duties(case) if c.due.rule.rule_id == rule)


def drafted(house: House, case: str, recipient: str, stage: Stage = Stage.FIRST) -> Draft:
    with incident_room(house.toolkit) as room:
        return room.desk.draft(case, actor=DRAFTER, recipient=recipient, stage=stage)


def signed(house: House, draft: Draft, person: str, signer_of: str | None = None) -> None:
    signer = house.toolkit.personal_signer(signer_of or person)
    with incident_room(house.toolkit) as room:
        room.desk.approve(draft.case, draft.draft_id, actor=person, signer=signer)


def released(house: House, draft: Draft) -> Draft:
    for person in (FIRST, SECOND):
        signed(house, draft, person)
    with incident_room(house.toolkit) as room:
        room.desk.release(draft.case, draft.draft_id, actor=SECOND)
    return draft


def filed(house: House, draft: Draft) -> Filing:
    digest = hashlib.sha256(b"stamped copy").hexdigest()
    proof = HandProof(
        name="proof.pdf",
        digest=f"sha256:{digest}",
        channel="counter",
        submitted_at=house.clock.now(),
    )
    with incident_room(house.toolkit) as room:
        return room.desk.file(draft.case, draft.draft_id, actor=DRAFTER, by=proof)


def close(house: House, case: str) -> None:
    with incident_room(house.toolkit) as room:
        room.desk.close(case, actor=OFFICER, reason="处置完成")


def test_clocks_run_from_the_minute_of_awareness(house: House) -> None:
    """
    Opened is aware: before any grade the four hours run, marked as provisional.
    """
    at = house.clock.now()
    case = opened(house)

    clock = clock_of(house, case, CAC)

    assert clock.due.due_at == at + timedelta(hours=4)
    assert (clock.state, clock.provisional) == (ClockState.RUNNING, True)
    states = []
    for minutes in (192, 48, 1):
        house.clock.forward(minutes=minutes)
        states.append(clock_of(house, case, CAC).state)
    assert states == [ClockState.NEAR, ClockState.NEAR, ClockState.OVERDUE]


def test_a_grade_below_the_thresholds_is_refused(house: House) -> None:
    """
    A person may decide higher than the facts give, never lower.
    """
    case = opened(house)
    with incident_room(house.toolkit) as room:
        _, proposal = room.desk.grade(
            case, actor=OFFICER, facts={"pi_leaked_persons": 1_000_000}, reason="按门槛"
        )
        assert proposal.severity is Severity.RELATIVELY_MAJOR
    with pytest.raises(GradeTooLow), incident_room(house.toolkit) as room:
        room.desk.grade(
            case,
            actor=OFFICER,
            facts={"pi_leaked_persons": 1_000_000},
            reason="从轻",
            decided=Severity.GENERAL,
        )


@pytest.mark.parametrize("asked", [{"credential": STOLEN}, {"actor": "x001", "credential": STOLEN}])
def test_scope_equals_the_planted_truth_exactly(house: House, asked: dict[str, str]) -> None:
    """
    Persons, records, fields, minors, served and refused entries: as many as the test made.
    """
    noise(house, 5)
    truth = steal(house, 12)
    noise(house, 5)
    assert truth.minors

    found = scoped(house, opened(house), **asked)

    assert found.proofs_ok, found.findings
    assert (found.low, found.high) == (len(truth.people), len(truth.people))
    assert len(found.subject_refs) == len(truth.people)
    assert found.records == len(truth.records)
    assert found.minors == len(truth.minors)
    assert (found.entries, found.denied) == (truth.permits, truth.denials)
    assert found.partners == ("demo-pharmacy",)
    assert truth.fields <= set(found.fields)
    assert set(found.fields) - truth.fields <= {"doses", "guardian_present"}


def test_scope_counts_searches_that_showed_records(house: House) -> None:
    """
    Records that a stolen credential only found count as reached, once with those it read.
    """
    record, line = house.planted("prescription")[0]
    number = line["subject"]["id_no"]
    mine = {r for r, row in house.planted("prescription") if row["subject"]["id_no"] == number}
    house.vault.search(THIEF, {"id_no": number}, "dispensing")
    house.vault.search(THIEF, {"phone": "13999999999"}, "dispensing")
    house.vault.read(THIEF, record, "dispensing")

    found = scoped(house, opened(house), credential=STOLEN)

    assert (found.low, found.high, found.records) == (1, 1, len(mine))
    assert {"patient.id_no", "lines"} <= set(found.fields)


def test_scope_keeps_to_its_window(house: House) -> None:
    """
    From inclusive, until exclusive: what the credential did before and after does not count.
    """
    prescriptions = house.planted("prescription")
    people = {}
    instants = []
    for record, line in prescriptions[:6]:
        house.clock.forward(minutes=1)
        instants.append(house.clock.now())
        house.vault.read(THIEF, record, "dispensing")
        people[record] = line["subject"]["id_no"]
    house.clock.forward(minutes=1)

    found = scoped(house, opened(house), credential=STOLEN, since=instants[2], until=instants[4])

    assert found.entries == 2
    assert found.low == len({people[record] for record, _ in prescriptions[2:4]})


def test_scope_of_a_doctored_index_says_so(house: House) -> None:
    """
    An entry removed from the index is still in the tree: the proof fails instead of undercounting.
    """
    steal(house, 6)
    with house.toolkit.transaction() as unit:
        changed = unit.connection.exec_driver_sql(
            "UPDATE audit_entries SET actor = 'somebody' WHERE idx = "
            "(SELECT max(idx) FROM audit_entries WHERE actor = 'x001' AND decision = 'permit')"
        ).rowcount
    assert changed == 1

    found = scoped(house, opened(house), actor="x001")

    assert not found.proofs_ok
    assert found.high is None or found.high >= found.low
    assert not house.toolkit.verify_log().ok


def test_scope_prints_counts_and_never_people(house: House) -> None:
    """
    Neither the answer nor the case nor the log names a subject or a record of the theft.
    """
    truth = steal(house, 6)
    case = opened(house)
    found = scoped(house, case, credential=STOLEN)
    text = str(found.as_json())

    assert not [ref for ref in found.subject_refs if ref in text]
    assert not [number for number in truth.people if number in text]
    entry = house.entries(action="incident.scoped")[-1]
    assert entry.subject is None
    assert not [ref for ref in found.subject_refs if ref in str(entry.content)]


def test_release_refuses_initiator_one_person_twice_and_borrowed_keys(house: House) -> None:
    """
    Two persons other than the drafter sign, each with an own key; nothing less releases.
    """
    draft = drafted(house, graded(house), "provincial_cac")

    with pytest.raises(ReleaseRefused):
        signed(house, draft, DRAFTER)
    signed(house, draft, FIRST)
    signed(house, draft, FIRST)
    with pytest.raises(ReleaseRefused), incident_room(house.toolkit) as room:
        room.desk.release(draft.case, draft.draft_id, actor=FIRST)
    with pytest.raises((ApprovalForged, ReleaseRefused)):
        signed(house, draft, SECOND, signer_of=FIRST)
    with pytest.raises((ApprovalForged, ReleaseRefused)):
        signed(house, draft, SECOND, signer_of=DRAFTER)
    with pytest.raises(ReleaseRefused), incident_room(house.toolkit) as room:
        room.desk.release(draft.case, draft.draft_id, actor=SECOND)

    signed(house, draft, SECOND)
    with incident_room(house.toolkit) as room:
        release = room.desk.release(draft.case, draft.draft_id, actor=SECOND)
    assert release.approvers == (FIRST, SECOND)
    assert release.digest == str(draft.digest())


def test_a_signature_does_not_release_what_changed_after_it(house: House) -> None:
    """
    Signatures for one text do not count for the next one, and a text edited in the store is found.
    """
    case = graded(house)
    first = drafted(house, case, "provincial_cac")
    signed(house, first, FIRST)
    second = drafted(house, case, "provincial_cac")
    signed(house, second, SECOND)
    for draft in (first, second):
        with pytest.raises(ReleaseRefused), incident_room(house.toolkit) as room:
            room.desk.release(case, draft.draft_id, actor=SECOND)

    released(house, second)
    edit_event(house, "drafted", "示范", "模范")
    with pytest.raises((FilingRefused, HistoryBroken)):
        filed(house, second)


def edit_event(house: House, kind: str, old: str, new: str) -> None:
    """Rewrite the newest event of a kind in the store, as an insider with the key could."""
    with house.toolkit.transaction() as unit:
        payload = unit.connection.exec_driver_sql(
            "SELECT payload FROM incident_case_events WHERE kind = ? ORDER BY seq DESC LIMIT 1",
            (kind,),
        ).scalar_one()
        edited = payload.replace(old.encode(), new.encode(), 1)
        assert edited != payload
        unit.connection.exec_driver_sql(
            "UPDATE incident_case_events SET payload = ? WHERE payload = ?", (edited, payload)
        )


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("opened", "2026-03-02T02:", "2026-03-02T01:"),
        ("graded", '"severity":"relatively_major"', '"severity":"particularly_major"'),
    ],
)
def test_an_edited_event_of_a_case_is_found(house: House, kind: str, old: str, new: str) -> None:
    """
    The log holds the digest of every event: awareness or grade rewritten in the store is noticed.
    """
    case = graded(house)
    edit_event(house, kind, old, new)

    with pytest.raises(HistoryBroken), incident_room(house.toolkit) as room:
        room.desk.duties(case)


def test_approvals_expire(house: House) -> None:
    """
    A signature older than the house allows no longer counts towards a release.
    """
    draft = drafted(house, graded(house), "provincial_cac")
    signed(house, draft, FIRST)
    house.clock.forward(hours=12)
    signed(house, draft, SECOND)

    with pytest.raises(ReleaseRefused), incident_room(house.toolkit) as room:
        room.desk.release(draft.case, draft.draft_id, actor=SECOND)


def test_an_emergency_release_needs_a_near_deadline_and_a_review(house: House) -> None:
    """
    One person may release only near the limit, and the case stays open until it is reviewed.
    """
    case = graded(house)
    draft = drafted(house, case, "provincial_cac")
    signed(house, draft, FIRST)
    with pytest.raises(ReleaseRefused), incident_room(house.toolkit) as room:
        room.desk.release(case, draft.draft_id, actor=FIRST, emergency="无人值守")

    house.clock.forward(hours=3, minutes=30)
    with incident_room(house.toolkit) as room:
        release = room.desk.release(case, draft.draft_id, actor=FIRST, emergency="临近时限")
    assert release.review_owed
    filed(house, draft)
    finish_handling(house, case)
    filed(house, released(house, drafted(house, case, "provincial_cac", Stage.CLOSING)))
    with pytest.raises(CaseCannotClose, match="review"):
        close(house, case)


def finish_handling(house: House, case: str) -> None:
    house.clock.forward(hours=1)
    with incident_room(house.toolkit) as room:
        room.desk.record(
            case,
            EventKind.HANDLED,
            {"handled_at": house.clock.now().isoformat()},
            actor=OFFICER,
        )


def test_nothing_is_filed_before_release_or_twice(house: House) -> None:
    """
    Filing binds one released text once; before that it is refused, by hand and to the platform.
    """
    case = graded(house)
    draft = drafted(house, case, "provincial_cac")
    with pytest.raises(FilingRefused):
        filed(house, draft)
    with pytest.raises(DraftReleaseMissing):
        file_to_platform(house.toolkit, case, draft.draft_id, DRAFTER)
    released(house, draft)
    filing = filed(house, draft)
    assert filing.digest == str(draft.digest())
    assert filing.proof_digest == f"sha256:{hashlib.sha256(b'stamped copy').hexdigest()}"
    with pytest.raises(FilingRefused):
        filed(house, draft)


def test_filing_by_hand_discharges_its_clock(house: House) -> None:
    """
    The proof of submission stops the clock at the instant of submission, in time or late.
    """
    case = graded(house)
    draft = released(house, drafted(house, case, "provincial_cac"))
    house.clock.forward(hours=2)
    at = house.clock.now()
    filed(house, draft)
    house.clock.forward(hours=8)

    clock = clock_of(house, case, CAC)

    assert (clock.state, clock.discharged_at, clock.late) == (ClockState.DISCHARGED, at, False)


def test_filing_to_the_platform_discharges_with_its_receipt(house: House) -> None:
    """
    The platform's accepted number stands in the case; one message arrived; nothing else did.
    """
    case = graded(house)
    draft = released(house, drafted(house, case, "health_commission"))
    with house.province() as (platform, simulated):
        filing = file_to_platform(house.toolkit, case, draft.draft_id, DRAFTER, platform)
        assert filing.receipt is not None
        assert filing.receipt.state.value == "accepted"
        with pytest.raises(Refused):
            file_to_platform(house.toolkit, case, draft.draft_id, DRAFTER, platform)
        assert len(simulated.received()) == 1
    assert clock_of(house, case, "NCIR-R13-sector").state is ClockState.DISCHARGED
    assert clock_of(house, case, CAC).state is not ClockState.DISCHARGED
    assert house.toolkit.verify_log().ok


def test_an_unreachable_platform_leaves_the_clock_running(house: House) -> None:
    """
    No answer, no filing; the same report goes through later and arrives once.
    """
    case = graded(house)
    draft = released(house, drafted(house, case, "health_commission"))
    with house.province() as (platform, _):
        gone = platform
    with pytest.raises(NotDelivered):
        file_to_platform(house.toolkit, case, draft.draft_id, DRAFTER, gone)
    assert clock_of(house, case, "NCIR-R13-sector").state is not ClockState.DISCHARGED

    house.clock.forward(minutes=6)
    with house.province() as (platform, simulated):
        file_to_platform(house.toolkit, case, draft.draft_id, DRAFTER, platform)
        assert len(simulated.received()) == 1
    assert clock_of(house, case, "NCIR-R13-sector").state is ClockState.DISCHARGED


def test_a_case_cannot_close_while_a_duty_with_a_limit_runs(house: House) -> None:
    """
    First report, then closing report: each is asked for by name until it is filed.
    """
    case = graded(house)
    finish_handling(house, case)
    with pytest.raises(CaseCannotClose) as refused:
        close(house, case)
    assert CAC in str(refused.value)
    assert CLOSING_RULE in str(refused.value)

    filed(house, released(house, drafted(house, case, "provincial_cac")))
    with pytest.raises(CaseCannotClose) as refused:
        close(house, case)
    assert CAC not in str(refused.value)
    assert CLOSING_RULE in str(refused.value)

    filed(house, released(house, drafted(house, case, "provincial_cac", Stage.CLOSING)))
    close(house, case)


def test_the_whole_case_from_theft_to_closing(house: House) -> None:
    """
    Opened, graded, scoped, told, notified, handled, closed: one verified log, one entry a step.
    """
    truth = steal(house, 10)
    case = opened(house)
    found = scoped(house, case, credential=STOLEN)
    with incident_room(house.toolkit) as room:
        room.desk.grade(
            case,
            actor=OFFICER,
            facts={"pi_leaked_persons": found.low},
            reason="从严",
            decided=Severity.RELATIVELY_MAJOR,
        )
    for recipient in ("provincial_cac", "public_security"):
        filed(house, released(house, drafted(house, case, recipient)))
    health = released(house, drafted(house, case, "health_commission"))
    letter = released(house, drafted(house, case, "individuals"))
    with house.province() as (platform, simulated):
        file_to_platform(house.toolkit, case, health.draft_id, DRAFTER, platform)
        assert len(simulated.received()) == 1
    at = house.clock.now()
    with incident_room(house.toolkit) as room:
        planned = plan_batch(
            found.subject_refs, minors=frozenset(), channel=DeliveryChannel.APP, at=at
        )
        arrived = tuple(replace(item, state=DeliveryState.DELIVERED) for item in planned)
        room.desk.notify(case, letter.draft_id, actor=DRAFTER, deliveries=arrived)
    assert len(arrived) == len(truth.people)
    assert clock_of(house, case, "PIPL-R02-individual").state is ClockState.DISCHARGED

    finish_handling(house, case)
    filed(house, released(house, drafted(house, case, "provincial_cac", Stage.CLOSING)))
    filed(house, released(house, drafted(house, case, "public_security", Stage.CLOSING)))
    close(house, case)

    with incident_room(house.toolkit) as room:
        assert room.desk.status() == ()
        closed = room.desk.case(case)
        steps = room.desk.timeline(case)
    told = [
        entry
        for entry in house.entries()
        if entry.action.startswith("incident.") and entry.content["details"].get("case") == case
    ]
    assert [entry.content["details"]["seq"] for entry in told] == list(
        range(1, closed.last_seq + 1)
    )
    assert len(steps) == closed.last_seq
    assert house.toolkit.verify_log().ok
