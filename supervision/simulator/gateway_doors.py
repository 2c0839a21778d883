"""How does a platform of the seen gateway family take rows (schemes A and B)?

As such platforms do: the digest and signature are checked, rows are taken in
order until the first bad one, repeated business ids are stored again, and a
review is refused while its business record is unknown.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final

from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.instants import instant_text
from supervision.errors import SupervisionError
from supervision.profiles.algorithms import (
    SM3,
    Padding,
    aes_ecb_decrypt,
    keyed_digest,
    sm4_cbc_decrypt,
)
from supervision.profiles.pipeline import header_text
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

_SIGNED: Final = [
    "X-Ca-Key",
    "X-Ca-Nonce",
    "X-Ca-Timestamp",
    "X-Content-MD5",
    "X-Service-Id",
    "X-Service-Method",
]
_REVIEW: Final = "uploadBusinessInfoAfter"
_MAY_BE_EMPTY: Final = frozenset({"pushMedicalDispute"})
_NEEDED: Final = ("organID", "bussID")


class GatewayDoor:
    """The path of one scheme: ``a`` (SM4-CBC, SM3) or ``b`` (AES-ECB, MD5, HMAC)."""

    def __init__(self, scheme: str, parts: SimulatorParts, store: ReceivedStore) -> None:
        self._scheme = scheme
        self._parts = parts
        self._store = store
        self._nonces: set[str] = set()

    def take(self, headers: Mapping[str, str], body: bytes) -> SimulatedReply:
        """Check, store, answer.

        Raises:
            Refusal: with the platform's answer.
        """
        enrolled = self._parts.by_app_key(headers.get("x-ca-key", ""))
        if enrolled is None:
            raise refuse(GatewayCode.UNKNOWN_KEY, "unknown key")
        require_fresh(headers.get("x-ca-timestamp", ""), self._parts)
        self._require_signature(enrolled, headers, body)
        nonce = headers["x-ca-nonce"]
        if nonce in self._nonces:
            raise refuse(GatewayCode.EXPIRED, "nonce was used before")
        self._nonces.add(nonce)
        return self._store_rows(enrolled, headers["x-service-method"], self._rows(enrolled, body))

    def _require_signature(
        self, enrolled: Enrolled, headers: Mapping[str, str], body: bytes
    ) -> None:
        try:
            text = header_text(headers, _SIGNED, "&").encode()
        except SupervisionError as error:
            raise refuse(GatewayCode.BAD_SIGNATURE, "a signed header is missing") from error
        if self._scheme == "a":
            digest, signature = SM3(body).hex().upper(), SM3(text).hex().upper()
        else:
            md5 = hashlib.md5(body, usedforsecurity=False).digest()
            digest = base64.b64encode(md5).decode()
            signature = base64.b64encode(
                keyed_digest("sha256", enrolled.hmac_secret, text)
            ).decode()
        given = headers["x-content-md5"], headers.get("x-ca-signature", "")
        if not hmac.compare_digest("|".join(given).encode(), f"{digest}|{signature}".encode()):
            raise refuse(GatewayCode.BAD_SIGNATURE, "digest or signature does not hold")

    def _rows(self, enrolled: Enrolled, body: bytes) -> list[Mapping[str, Json]]:
        try:
            if self._scheme == "a":
                plain = sm4_cbc_decrypt(
                    enrolled.sm4_key,
                    enrolled.sm4_iv,
                    bytes.fromhex(body.decode("ascii")),
                    Padding.ISO7816_4,
                )
            else:
                sealed = base64.b64decode(body, validate=True)
                plain = aes_ecb_decrypt(enrolled.aes_key, sealed, Padding.PKCS7)
            rows = json.loads(plain)
        except (SupervisionError, ValueError, binascii.Error) as error:
            raise refuse(GatewayCode.BAD_PARAMETER, "the body cannot be read") from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise refuse(GatewayCode.BAD_PARAMETER, "the body is no array of objects")
        return rows

    def _store_rows(
        self, enrolled: Enrolled, method: str, rows: list[Mapping[str, Json]]
    ) -> SimulatedReply:
        if not rows and method not in _MAY_BE_EMPTY:
            return business_reply(BusinessCode.REASON_IN_TEXT, "empty array", {})
        for row in rows:  # stop at the first bad row; those before it stay stored
            empty = [name for name in _NEEDED if not row.get(name)]
            if empty:
                return business_reply(BusinessCode.EMPTY_FIELDS, "|".join(empty), {})
            if row["organID"] != enrolled.institution:
                return business_reply(BusinessCode.REASON_IN_TEXT, "another institution", {})
            business_id = str(row["bussID"])
            known = self._store.find(enrolled.institution, business_id)
            if method == _REVIEW and known is None:
                return business_reply(BusinessCode.REASON_IN_TEXT, "business record unknown", {})
            self._store.add(
                ReceivedMessage(
                    scheme=self._scheme,
                    institution=enrolled.institution,
                    resource=method,
                    message_id=business_id,
                    digest=f"sm3:{SM3(canonical_bytes(row)).hex()}",
                    number=self._store.next_number(),
                    received_at=instant_text(self._parts.clock.now()),
                    fields=tuple(sorted(row)),
                )
            )
        return business_reply(BusinessCode.OK, "success", {})
