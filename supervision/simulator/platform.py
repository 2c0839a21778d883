"""What does the simulated platform answer to one request, web server aside?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Lock
from typing import Final

from shared_kernel.signatures import PublicKey
from supervision.simulator.awkwardness import Awkwardness
from supervision.simulator.enrolment import SimulatorParts
from supervision.simulator.exchange_door import ExchangeDoor
from supervision.simulator.gateway_doors import GatewayDoor
from supervision.simulator.received import ReceivedMessage, ReceivedStore
from supervision.simulator.replies import (
    BusinessCode,
    GatewayCode,
    Refusal,
    SimulatedReply,
    business_reply,
    gateway_reply,
)

EXCHANGE_PATH: Final = "/exchange/v1/messages"
SCHEME_A_PATH: Final = "/scheme-a"
SCHEME_B_PATH: Final = "/scheme-b"
LARGEST_REQUEST: Final = 64 * 1024 * 1024
"""Bytes."""

_Door = Callable[[Mapping[str, str], bytes], SimulatedReply]


class SimulatedPlatform:
    """One platform with three doors."""

    def __init__(self, parts: SimulatorParts) -> None:
        self._parts = parts
        self._store = ReceivedStore(parts.state_file)
        self._lock = Lock()
        self._requests = 0
        self._doors: Mapping[str, _Door] = {
            EXCHANGE_PATH: ExchangeDoor(parts, self._store).take,
            SCHEME_A_PATH: GatewayDoor("a", parts, self._store).take,
            SCHEME_B_PATH: GatewayDoor("b", parts, self._store).take,
        }

    @property
    def name(self) -> str:
        """The platform's name, which senders put under their signature."""
        return self._parts.platform

    @property
    def public_key(self) -> PublicKey:
        """The key that senders pin."""
        return self._parts.signer.public_key

    def received(self) -> tuple[ReceivedMessage, ...]:
        """Everything stored, in order of arrival."""
        return self._store.all()

    def handle(self, path: str, headers: Mapping[str, str], body: bytes) -> SimulatedReply:
        """Answer one POST; ``headers`` with names in lower case."""
        door = self._doors.get(path)
        if door is None:
            return SimulatedReply(status=404, body=b"{}")
        with self._lock:  # one request at a time: the plan counts requests
            kind = self._parts.plan.kind(self._requests)
            self._requests += 1
            return self._awkwardly(kind, door, headers, body)

    def _awkwardly(
        self, kind: Awkwardness, door: _Door, headers: Mapping[str, str], body: bytes
    ) -> SimulatedReply:
        match kind:
            case Awkwardness.BUSY:
                return gateway_reply(GatewayCode.BUSY, "busy")
            case Awkwardness.REJECT_DATA:
                return business_reply(BusinessCode.REASON_IN_TEXT, "rejected by plan", {})
            case Awkwardness.REJECT_CREDENTIALS:
                return gateway_reply(GatewayCode.UNKNOWN_KEY, "rejected by plan")
            case Awkwardness.DROP_BEFORE_STORE:
                return SimulatedReply(body=b"", dropped=True)
        reply = _answer(door, headers, body)
        match kind:
            case Awkwardness.DUPLICATE:
                _answer(door, headers, body)
            case Awkwardness.DELAY:
                reply = replace(reply, delay_s=self._parts.plan.delay_s)
            case Awkwardness.DROP_AFTER_STORE:
                reply = SimulatedReply(body=b"", dropped=True)
            case Awkwardness.GARBLED_REPLY:
                reply = SimulatedReply(body=b"<html>gateway</html>")
        return reply


def _answer(door: _Door, headers: Mapping[str, str], body: bytes) -> SimulatedReply:
    try:
        return door(headers, body)
    except Refusal as refusal:
        return refusal.reply
