"""Whatever the platform does, a message is accepted at most once and every proof holds."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from types import ModuleType

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervision.errors import ExpressionMalformed
from supervision.options import DeliveryOptions
from supervision.outbox.states import FINAL, MOVES, State
from supervision.profiles.expressions import parse_expression
from supervision.simulator.awkwardness import Awkwardness, AwkwardPlan

QUICK = [kind for kind in Awkwardness if kind is not Awkwardness.DELAY]
STEPS = DeliveryOptions(backoff=(timedelta(minutes=5),) * 12)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(script=st.lists(st.sampled_from(QUICK), max_size=8), crash=st.booleans())
def test_exchange_accepts_each_message_at_most_once(
    rigs: ModuleType, script: list[Awkwardness], crash: bool
) -> None:
    """
    Whatever goes wrong, each message is held at most once, and exactly once if accepted.
    """
    with tempfile.TemporaryDirectory() as folder:
        rig = rigs.build_rig(Path(folder), plan=AwkwardPlan(script=tuple(script)), options=STEPS)
        ids = [
            rig.desk.submit("follow_up", rigs.follow_up_body(f"FU-{n}"), provenance=rigs.PROVENANCE)
            for n in range(2)
        ]
        if crash:
            rig.desk._claim()  # died with the request prepared: nobody knows whether it left
            rig.desk.recover(sole_worker=True)
        for _ in range(len(script) + 4):
            rig.desk.deliver_due()
            for held in rig.desk.held():
                rig.desk.release(held, actor="it.security", reason="credentials renewed")
            rig.clock.advance(minutes=6)

        stored = [item.message_id for item in rig.platform.received()]
        assert len(stored) == len(set(stored))
        with rig.ledgers.begin() as ledger:
            states = {i: ledger.outbox.entry(i).state for i in ids}
        assert all(state in FINAL for state in states.values())
        for message_id, state in states.items():
            rig.desk.verify(message_id)
            if state is State.ACCEPTED:
                assert stored.count(message_id) == 1


@settings(
    derandomize=True,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(script=st.lists(st.sampled_from(QUICK), max_size=5))
def test_without_deduplication_nothing_is_sent_twice_by_itself(
    rigs: ModuleType, script: list[Awkwardness]
) -> None:
    """
    Where copies are stored, what may have arrived is repeated by a person's word alone.
    """
    calm = [kind for kind in script if kind is not Awkwardness.DUPLICATE]
    with tempfile.TemporaryDirectory() as folder:
        rig = rigs.build_rig(
            Path(folder), profile="tj-selfbuilt-1.0", plan=AwkwardPlan(script=tuple(calm))
        )
        rig.desk.submit("follow_up", rigs.follow_up_body(), provenance=rigs.PROVENANCE)
        for _ in range(8):
            rig.desk.deliver_due()
            rig.clock.advance(hours=7)

        assert len(rig.platform.received()) <= 1


@settings(derandomize=True, deadline=None, max_examples=60)
@given(text=st.text(alphabet="abchodey.gC()[],=!<>'-0 ntri", max_size=60))
def test_expressions_either_parse_or_are_refused(text: str) -> None:
    """
    No text makes the expression reader raise anything but its own refusal.
    """
    try:
        expression = parse_expression(text)
    except ExpressionMalformed:
        return
    assert expression.holds({"http": 200, "code": 200, "body.msgCode": 200}) in {True, False}


@settings(derandomize=True, deadline=None, max_examples=60)
@given(walk=st.lists(st.sampled_from(list(State)), max_size=12))
def test_no_walk_leaves_a_final_state(walk: list[State]) -> None:
    """
    The table has no way out of accepted, data_error and dead.
    """
    now = State.STAGED
    for wanted in walk:
        before = now
        if wanted in MOVES[now]:
            now = wanted
        assert before not in FINAL or now is before
