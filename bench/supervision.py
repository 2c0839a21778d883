"""What does delivering a report to the platform cost beside a bare post?

Ours claims a message, seals and signs it, posts it to the simulated platform on
the loopback address, checks the platform's signed receipt, signs its own and
keeps all of it, with two transactions and their audit entries. The limit makes
the same calls to the cipher, the hash and SM2, and posts a request of the same
bytes to the same platform, and keeps nothing.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import Final
from uuid import uuid4

import gmssl_pyx
import httpx
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SM3, Hash
from hospital_home import opened_home
from rounds import Bench, Case, main, whole

from jinkui.system_clock import SystemClock
from jinkui.wiring.supervision import Platform, SealedSecrets, supervision_desk
from jinkui.wiring.toolkit import Toolkit
from secure_records.keys.signing_keys import Sm2Signer, Verifier, generate_sm2
from shared_kernel.canonical_json import Json
from shared_kernel.signatures import Signer
from supervision.delivery import SupervisionDesk
from supervision.messages.message import Provenance
from supervision.outbox.states import State
from supervision.simulator.awkwardness import CALM
from supervision.simulator.enrolment import Enrolled, SimulatorParts
from supervision.simulator.platform import SimulatedPlatform
from supervision.simulator.server import running_simulator

INSTITUTION_KEY_BYTES: Final = 16
CASES: Final = ("deliver a report, gm, FULL",)
_PLATFORM: Final = "sim-province"
_BOUND: Final = (
    "x-jinkui-institution",
    "x-jinkui-message-id",
    "x-jinkui-nonce",
    "x-jinkui-profile",
    "x-jinkui-timestamp",
)


def body(tenant: str, number: int) -> dict[str, Json]:
    """A follow-up visit of an invented patient."""
    return {
        "org_uscc": tenant,
        "org_name": "示例互联网医院",
        "subject_code": "03.07",
        "subject_name": "内科",
        "dept_class_code": "03",
        "dept_name": "内科",
        "staff_id": "D1",
        "staff_id_no": "460100199003071237",
        "staff_name": "示例医师",
        "patient_id_type": "01",
        "patient_id_no": "46010019900307004X",
        "patient_name": "示例患者",
        "age": 35,
        "sex": "2",
        "mobile": "13800000000",
        "applied_at": "2026-03-01 09:00:00",
        "answered": "1",
        "price": "20.00",
        "updated_at": "2026-03-02 01:30:00",
        "record_id": f"FU-{number}",
        "channel": "1",
        "history": "无",
        "is_follow_up": "1",
        "main_dx_code": "I10.x00",
        "this_diagnosis": "高血压",
    }


@dataclass
class Side:
    """One home, one platform of its own, and a desk between them."""

    toolkit: Toolkit
    desk: SupervisionDesk
    base_url: str
    exchange_key: bytes
    signer: Signer
    platform_key: bytes
    numbers: Iterator[int] = field(default_factory=count)

    def submit(self, size: int) -> list[str]:
        """As many reports into the outbox."""
        tenant = self.toolkit.tenant
        return [
            self.desk.submit("follow_up", body(tenant, next(self.numbers)), provenance=_PROVENANCE)
            for _ in range(size)
        ]

    def messages(self, names: list[str]) -> list[bytes]:
        """The canonical bytes of submitted reports."""
        with self.toolkit.reading() as unit:
            return [unit.outbox.entry(name).message for name in names]


_PROVENANCE: Final = Provenance(source_system="bench", collector="bench", operator="bench")


@contextmanager
def side(bench: Bench, name: str) -> Iterator[Side]:
    """A home with the production durability and a simulated platform on a free port."""
    private, public = generate_sm2()
    with opened_home(bench.folder / name, suite="gm", synchronous="FULL") as toolkit:
        exchange_key = os.urandom(INSTITUTION_KEY_BYTES)
        SealedSecrets(toolkit).enter({"exchange_key": exchange_key})
        _, signer = toolkit.keys.log_signers(toolkit.tenant)
        enrolled = Enrolled(
            institution=toolkit.tenant, public_key=signer.public_key, exchange_key=exchange_key
        )
        simulated = SimulatedPlatform(
            SimulatorParts(
                platform=_PLATFORM,
                enrolled=(enrolled,),
                signer=Sm2Signer(private, public.raw),
                verifier=Verifier(),
                clock=SystemClock(),
                entropy=os.urandom,
                plan=CALM,
            )
        )
        with running_simulator(simulated) as handle:
            where = Platform(base_url=handle.base_url, name=_PLATFORM, public_key=public.raw)
            with supervision_desk(toolkit, where) as desk:
                yield Side(
                    toolkit=toolkit,
                    desk=desk,
                    base_url=handle.base_url,
                    exchange_key=exchange_key,
                    signer=signer,
                    platform_key=public.raw,
                )


class BarePost:
    """The same bytes to the same kind of platform, by direct calls; keeps nothing."""

    def __init__(self, target: Side) -> None:
        self.target = target
        self.own_private, self.own_public = generate_sm2()
        self.client = httpx.Client(trust_env=False)
        self.url = f"{target.base_url}/exchange/v1/messages"
        self.cipher = SM4(target.exchange_key)

    def run(self, messages: list[tuple[str, bytes]]) -> None:
        """Post each, check its receipt, sign a receipt of our own."""
        for name, message in messages:
            self._one(name, message)

    def _one(self, name: str, message: bytes) -> None:
        tenant = self.target.toolkit.tenant
        content = json.dumps(
            {
                "attachments": [],
                "format": "jinkui-exchange-content/1",
                "from": tenant,
                "message": message.decode(),
                "to": _PLATFORM,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        signature = base64.b64encode(self.target.signer.sign(content)).decode()
        outer = json.dumps(
            {"content": content.decode(), "digest": _sm3(content).hex(), "signature": signature}
        ).encode()
        headers = {
            "x-jinkui-profile": "jinkui-exchange-1.0",
            "x-jinkui-institution": tenant,
            "x-jinkui-message-id": name,
            "x-jinkui-nonce": str(uuid4()),
            "x-jinkui-timestamp": str(int(SystemClock().now().timestamp() * 1000)),
        }
        bound = "\n".join(f"{each}:{headers[each]}" for each in _BOUND).encode()
        nonce = os.urandom(12)
        encryptor = Cipher(self.cipher, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(bound)
        sealed = nonce + encryptor.update(outer) + encryptor.finalize() + encryptor.tag
        headers["x-jinkui-content-sm3"] = _sm3(sealed).hex()
        headers["content-type"] = "application/octet-stream"
        reply = self.client.post(self.url, content=sealed, headers=headers).json()
        assert reply["code"] == 200, reply
        signed, signature = reply["receipt"].encode(), reply["signature"]
        assert gmssl_pyx.sm2_verify(self.target.platform_key, signed, base64.b64decode(signature))
        gmssl_pyx.sm2_sign(self.own_private, self.own_public.raw, signed)


def _sm3(data: bytes) -> bytes:
    state = Hash(SM3())
    state.update(data)
    return state.finalize()


def cases(bench: Bench) -> Iterator[Case]:
    """No goal of the limits speaks of delivery: the figures are for the reader."""
    size = bench.pace.sized(40, 8)
    with side(bench, "ours") as ours, side(bench, "bare") as bare:
        post = BarePost(bare)

        def delivered() -> tuple[int, float]:
            ours.submit(size)
            began = perf_counter()
            outcomes = ours.desk.deliver_due()
            took = perf_counter() - began
            assert [each.state for each in outcomes] == [State.ACCEPTED] * size, outcomes
            return size, took

        def posted() -> tuple[int, float]:
            names = bare.submit(size)
            messages = list(zip(names, bare.messages(names), strict=True))
            began = perf_counter()
            post.run(messages)
            return size, perf_counter() - began

        yield Case(case=CASES[0], unit="reports/s", ours=whole(delivered), limit=whole(posted))
        post.client.close()


if __name__ == "__main__":
    main(CASES, cases)
