"""The outbox delivers once, in order, with proof, and stops where a person must decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Table, text, update

from shared_kernel.canonical_json import Json
from shared_kernel.errors import VerificationFailed
from supervision.adapters import tables
from supervision.errors import (
    BodyInvalid,
    ClaimLost,
    IllegalTransition,
    ProfileRefused,
    RevisionNeeded,
    UnknownMessage,
)
from supervision.outbox.states import MOVES, State
from supervision.simulator.awkwardness import Awkwardness, AwkwardPlan

Rig = Any  # the rig of conftest.py, which cannot be imported by name
Samples = dict[str, Any]
TIANJIN = "tj-selfbuilt-1.0"


def state_of(rig: Rig, message_id: str) -> State:
    """The stored state."""
    with rig.ledgers.begin() as ledger:
        return ledger.outbox.entry(message_id).state


def submit(rig: Rig, samples: Samples, resource: str = "follow_up", **changes: Json) -> str:
    """Submit a sample body."""
    names = {"follow_up": "follow_up", "patient_review": "review", "mlps_evaluation": "evaluation"}
    body = samples[names[resource]](**changes)
    files = samples["report_file"] if resource == "mlps_evaluation" else ()
    return rig.desk.submit(resource, body, files, provenance=samples["provenance"])


def test_every_pair_of_states_outside_the_table_is_illegal(rig: Rig, samples: Samples) -> None:
    """
    An illegal move raises and changes nothing.
    """
    message_id = submit(rig, samples)
    with rig.ledgers.begin() as ledger:
        entry = ledger.outbox.entry(message_id)
    for now in State:
        for to in set(State) - MOVES[now]:
            before = replace(entry, state=now)
            with pytest.raises(IllegalTransition):
                before.moved(to, entry.created_at)
            assert before == replace(entry, state=now)


def test_same_content_is_one_message(rig: Rig, samples: Samples) -> None:
    """
    Collecting a day twice returns the message that is already there.
    """
    assert submit(rig, samples) == submit(rig, samples)
    rig.desk.deliver_due()
    submit(rig, samples)
    rig.desk.deliver_due()
    assert len(rig.platform.received()) == 1


def test_other_content_must_be_a_correction(rig: Rig, samples: Samples) -> None:
    """
    Sent content is never edited: the second version names the first and counts up.
    """
    first = submit(rig, samples)
    with pytest.raises(RevisionNeeded):
        submit(rig, samples, history="有")
    second = rig.desk.submit(
        "follow_up",
        samples["follow_up"](history="有"),
        provenance=samples["provenance"],
        corrects=first,
    )
    with rig.ledgers.begin() as ledger:
        assert ledger.outbox.entry(second).revision == 2
    assert [item.message_id for item in rig.desk.deliver_due()] == [first, second]


def test_bad_body_stores_nothing(rig: Rig, samples: Samples) -> None:
    """
    A refused report leaves neither message nor journal entry.
    """
    with pytest.raises(BodyInvalid):
        submit(rig, samples, sex="7")
    with pytest.raises(BodyInvalid, match="org_uscc"):
        submit(rig, samples, org_uscc="91640100MA0000007A")
    assert rig.desk.deliver_due() == ()
    assert rig.journal.entries == []


def test_submission_shares_the_callers_transaction(rig: Rig, samples: Samples) -> None:
    """
    If the caller's work fails, the message was never there.
    """
    submitted: list[str] = []

    class WorkFailed(Exception):
        """The caller's failure."""

    def failing_work() -> None:
        with rig.ledgers.begin() as ledger:
            body, provenance = samples["follow_up"](), samples["provenance"]
            submitted.append(
                rig.desk.submit("follow_up", body, provenance=provenance, within=ledger)
            )
            raise WorkFailed

    with pytest.raises(WorkFailed):
        failing_work()
    with pytest.raises(UnknownMessage):
        state_of(rig, submitted[0])


def test_every_step_is_in_the_journal(rig: Rig, samples: Samples) -> None:
    """
    Submitted, sending, accepted: with digests, without values.
    """
    submit(rig, samples)
    rig.desk.deliver_due()
    actions = [action for action, _, _ in rig.journal.entries]
    assert actions == ["supervision.submitted", "supervision.sending", "supervision.accepted"]
    assert "示例患者" not in repr(rig.journal.entries)
    assert "460100199003071237" not in repr(rig.journal.entries)


def test_busy_platform_is_tried_again_later(rig_for: Callable[..., Any], samples: Samples) -> None:
    """
    A busy answer waits for the first back-off step, then succeeds.
    """
    rig = rig_for(plan=AwkwardPlan(script=(Awkwardness.BUSY,)))
    submit(rig, samples)
    assert [item.state for item in rig.desk.deliver_due()] == [State.QUEUED]
    assert rig.desk.deliver_due() == ()
    rig.clock.advance(minutes=5)
    assert [item.state for item in rig.desk.deliver_due()] == [State.ACCEPTED]


def test_used_up_steps_are_the_end(rig_for: Callable[..., Any], samples: Samples) -> None:
    """
    After the last back-off step the message is given up and kept.
    """
    rig = rig_for(plan=AwkwardPlan(script=(Awkwardness.BUSY,) * 6))
    message_id = submit(rig, samples)
    for _ in range(7):
        rig.desk.deliver_due()
        rig.clock.advance(hours=7)
    assert state_of(rig, message_id) is State.DEAD
    assert rig.desk.verify(message_id) == 6


def test_unreachable_platform_is_no_doubt(rig_for: Callable[..., Any], samples: Samples) -> None:
    """
    Without a connection nothing arrived: tried again also where copies would be stored.
    """
    rig = rig_for(profile=TIANJIN)
    rig.transport.unreachable = 1
    message_id = submit(rig, samples)
    rig.desk.deliver_due()
    assert state_of(rig, message_id) is State.QUEUED


@pytest.mark.parametrize("kind", [Awkwardness.DROP_AFTER_STORE, Awkwardness.GARBLED_REPLY])
def test_lost_reply_is_repeated_where_ids_are_recognised(
    rig_for: Callable[..., Any], samples: Samples, kind: Awkwardness
) -> None:
    """
    The exchange platform stored it, the reply was lost: sent again, held once.
    """
    rig = rig_for(plan=AwkwardPlan(script=(kind,)))
    message_id = submit(rig, samples)
    rig.desk.deliver_due()
    rig.clock.advance(minutes=5)
    [outcome] = rig.desk.deliver_due()
    assert outcome.state is State.ACCEPTED
    assert outcome.platform_number == "R00000001"
    assert len(rig.platform.received()) == 1
    assert rig.desk.verify(message_id) >= 1


def test_lost_reply_waits_for_a_person_elsewhere(
    rig_for: Callable[..., Any], samples: Samples
) -> None:
    """
    A platform that stores copies gets no second request until somebody has looked.
    """
    rig = rig_for(profile=TIANJIN, plan=AwkwardPlan(script=(Awkwardness.DROP_AFTER_STORE,)))
    message_id = submit(rig, samples)
    rig.desk.deliver_due()
    rig.clock.advance(hours=48)
    assert rig.desk.deliver_due() == ()
    assert state_of(rig, message_id) is State.UNKNOWN
    rig.desk.close_as_accepted(message_id, actor="it.security", reason="counts agree")
    assert state_of(rig, message_id) is State.ACCEPTED
    assert rig.journal.entries[-1][2] == "it.security"
    with pytest.raises(IllegalTransition):
        rig.desk.release(message_id, actor="it.security", reason="again")


def test_crash_while_sending_is_unknown(rig_for: Callable[..., Any], samples: Samples) -> None:
    """
    A claim left by a dead worker becomes unknown after its lease, not a second copy.
    """
    rig = rig_for(profile=TIANJIN)
    message_id = submit(rig, samples)
    rig.desk._claim()
    rig.desk.deliver_due()
    assert state_of(rig, message_id) is State.SENDING  # the other worker may be alive
    rig.clock.advance(minutes=11)
    rig.desk.deliver_due()
    assert state_of(rig, message_id) is State.UNKNOWN
    assert rig.transport.sent == []


def test_late_worker_cannot_overwrite(rig: Rig, samples: Samples) -> None:
    """
    A worker that comes back after its claim was taken over changes nothing.
    """
    message_id = submit(rig, samples)
    claimed = rig.desk._claim()
    rig.desk.recover(sole_worker=True)
    with pytest.raises(ClaimLost):
        rig.desk._send(*claimed)
    assert state_of(rig, message_id) is State.QUEUED


def test_data_error_is_final_and_others_go_on(
    rig_for: Callable[..., Any], samples: Samples
) -> None:
    """
    Bad data goes to people at once; the next message is still delivered.
    """
    rig = rig_for(plan=AwkwardPlan(script=(Awkwardness.REJECT_DATA,)))
    submit(rig, samples, record_id="FU-1")
    submit(rig, samples, record_id="FU-2")
    states = [item.state for item in rig.desk.deliver_due()]
    assert states == [State.DATA_ERROR, State.ACCEPTED]


def test_credential_error_stops_the_profile(rig_for: Callable[..., Any], samples: Samples) -> None:
    """
    Refused credentials stop everything until a person releases the message.
    """
    rig = rig_for(plan=AwkwardPlan(script=(Awkwardness.REJECT_CREDENTIALS,)))
    first = submit(rig, samples, record_id="FU-1")
    submit(rig, samples, record_id="FU-2")
    assert [item.state for item in rig.desk.deliver_due()] == [State.CREDENTIAL_ERROR]
    assert rig.desk.deliver_due() == ()
    assert rig.desk.held() == (first,)
    rig.desk.release(first, actor="it.security", reason="new key entered")
    assert [item.state for item in rig.desk.deliver_due()] == [State.ACCEPTED, State.ACCEPTED]


def test_missing_secret_stops_before_sending(rig: Rig, samples: Samples) -> None:
    """
    Without its key nothing leaves, and the profile is held.
    """
    rig.secrets.values.clear()
    message_id = submit(rig, samples)
    assert [item.state for item in rig.desk.deliver_due()] == [State.CREDENTIAL_ERROR]
    assert rig.desk.held() == (message_id,)
    assert rig.transport.sent == []


def test_review_waits_for_its_visit(rig_for: Callable[..., Any], samples: Samples) -> None:
    """
    A review goes only after every earlier visit is settled; the platform would refuse it.
    """
    rig = rig_for(profile=TIANJIN, plan=AwkwardPlan(script=(Awkwardness.BUSY,)))
    submit(rig, samples)
    submit(rig, samples, "patient_review")
    assert [item.resource for item in rig.desk.deliver_due()] == ["follow_up"]
    rig.clock.advance(minutes=5)
    found = [(item.resource, item.state) for item in rig.desk.deliver_due()]
    assert found == [("follow_up", State.ACCEPTED), ("patient_review", State.ACCEPTED)]


def test_profile_that_cannot_take_a_resource_says_so_at_once(
    rig_for: Callable[..., Any], samples: Samples
) -> None:
    """
    No province was seen to take an evaluation result as a message: refused, not guessed.
    """
    rig = rig_for(profile=TIANJIN)
    with pytest.raises(ProfileRefused):
        submit(rig, samples, "mlps_evaluation")


def test_success_without_the_platforms_signature_is_unknown(rig: Rig, samples: Samples) -> None:
    """
    A 200 that anyone could have written does not count as accepted.
    """
    message_id = submit(rig, samples)
    forged = replace(rig.parts.environment, platform_key=rig.parts.signer.public_key)
    [outcome] = rig.rebuilt(environment=forged).deliver_due()
    assert outcome.state is State.QUEUED
    assert outcome.platform_number is None
    rig.clock.advance(minutes=5)
    [outcome] = rig.desk.deliver_due()
    assert outcome.state is State.ACCEPTED
    assert state_of(rig, message_id) is State.ACCEPTED


def test_receipt_list_has_the_contract_keys(rig: Rig, samples: Samples) -> None:
    """
    Each line names message, resource, state, digest and instant.
    """
    message_id = submit(rig, samples, "mlps_evaluation")
    assert rig.desk.receipts() == ()
    rig.desk.deliver_due()
    [line] = rig.desk.receipts()
    row = line.as_json()
    assert set(row) == {"message_id", "resource", "state", "digest", "received_at"}
    assert (row["message_id"], row["state"]) == (message_id, "accepted")
    assert str(row["digest"]).startswith("sm3:")


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (tables.messages, "message"),
        (tables.attachments, "content"),
        (tables.attempts, "request_body"),
        (tables.attempts, "reply_body"),
        (tables.receipts, "document"),
        (tables.receipts, "signature"),
        (tables.receipts, "key_raw"),
    ],
)
def test_one_changed_byte_is_refused(rig: Rig, samples: Samples, table: Table, column: str) -> None:
    """
    One byte of message, file, request, reply or receipt: verification fails.
    """
    message_id = submit(rig, samples, "mlps_evaluation")
    rig.desk.deliver_due()
    assert rig.desk.verify(message_id) == 1
    with rig.ledgers.engine.begin() as connection:
        value = bytearray(connection.execute(table.select()).one()._mapping[column])
        value[len(value) // 2] ^= 1
        connection.execute(update(table).values({column: bytes(value)}))
    with pytest.raises(VerificationFailed):
        rig.desk.verify(message_id)


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM supervision_receipts",
        "UPDATE supervision_receipts SET digest = 'sm3:00'",
        "UPDATE supervision_attempts SET url = 'http://127.0.0.1:2/'",
        "UPDATE supervision_attempts SET reply_status = 201",
        "UPDATE supervision_attempts SET request_headers = '[]'",
        "UPDATE supervision_attempts SET sent_at = '2026-01-01T00:00:00.000000Z'",
        "UPDATE supervision_attempts SET outcome = 'retry'",
        "UPDATE supervision_messages SET resource = 'complaint'",
    ],
)
def test_changed_facts_are_refused(rig: Rig, samples: Samples, tampering: str) -> None:
    """
    A removed receipt, another address, status, time or outcome: verification fails.
    """
    message_id = submit(rig, samples)
    rig.desk.deliver_due()
    with rig.ledgers.engine.begin() as connection:
        connection.execute(text(tampering))
    with pytest.raises(VerificationFailed):
        rig.desk.verify(message_id)


def test_altered_message_is_never_sent(rig: Rig, samples: Samples) -> None:
    """
    A message changed while waiting stops delivery before a byte leaves.
    """
    message_id = submit(rig, samples)
    with rig.ledgers.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE supervision_messages SET message ="
                " CAST(replace(CAST(message AS TEXT), 'FU-1', 'FU-2') AS BLOB)"
            )
        )
    with pytest.raises(VerificationFailed):
        rig.desk.deliver_due()
    assert rig.transport.sent == []
    assert state_of(rig, message_id) is State.QUEUED
