"""The simulated platform speaks HTTP, checks what it gets, and misbehaves on request only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from supervision.adapters.https_transport import HttpsTransport
from supervision.errors import PlatformUnreachable, ReplyLost, TransportRefused
from supervision.outbox.states import State
from supervision.profiles.algorithms import SM3
from supervision.simulator.awkwardness import Awkwardness, AwkwardPlan
from supervision.simulator.server import running_simulator
from supervision.transport.exchange import PreparedRequest

Rig = Any  # the rig of conftest.py, which cannot be imported by name
Samples = dict[str, Any]
PATHS = {"tj-selfbuilt-1.0": "/scheme-a", "ngari-openapi-1.0": "/scheme-b"}


@contextmanager
def over_http(rig: Rig) -> Iterator[tuple[Any, str]]:
    """The rig's desk, speaking HTTP to a running simulator."""
    with running_simulator(rig.platform) as handle, HttpsTransport() as transport:
        path = PATHS.get(rig.parts.profile.id, "")
        environment = replace(rig.parts.environment, base_url=handle.base_url + path)
        yield rig.rebuilt(transport=transport, environment=environment), handle.base_url


def request_to(url: str, body: bytes = b"{}") -> PreparedRequest:
    """A plain request."""
    return PreparedRequest(method="POST", url=url, headers=(), body=body, timeout_s=5)


def captured(rig: Rig, samples: Samples) -> PreparedRequest:
    """A good request that has not been sent."""
    rig.desk.submit("follow_up", samples["follow_up"](), provenance=samples["provenance"])
    _, attempt = rig.desk._claim()
    return attempt.request


def post(rig: Rig, request: PreparedRequest, **changed: str) -> dict[str, Any]:
    """Hand a request to the platform, with headers replaced."""
    headers = {name.lower(): value for name, value in request.headers}
    headers.update({name.replace("_", "-"): value for name, value in changed.items()})
    path = request.url.removeprefix(rig.transport.base_url)
    return json.loads(rig.platform.handle(path, headers, request.body).body)


def test_evaluation_and_incident_go_end_to_end(rig: Rig, samples: Samples) -> None:
    """
    Message, package, outbox, HTTP, signed receipt, verified and bound: for both duties.
    """
    evaluation = rig.desk.submit(
        "mlps_evaluation",
        samples["evaluation"](),
        samples["report_file"],
        provenance=samples["provenance"],
    )
    incident = rig.desk.submit(
        "security_incident_report", samples["incident"](), provenance=samples["provenance"]
    )
    with over_http(rig) as (desk, base_url):
        outcomes = desk.deliver_due()
        shown = httpx.get(f"{base_url}/received", trust_env=False).json()["received"]
        assert [outcome.state for outcome in outcomes] == [State.ACCEPTED, State.ACCEPTED]
        assert [item["message_id"] for item in shown] == [evaluation, incident]
        assert [item["resource"] for item in shown] == [
            "mlps_evaluation",
            "security_incident_report",
        ]
        assert (desk.verify(evaluation), desk.verify(incident)) == (1, 1)
        assert {line.message_id for line in desk.receipts()} == {evaluation, incident}


@pytest.mark.parametrize("profile", ["tj-selfbuilt-1.0", "ngari-openapi-1.0"])
def test_both_gateway_schemes_go_end_to_end(
    rig_for: Callable[..., Any], samples: Samples, profile: str
) -> None:
    """
    Scheme A and scheme B are taken over HTTP, and their codes become a receipt.
    """
    rig = rig_for(profile=profile)
    message_id = rig.desk.submit(
        "follow_up", samples["follow_up"](), provenance=samples["provenance"]
    )
    with over_http(rig) as (desk, _):
        assert [outcome.state for outcome in desk.deliver_due()] == [State.ACCEPTED]
        assert desk.verify(message_id) == 1
    assert [item.message_id for item in rig.platform.received()] == ["FU-1"]


def test_dropped_reply_over_http(rig_for: Callable[..., Any], samples: Samples) -> None:
    """
    A connection that ends after storing is a lost reply; the repetition is recognised.
    """
    rig = rig_for(plan=AwkwardPlan(script=(Awkwardness.DROP_AFTER_STORE,)))
    rig.desk.submit("follow_up", samples["follow_up"](), provenance=samples["provenance"])
    with over_http(rig) as (desk, _):
        [first] = desk.deliver_due()
        rig.clock.advance(minutes=5)
        [second] = desk.deliver_due()
    assert (first.note, first.receipt) == ("reply_lost", None)
    assert second.state is State.ACCEPTED
    assert len(rig.platform.received()) == 1


def test_plain_http_leaves_this_machine_never() -> None:
    """
    Only loopback addresses may be spoken to without TLS; names are not addresses.
    """
    with HttpsTransport() as transport:
        for url in ("http://192.0.2.1/", "http://localhost/", "ftp://127.0.0.1/"):
            with pytest.raises(TransportRefused):
                transport.send(request_to(url))


def test_closed_port_is_not_sent(rig: Rig) -> None:
    """
    A refused connection is certain: nothing arrived.
    """
    with running_simulator(rig.platform) as handle:
        url = handle.base_url
    with HttpsTransport() as transport, pytest.raises(PlatformUnreachable):
        transport.send(request_to(url))


def test_oversized_reply_is_lost(rig: Rig) -> None:
    """
    A reply beyond the limit is not read to its end.
    """
    with (
        running_simulator(rig.platform) as handle,
        HttpsTransport(largest_reply=1) as transport,
        pytest.raises(ReplyLost, match="larger"),
    ):
        transport.send(request_to(handle.base_url + "/nowhere"))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"x_jinkui_institution": "91640100MA0000007A"}, 40002),
        ({"x_jinkui_timestamp": "1"}, 40011),
        ({"x_jinkui_timestamp": "soon"}, 40001),
        ({"x_jinkui_content_sm3": "00"}, 40010),
        ({"x_jinkui_nonce": "another"}, 40010),
        ({"x_jinkui_message_id": "msg_other"}, 40010),
    ],
)
def test_exchange_refuses_changed_headers(
    rig: Rig, samples: Samples, changed: dict[str, str], code: int
) -> None:
    """
    Every header is bound to the sealed body: a changed one does not open it.
    """
    request = captured(rig, samples)
    assert post(rig, request, **changed)["code"] == code
    assert rig.platform.received() == ()
    assert post(rig, request)["code"] == 200


def test_exchange_refuses_a_changed_body(rig: Rig, samples: Samples) -> None:
    """
    One changed byte of the sealed body is refused, also with a fitting digest.
    """
    request = captured(rig, samples)
    body = bytearray(request.body)
    body[40] ^= 1
    forged = replace(request, body=bytes(body))
    assert post(rig, forged)["code"] == 40010
    assert post(rig, forged, x_jinkui_content_sm3=SM3(bytes(body)).hex())["code"] == 40010
    assert rig.platform.received() == ()


def test_exchange_refuses_another_signer(rig: Rig, samples: Samples) -> None:
    """
    Knowing the shared key is not enough: the institution's signature decides.
    """
    stranger = rig.platform._parts.signer
    desk = rig.rebuilt(signer=stranger)
    desk.submit("follow_up", samples["follow_up"](), provenance=samples["provenance"])
    [outcome] = desk.deliver_due()
    assert (outcome.state, outcome.note) == (State.CREDENTIAL_ERROR, "200/40010/-")


def test_exchange_refuses_a_message_for_another_platform(rig: Rig, samples: Samples) -> None:
    """
    The receiver is under the signature: a message cannot be passed on.
    """
    environment = replace(rig.parts.environment, platform="other-province")
    desk = rig.rebuilt(environment=environment)
    desk.submit("follow_up", samples["follow_up"](), provenance=samples["provenance"])
    [outcome] = desk.deliver_due()
    assert outcome.note == "200/40006/-"


def test_repeated_message_keeps_its_number(rig: Rig, samples: Samples) -> None:
    """
    The exchange recognises an id: same number and instant, marked as duplicate.
    """
    request = captured(rig, samples)
    first, second = (json.loads(post(rig, request)["receipt"]) for _ in range(2))
    assert (first["number"], first["received_at"]) == (second["number"], second["received_at"])
    assert (first["duplicate"], second["duplicate"]) == (False, True)


def test_gateway_stores_copies_silently(rig_for: Callable[..., Any], samples: Samples) -> None:
    """
    Schemes A and B store a repeated business id again, as the real one does.
    """
    rig = rig_for(profile="tj-selfbuilt-1.0")
    rig.desk.submit("follow_up", samples["follow_up"](), provenance=samples["provenance"])
    rig.desk.submit(
        "consultation",
        _consultation(samples),
        provenance=samples["provenance"],
    )
    rig.desk.deliver_due()
    assert [item.message_id for item in rig.platform.received()] == ["FU-1", "FU-1"]


def test_gateway_refuses_replay_and_wrong_signature(
    rig_for: Callable[..., Any], samples: Samples
) -> None:
    """
    A used nonce has expired; a changed header no longer fits the signature.
    """
    rig = rig_for(profile="tj-selfbuilt-1.0")
    request = captured(rig, samples)
    assert post(rig, request, x_service_method="other")["code"] == 40010
    assert post(rig, request, x_ca_key="nobody")["code"] == 40002
    assert post(rig, request)["code"] == 200
    assert post(rig, request)["code"] == 40011


def test_review_before_its_business_is_refused(
    rig_for: Callable[..., Any], samples: Samples
) -> None:
    """
    The gateway does not take a review of a record that it does not know.
    """
    rig = rig_for(profile="tj-selfbuilt-1.0")
    rig.desk.submit("patient_review", samples["review"](), provenance=samples["provenance"])
    [outcome] = rig.desk.deliver_due()
    assert (outcome.state, outcome.note) == (State.DATA_ERROR, "200/200/-1")


def test_sign_in_sends_an_empty_array(rig_for: Callable[..., Any], samples: Samples) -> None:
    """
    A day without events is reported as an empty array.
    """
    rig = rig_for(profile="tj-selfbuilt-1.0")
    body = {"business_date": "2026-03-01", "resource": "medical_adverse_event"}
    rig.desk.submit("daily_signin", body, provenance=samples["provenance"])
    assert [outcome.state for outcome in rig.desk.deliver_due()] == [State.ACCEPTED]
    assert rig.platform.received() == ()


def test_restart_remembers(rig_for: Callable[..., Any], samples: Samples, tmp_path: Path) -> None:
    """
    With a state file, a restarted platform still recognises what it stored.
    """
    rig = rig_for(state_file=tmp_path / "received.jsonl")
    request = captured(rig, samples)
    post(rig, request)
    again = type(rig.platform)(rig.platform._parts)
    assert again.received() == rig.platform.received()


def test_plans_repeat_exactly_and_are_calm_by_default() -> None:
    """
    The same seed misbehaves in the same places; no plan means no misbehaviour.
    """
    plan = AwkwardPlan(seed=3, per_thousand={Awkwardness.BUSY: 300})
    kinds = [plan.kind(n) for n in range(200)]
    assert kinds == [plan.kind(n) for n in range(200)]
    assert set(kinds) == {Awkwardness.NONE, Awkwardness.BUSY}
    assert {AwkwardPlan().kind(n) for n in range(50)} == {Awkwardness.NONE}


def _consultation(samples: Samples) -> dict[str, Any]:
    body = samples["follow_up"]()
    for name in ("channel", "history", "is_follow_up", "main_dx_code", "this_diagnosis"):
        del body[name]
    return {**body, "consult_type": "1", "consult_attribute": "1", "content": "咨询"}
