"""With which codes does the platform answer?

The code lists of the interface family that was seen: a gateway code outside, a
business code inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from shared_kernel.canonical_json import Json, canonical_bytes


class GatewayCode(IntEnum):
    """Codes of the gateway."""

    OK = 200
    BUSY = -1
    BAD_PARAMETER = 40001
    UNKNOWN_KEY = 40002
    NO_RIGHT = 40006
    BAD_SIGNATURE = 40010
    EXPIRED = 40011


class BusinessCode(IntEnum):
    """Codes of the business behind the gateway."""

    OK = 200
    EMPTY_FIELDS = -99
    REASON_IN_TEXT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedReply:
    """An answer, or none at all."""

    body: bytes
    status: int = 200
    dropped: bool = False
    """The connection ends without a reply."""

    delay_s: int = 0


class Refusal(Exception):  # an answer of the platform, not a fault of this program
    """Carries the answer of the platform out of a check."""

    def __init__(self, reply: SimulatedReply) -> None:
        super().__init__("refused by the simulated platform")
        self.reply = reply


def gateway_reply(code: GatewayCode, text: str) -> SimulatedReply:
    """A refusal by the gateway."""
    return _json({"code": int(code), "msg": text})


def business_reply(code: BusinessCode, text: str, extra: dict[str, Json]) -> SimulatedReply:
    """An answer of the business behind the gateway."""
    return _json(
        {"code": int(GatewayCode.OK), "body": {"msgCode": int(code), "msg": text}, **extra}
    )


def refuse(code: GatewayCode, text: str) -> Refusal:
    """A refusal to be raised."""
    return Refusal(gateway_reply(code, text))


def _json(value: dict[str, Json]) -> SimulatedReply:
    return SimulatedReply(body=canonical_bytes(value))
