"""How does the platform take a message of the exchange form?

Steps: 1 institution; 2 clock window; 3 digest of the sealed body; 4 open it with
the headers bound; 5 digest and signature of the content; 6 it is meant for us
and says who it is; 7 attachments are the ones noted; 8 same id: same content is
answered with the first receipt's number, other content is refused; 9 store.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Final

from shared_kernel.instants import instant_text, parse_instant
from shared_kernel.signatures import SignatureInvalid
from supervision.errors import MessageMalformed, SupervisionError
from supervision.messages.message import CanonicalMessage, parse_message
from supervision.profiles.algorithms import SM3, sm4_gcm_open
from supervision.profiles.pipeline import header_text
from supervision.receipts.platform import PlatformReceipt, platform_receipt_bytes
from supervision.simulator.clock_window import require_fresh
from supervision.simulator.enrolment import Enrolled, SimulatorParts
from supervision.simulator.received import ReceivedMessage, ReceivedStore
from supervision.simulator.replies import (
    BusinessCode,
    GatewayCode,
    SimulatedReply,
    business_reply,
    refuse,
)

_CONTENT_FORMAT: Final = "jinkui-exchange-content/1"
_BOUND: Final = [
    "X-Jinkui-Profile",
    "X-Jinkui-Institution",
    "X-Jinkui-Message-Id",
    "X-Jinkui-Nonce",
    "X-Jinkui-Timestamp",
]


class ExchangeDoor:
    """The exchange path of the platform."""

    def __init__(self, parts: SimulatorParts, store: ReceivedStore) -> None:
        self._parts = parts
        self._store = store

    def take(self, headers: Mapping[str, str], body: bytes) -> SimulatedReply:
        """Check, store once, and answer with a signed receipt.

        Args:
            headers: Names in lower case.
            body: As it arrived.

        Raises:
            Refusal: with the platform's answer.
        """
        # 1
        enrolled = self._parts.by_institution(headers.get("x-jinkui-institution", ""))
        if enrolled is None:
            raise refuse(GatewayCode.UNKNOWN_KEY, "institution is not enrolled")
        # 2
        require_fresh(headers.get("x-jinkui-timestamp", ""), self._parts)
        # 3
        stated = headers.get("x-jinkui-content-sm3", "")
        if not hmac.compare_digest(stated, SM3(body).hex()):
            raise refuse(GatewayCode.BAD_SIGNATURE, "digest of the body does not hold")
        # 4, 5, 6, 7
        message, data = self._open(enrolled, headers, body)
        digest = f"sm3:{SM3(data).hex()}"
        # 8
        known = self._store.find(enrolled.institution, message.head.message_id)
        if known is not None:
            if known.digest != digest:
                return business_reply(
                    BusinessCode.REASON_IN_TEXT, "same message id with another content", {}
                )
            return self._receipt(known, body, duplicate=True)
        # 9
        item = ReceivedMessage(
            scheme="exchange",
            institution=enrolled.institution,
            resource=message.head.resource,
            message_id=message.head.message_id,
            digest=digest,
            number=self._store.next_number(),
            received_at=instant_text(self._parts.clock.now()),
            fields=tuple(sorted(message.body)),
        )
        self._store.add(item)
        return self._receipt(item, body, duplicate=False)

    def _open(
        self, enrolled: Enrolled, headers: Mapping[str, str], body: bytes
    ) -> tuple[CanonicalMessage, bytes]:
        try:
            bound = header_text(headers, _BOUND, "\n").encode()
            outer = json.loads(sm4_gcm_open(enrolled.exchange_key, body, bound))
            content = outer["content"].encode()
            if outer["digest"] != SM3(content).hex():
                raise refuse(GatewayCode.BAD_SIGNATURE, "digest of the content does not hold")
            signature = base64.b64decode(outer["signature"], validate=True)
            self._parts.verifier.verify(enrolled.public_key, content, signature)
            inner = json.loads(content)
            data = inner["message"].encode()
            message = parse_message(data)
            meant = (inner["format"], inner["from"], inner["to"], message.head.institution)
            files = [base64.b64decode(item["content"]) for item in inner["attachments"]]
        except SignatureInvalid as error:
            raise refuse(GatewayCode.BAD_SIGNATURE, "signature does not hold") from error
        except MessageMalformed as error:
            raise refuse(GatewayCode.BAD_PARAMETER, "content is no canonical message") from error
        except SupervisionError as error:
            raise refuse(GatewayCode.BAD_SIGNATURE, "the body does not open") from error
        except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
            raise refuse(GatewayCode.BAD_PARAMETER, "the body cannot be read") from error
        own = enrolled.institution
        if meant != (_CONTENT_FORMAT, own, self._parts.platform, own):
            raise refuse(GatewayCode.NO_RIGHT, "not from this institution or not for this platform")
        if headers.get("x-jinkui-message-id") != message.head.message_id:
            raise refuse(GatewayCode.BAD_PARAMETER, "header names another message")
        if [f"sm3:{SM3(item).hex()}" for item in files] != [n.sm3 for n in message.attachments]:
            raise refuse(GatewayCode.BAD_PARAMETER, "attachments are not the ones noted")
        return message, data

    def _receipt(self, item: ReceivedMessage, body: bytes, *, duplicate: bool) -> SimulatedReply:
        signed = platform_receipt_bytes(
            PlatformReceipt(
                platform=self._parts.platform,
                institution=item.institution,
                message_id=item.message_id,
                message_sm3=item.digest.removeprefix("sm3:"),
                request_sm3=SM3(body).hex(),
                number=item.number,
                received_at=parse_instant(item.received_at, "received_at"),
                duplicate=duplicate,
            )
        )
        signature = base64.b64encode(self._parts.signer.sign(signed)).decode()
        return business_reply(
            BusinessCode.OK,
            "already received" if duplicate else "received",
            {"receipt": signed.decode(), "signature": signature},
        )
