"""A desk, a real encrypted store and a simulated platform for tests of delivery."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlcipher3.dbapi2 as dbapi
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from secure_records.keys.signing_keys import Sm2Signer, Verifier, generate_sm2
from shared_kernel.canonical_json import Json
from supervision.adapters import tables
from supervision.adapters.sql_outbox import SqlOutbox
from supervision.delivery import DeskParts, SupervisionDesk
from supervision.errors import PlatformUnreachable, ReplyLost, SecretMissing
from supervision.messages.message import Attachment, Provenance
from supervision.options import DeliveryOptions
from supervision.ports import Ledger
from supervision.profiles.acceptance import Environment, Setting, shipped_profile
from supervision.profiles.algorithms import SM3
from supervision.simulator.awkwardness import CALM, AwkwardPlan
from supervision.simulator.enrolment import Enrolled, SimulatorParts
from supervision.simulator.platform import SimulatedPlatform
from supervision.transport.exchange import PreparedRequest, Reply

INSTITUTION = "12460100000000019E"
EXCHANGE_KEY = bytes(range(16))
SECRETS = {
    "exchange_key": EXCHANGE_KEY,
    "app_key": b"demo-app-key",
    "app_secret": b"00112233445566778899aabbccddeeff",
    "iv_hex": b"0f0e0d0c0b0a09080706050403020100",
    "aes_key": b"0123456789abcdef",
}
PROVENANCE = Provenance(source_system="demo-his", collector="demo", operator="it.security")
PDF = b"%PDF-1.7 signed official evaluation report, synthetic"
PATHS = {
    "jinkui-exchange-1.0": "",
    "tj-selfbuilt-1.0": "/scheme-a",
    "ngari-openapi-1.0": "/scheme-b",
}


def evaluation_body(**changes: Json) -> dict[str, Json]:
    """An official evaluation result, synthetic."""
    body: dict[str, Json] = {
        "report_no": "DEMO-2026-0001",
        "filing_cert_no": "46010099001-26001",
        "system_name": "互联网医院系统",
        "protection_level": "3",
        "evaluator_name": "示例测评机构",
        "evaluator_cert_no": "DEMO-CERT-1",
        "template_version": "2025",
        "onsite_from": "2026-02-02",
        "onsite_to": "2026-02-06",
        "issued_on": "2026-02-20",
        "conclusion": "基本符合",
        "major_risk_count": 0,
        "high_count": 1,
        "medium_count": 4,
        "low_count": 9,
        "report_file": "report.pdf",
        "report_sm3": SM3(PDF).hex(),
        "next_due": "2027-02-20",
    }
    return {**body, **changes}


def incident_body(**changes: Json) -> dict[str, Json]:
    """An initial incident report, synthetic."""
    body: dict[str, Json] = {
        "report_id": "INC-DEMO-1",
        "stage": "initial",
        "org_uscc": INSTITUTION,
        "org_name": "示例互联网医院",
        "system_info": {"system": "互联网医院系统", "mlps_level": "3"},
        "discovered_at": "2026-03-01 09:00:00",
        "place": "海口",
        "type": "数据泄露",
        "level": "general",
        "impact": "演练数据",
        "measures": "已隔离",
        "recipients": ["provincial platform"],
        "reporter": {"name": "值班员", "telephone": "0898-00000000"},
        "approver": "负责人",
    }
    return {**body, **changes}


def follow_up_body(record_id: str = "FU-1", **changes: Json) -> dict[str, Json]:
    """A follow-up visit of an invented patient."""
    body: dict[str, Json] = {
        "org_uscc": INSTITUTION,
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
        "record_id": record_id,
        "channel": "1",
        "history": "无",
        "is_follow_up": "1",
        "main_dx_code": "I10.x00",
        "this_diagnosis": "高血压",
    }
    return {**body, **changes}


def review_body(record_id: str = "FU-1") -> dict[str, Json]:
    """A patient's review of a follow-up visit."""
    return {
        "org_uscc": INSTITUTION,
        "org_name": "示例互联网医院",
        "review_id": f"RV-{record_id}",
        "record_id": record_id,
        "business_type": "4",
        "staff_id_no": "460100199003071237",
        "satisfaction": 5,
        "score": 10,
        "text": "好",
        "reviewer": "示例患者",
        "reviewed_at": "2026-03-02 08:00:00",
        "updated_at": "2026-03-03 01:30:00",
    }


REPORT_FILE = (Attachment(name="report.pdf", media_type="application/pdf", content=PDF),)


@dataclass
class SteeredClock:
    """A clock that moves when told to."""

    at: datetime = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def advance(self, **step: int) -> None:
        self.at += timedelta(**step)


@dataclass
class MemoryJournal:
    """Keeps journal entries in order."""

    entries: list[tuple[str, Mapping[str, Json], str]] = field(default_factory=list)

    def record(self, action: str, details: Mapping[str, Json], *, at: datetime, actor: str) -> int:
        assert at.utcoffset() is not None
        self.entries.append((action, dict(details), actor))
        return len(self.entries) - 1


@dataclass
class StoreLedgers:
    """Transactions on a real SQLCipher file."""

    engine: Engine
    journal: MemoryJournal
    tenant: str = INSTITUTION

    @contextmanager
    def begin(self) -> Iterator[Ledger]:
        before = len(self.journal.entries)
        try:
            with self.engine.begin() as connection:
                yield Ledger(outbox=SqlOutbox(connection, tenant=self.tenant), journal=self.journal)
        except BaseException:
            del self.journal.entries[before:]
            raise


@dataclass
class DirectTransport:
    """Carries requests to the platform without a network."""

    platform: SimulatedPlatform
    base_url: str
    sent: list[PreparedRequest] = field(default_factory=list)
    unreachable: int = 0

    def send(self, request: PreparedRequest) -> Reply:
        self.sent.append(request)
        if self.unreachable:
            self.unreachable -= 1
            raise PlatformUnreachable("no connection to the platform could be made")
        headers = {name.lower(): value for name, value in request.headers}
        path = request.url.removeprefix(self.base_url)
        reply = self.platform.handle(path, headers, request.body)
        if reply.dropped:
            raise ReplyLost("the connection ended before a complete reply")
        return Reply(status=reply.status, headers=(), body=reply.body)


class KnownSecrets:
    """Dummy credentials."""

    def __init__(self, values: Mapping[str, bytes]) -> None:
        self.values = dict(values)

    def secret(self, name: str) -> bytes:
        if name not in self.values:
            raise SecretMissing(f"no secret {name!r}")
        return self.values[name]


@dataclass
class Rig:
    """Everything together."""

    desk: SupervisionDesk
    parts: DeskParts
    ledgers: StoreLedgers
    journal: MemoryJournal
    platform: SimulatedPlatform
    transport: DirectTransport
    clock: SteeredClock
    secrets: KnownSecrets

    def rebuilt(self, **changes: object) -> SupervisionDesk:
        return SupervisionDesk(replace(self.parts, **changes))  # type: ignore[arg-type]


def build_engine(path: Path) -> Engine:
    """A real SQLCipher store with the tables of this room."""

    def connect() -> object:
        connection = dbapi.connect(str(path), isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA key=\"x'" + "11" * 32 + "'\"")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    engine = create_engine("sqlite+pysqlite://", creator=connect, module=dbapi, poolclass=NullPool)
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    tables.metadata.create_all(engine)
    return engine


KEYS: dict[str, Sm2Signer] = {}


def build_rig(
    folder: Path,
    *,
    profile: str = "jinkui-exchange-1.0",
    plan: AwkwardPlan = CALM,
    options: DeliveryOptions | None = None,
    seed: int = 7,
    state_file: Path | None = None,
) -> Rig:
    """A desk for ``profile`` against a simulated platform in this process."""
    for name in ("hospital", "platform"):
        if name not in KEYS:
            private, public = generate_sm2()
            KEYS[name] = Sm2Signer(private, public.raw)
    clock, entropy, verifier = SteeredClock(), random.Random(seed).randbytes, Verifier()
    platform = SimulatedPlatform(
        SimulatorParts(
            platform="sim-province",
            enrolled=(
                Enrolled(
                    institution=INSTITUTION,
                    public_key=KEYS["hospital"].public_key,
                    exchange_key=EXCHANGE_KEY,
                    app_key="demo-app-key",
                    sm4_key=bytes.fromhex(SECRETS["app_secret"].decode()),
                    sm4_iv=bytes.fromhex(SECRETS["iv_hex"].decode()),
                    aes_key=SECRETS["aes_key"],
                    hmac_secret=SECRETS["app_secret"],
                ),
            ),
            signer=KEYS["platform"],
            verifier=verifier,
            clock=clock,
            entropy=entropy,
            plan=plan,
            state_file=state_file,
        )
    )
    base_url = "http://127.0.0.1:1"
    transport = DirectTransport(platform=platform, base_url=base_url)
    journal = MemoryJournal()
    ledgers = StoreLedgers(engine=build_engine(folder / "records.db"), journal=journal)
    secrets = KnownSecrets(SECRETS)
    parts = DeskParts(
        institution=INSTITUTION,
        ledgers=ledgers,
        transport=transport,
        profile=shipped_profile(profile),
        environment=Environment(
            setting=Setting.TEST,
            base_url=base_url + PATHS[profile],
            platform="sim-province",
            platform_key=platform.public_key,
        ),
        secrets=secrets,
        signer=KEYS["hospital"],
        verifier=verifier,
        clock=clock,
        entropy=entropy,
        sm3=SM3,
        options=options or DeliveryOptions(),
    )
    return Rig(
        desk=SupervisionDesk(parts),
        parts=parts,
        ledgers=ledgers,
        journal=journal,
        platform=platform,
        transport=transport,
        clock=clock,
        secrets=secrets,
    )


@pytest.fixture
def rig_for(tmp_path: Path) -> Callable[..., Rig]:
    """Builds a rig in this test's folder."""

    def build(**settings: object) -> Rig:
        return build_rig(tmp_path, **settings)  # type: ignore[arg-type]

    return build


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A calm exchange rig."""
    return build_rig(tmp_path)


@pytest.fixture
def samples() -> dict[str, object]:
    """Bodies and files of an invented hospital."""
    return {
        "evaluation": evaluation_body,
        "incident": incident_body,
        "follow_up": follow_up_body,
        "review": review_body,
        "report_file": REPORT_FILE,
        "provenance": PROVENANCE,
        "institution": INSTITUTION,
    }
