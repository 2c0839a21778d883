"""A small hospital with a real encrypted case store, a steerable clock and real keys."""

# ruff: noqa: ANN401 - keyword changes of any field

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlcipher3.dbapi2 as dbapi
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from incident.adapters.sql_case_store import SqlCaseStore
from incident.adapters.tables import metadata
from incident.desk import DeskPorts, IncidentDesk, Rulebook
from incident.duties.load import load_law
from incident.options import IncidentOptions
from incident.reports.compose import Institution
from incident.reports.filing import Receipt, ReceiptState
from incident.reports.letters import load_letters
from incident.scoping.evidence import AccessAction, AccessQuery, EvidenceEntry, EvidenceWindow
from incident.triage.guide import load_guides
from shared_kernel.signatures import ED25519, PublicKey, SignatureInvalid

LAW = load_law()
RULES = Rulebook(
    law=LAW,
    guides=load_guides(),
    letters=load_letters(LAW, {"drugs": ("药品", "drugs"), "patient.name": ("姓名", "name")}),
)
TENANT = "12330000470000000X"
HOUSE = Institution(
    name="浙江示范互联网医院",
    credit_code=TENANT,
    address="浙江省杭州市示范路1号",
    contact="信息安全办公室 0571-00000000",
)


class SteerableClock:
    def __init__(self) -> None:
        self.instant = datetime.fromisoformat("2026-03-01T23:30:00+08:00")

    def now(self) -> datetime:
        return self.instant

    def forward(self, **step: float) -> None:
        self.instant += timedelta(**step)


class CountingEntropy:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, count: int, /) -> bytes:
        self.calls += 1
        return sha256(str(self.calls).encode()).digest()[:count]


@dataclass
class RecordingJournal:
    entries: list[tuple[str, Mapping[str, Any], datetime, str]] = field(default_factory=list)
    broken: bool = False

    def record(self, action: str, details: Mapping[str, Any], *, at: datetime, actor: str) -> int:
        if self.broken:
            raise OSError("log full")
        self.entries.append((action, details, at, actor))
        return len(self.entries) - 1


class PersonSigner:
    def __init__(self, seed: int) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.public_key = PublicKey(
            algorithm=ED25519, raw=self._key.public_key().public_bytes_raw()
        )

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class Ed25519Verifier:
    def verify(self, key: PublicKey, message: bytes, signature: bytes) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
        except InvalidSignature as error:
            raise SignatureInvalid("no") from error


class KeyRegister:
    def __init__(self) -> None:
        self.keys: dict[str, tuple[PublicKey, ...]] = {}

    def keys_of(self, tenant: str, person: str) -> tuple[PublicKey, ...]:
        return self.keys.get(person, ()) if tenant == TENANT else ()


class FixedEvidence:
    def __init__(self) -> None:
        self.minors: frozenset[str] = frozenset({"sub_b"})

    def window(self, query: AccessQuery) -> EvidenceWindow:
        entries = tuple(
            EvidenceEntry(
                index=number,
                at=query.since,
                actor="act_x",
                partner=query.partner,
                action=AccessAction.READ,
                decision="permit",
                record=f"rec_{name}",
                kind="prescription",
                fields=("patient.name", "drugs"),
                subject=f"sub_{name}",
            )
            for number, name in enumerate("abc")
        )
        return EvidenceWindow(
            query=query,
            entries=entries,
            root=b"\x01" * 32,
            size=9,
            replay_ok=True,
            minors=self.minors,
        )


class SteerablePlatform:
    name = "provincial-platform"

    def __init__(self, clock: SteerableClock) -> None:
        self._clock = clock
        self.state = ReceiptState.ACCEPTED
        self.taken: list[bytes] = []

    def submit(self, report: bytes, *, digest: str, recipient: str, draft_id: str) -> Receipt:
        assert draft_id.startswith("dft_")
        self.taken.append(report)
        return Receipt(
            reference=f"{recipient}-{len(self.taken)}",
            state=self.state,
            received_at=self._clock.now(),
            digest=digest,
        )


@dataclass
class Hospital:
    connection: Connection
    clock: SteerableClock
    journal: RecordingJournal
    keys: KeyRegister
    platform: SteerablePlatform
    desk: IncidentDesk
    store: SqlCaseStore
    people: dict[str, PersonSigner]

    def opened(self, **changes: Any) -> str:
        given: dict[str, Any] = {
            "actor": "li",
            "summary": "合作药房批量读取处方",
            "source": "detection",
            "reporter": "值班员",
            "operators": ["other_network_operator", "medical_institution", "pi_handler"],
            "flags": ["personal_info_leak"],
        }
        return self.desk.open(**{**given, **changes}).case

    def released(self, case: str, recipient: str, stage: Any, **answers: str) -> str:
        draft = self.desk.draft(case, actor="li", recipient=recipient, stage=stage, answers=answers)
        for person in ("wang", "zhao"):
            self.desk.approve(case, draft.draft_id, actor=person, signer=self.people[person])
        self.desk.release(case, draft.draft_id, actor="wang")
        return draft.draft_id


def connection_to(path: Path) -> Any:
    def connect() -> Any:
        opened = dbapi.connect(str(path), isolation_level=None, check_same_thread=False)
        opened.execute("PRAGMA key=\"x'" + "11" * 32 + "'\"")
        return opened

    engine = create_engine("sqlite+pysqlite://", creator=connect, module=dbapi, poolclass=NullPool)
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    engine = connection_to(tmp_path / "cases.db")
    with engine.begin() as connection:
        metadata.create_all(connection)
        clock, journal, keys = SteerableClock(), RecordingJournal(), KeyRegister()
        people = {name: PersonSigner(seed) for seed, name in enumerate(("li", "wang", "zhao"), 1)}
        keys.keys = {name: (signer.public_key,) for name, signer in people.items()}
        store = SqlCaseStore(connection)
        desk = IncidentDesk(
            tenant=TENANT,
            institution=HOUSE,
            rules=RULES,
            ports=DeskPorts(
                store=store,
                journal=journal,
                clock=clock,
                entropy=CountingEntropy(),
                evidence=FixedEvidence(),
                verifier=Ed25519Verifier(),
                keys=keys,
            ),
            options=IncidentOptions(),
        )
        yield Hospital(
            connection=connection,
            clock=clock,
            journal=journal,
            keys=keys,
            platform=SteerablePlatform(clock),
            desk=desk,
            store=store,
            people=people,
        )
    engine.dispose()
