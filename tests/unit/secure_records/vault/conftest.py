"""A whole vault on real SQLCipher files, filled by a synthetic hospital."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import Connection

from jinkui.bridges.record_grades import record_grade
from jinkui.bridges.subject_tags import AuditKeyTags
from jinkui.synthetic.hospital import SyntheticHospital
from secure_records import Caller, NewRecord, StoreReceipt, Vault, parse_line
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import AccessPolicy
from secure_records.access.internal_roles import compiled_internal_roles
from secure_records.adapters import audit_tables, key_tables, tables
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.import_folder import BesideFile
from secure_records.adapters.key_store import SqlKeyStore
from secure_records.adapters.media_folder import MediaFolder
from secure_records.adapters.media_tables import media_metadata
from secure_records.adapters.sql_audit_store import SqlAuditStore
from secure_records.adapters.sql_media_rows import SqlMediaRows
from secure_records.adapters.sql_record_store import SqlRecordStore
from secure_records.adapters.sql_registry import SqlRegistry
from secure_records.admission import admit
from secure_records.audit.log import AuditLog
from secure_records.envelope.suites import GM, Suite
from secure_records.keys.key_ring import KeyRing
from secure_records.options import VaultOptions
from secure_records.registry import read_registry_document
from secure_records.vault_parts import MediaParts, VaultParts

START = date(2026, 3, 2)


@dataclass
class TickingClock:
    """Each look is a second later."""

    at: datetime = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Room:
    """One institution's vault and everything a test may want to reach behind it."""

    folder: Path
    suite: Suite = GM
    clock: TickingClock = field(default_factory=TickingClock)
    hospital: SyntheticHospital = field(
        default_factory=lambda: SyntheticHospital(7, patients=12, visits=12, start=START)
    )
    policy: AccessPolicy | None = None

    def __post_init__(self) -> None:
        self.tenant = self.hospital.institution.credit_code
        self.key_file = EmbeddedStore(self.folder / "keys.db", b"\x22" * 32, "NORMAL")
        self.file = EmbeddedStore(self.folder / "records.db", b"\x11" * 32, "NORMAL")
        with self.key_file.transaction() as connection:
            key_tables.metadata.create_all(connection)
        with self.file.transaction() as connection:
            tables.metadata.create_all(connection)
            audit_tables.audit_metadata.create_all(connection)
        self.open()
        document = read_registry_document(orjson.dumps(self.hospital.registry_document()))
        with self.file.transaction() as connection:
            SqlRegistry(connection).enter(document)

    def open(self, **changes: object) -> Vault:
        """A vault as after a restart: nothing cached."""
        self.keys = KeyRing(
            self.suite, b"\x33" * 32, SqlKeyStore(self.key_file), os.urandom, self.clock
        )
        self.keys.open_tenant(self.tenant)
        parts: dict[str, Any] = {
            "tenant": self.tenant,
            "store": self.file,
            "keys": self.keys,
            "records": SqlRecordStore,
            "registry": SqlRegistry,
            "audit": self.log,
            "policy": lambda _: self.policy or NO_AGREEMENTS(),
            "admit": admit,
            "grade": record_grade,
            "clock": self.clock,
            "entropy": os.urandom,
            "options": VaultOptions(suite=self.suite),
        }
        self.vault = Vault(VaultParts(**{**parts, **changes}))
        return self.vault

    def log(self, connection: Connection) -> AuditLog:
        """The audit log of one transaction."""
        tags = AuditKeyTags(self.keys, self.tenant)
        return AuditLog(SqlAuditStore(connection, self.tenant), tags, os.urandom)

    def lines(self) -> list[dict[str, Any]]:
        """The hospital's import file, decoded."""
        return [orjson.loads(orjson.dumps(line)) for line in self.hospital.lines()]

    def records(self) -> list[NewRecord]:
        """The hospital's import file, read."""
        return [parse_line(orjson.dumps(line), n) for n, line in enumerate(self.lines(), 1)]

    def entries(self) -> list[dict[str, Any]]:
        """Every leaf of the log, decoded, in order."""
        with self.file.reading() as connection:
            batches = SqlAuditStore(connection, self.tenant).entries(0)
            return [orjson.loads(row.entry) for batch in batches for row in batch]

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Straight into the file, as somebody with the database password would."""
        with self.file.transaction() as connection:
            found = connection.exec_driver_sql(statement, values)
            return list(found.fetchall()) if found.returns_rows else []

    def caller_of(self, clinician: str) -> Caller:
        """The treating clinician's account."""
        return Caller(actor=clinician.removeprefix("SYN-").lower(), role="clinician")


@cache
def NO_AGREEMENTS() -> AccessPolicy:  # noqa: N802 - reads as the constant it is
    """No partner may do anything; the hospital's roles hold."""
    return AccessPolicy(compile_agreements(()), compiled_internal_roles())


OFFICER = Caller(actor="records-desk", role="records_officer")


@pytest.fixture
def officer() -> Caller:
    """Hands in files and answers patients' requests."""
    return OFFICER


@pytest.fixture
def make_room(tmp_path: Path) -> Iterator[Callable[..., Room]]:
    """Rooms on files of this test."""
    made: list[Room] = []

    def make(**changes: object) -> Room:
        folder = tmp_path / f"room{len(made)}"
        folder.mkdir()
        made.append(Room(folder, **changes))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for room in made:
        room.file.close()
        room.key_file.close()


@pytest.fixture
def room(make_room: Callable[..., Room]) -> Room:
    """An empty vault with a registered institution."""
    return make_room()


@pytest.fixture
def stored(room: Room, officer: Caller) -> Room:
    """A vault that holds the hospital's whole file."""
    receipts = room.vault.store(officer, room.records(), "test")
    assert all(hasattr(receipt, "record") for receipt in receipts), receipts
    return room


LARGEST_RECORDING = 2 * 1024 * 1024
VOICE = "这是患者的声音".encode()


class Recorded:
    """A vault that keeps recordings, and the folder of an import file."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.media_folder = room.folder / "media"
        self.import_folder = room.folder / "import"
        self.import_folder.mkdir()
        with room.file.transaction() as connection:
            media_metadata.create_all(connection)
        self.objects = MediaFolder(self.media_folder)
        self.open()

    def open(self, **changes: object) -> None:
        parts: dict[str, Any] = {
            "objects": self.objects,
            "rows": SqlMediaRows,
            "largest_bytes": LARGEST_RECORDING,
        }
        self.room.open(media=MediaParts(**{**parts, **changes}))

    def line(self, index: int = 2, **media: str) -> NewRecord:
        """A line of the hospital's file with a recording beside it; 2 is a dialogue."""
        line = self.room.lines()[index]
        line["media"] = {"path": "a.wav", "media_type": "audio/wav"} | media
        return parse_line(orjson.dumps(line), index + 1)

    @staticmethod
    def wav(size: int = 300_000) -> bytes:
        """Begins like a WAV file; its body holds a mark that must not be found anywhere."""
        body = VOICE + os.urandom(size)
        return b"RIFF" + len(body).to_bytes(4, "little") + b"WAVE" + body

    def file(self, content: bytes, name: str = "a.wav") -> bytes:
        path = self.import_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return content

    def store(self, *lines: NewRecord, caller: Caller = OFFICER) -> list[Any]:
        beside = BesideFile(self.import_folder)
        return list(self.room.vault.store(caller, list(lines), "media", beside))

    def stored(self, content: bytes, index: int = 2) -> str:
        self.file(content)
        [receipt] = self.store(self.line(index))
        assert isinstance(receipt, StoreReceipt), receipt
        return receipt.record

    def read(
        self,
        record: str,
        caller: Caller = OFFICER,
        purpose: str = "patient_request",
        start: int = 0,
        end: int | None = None,
    ) -> bytes:
        with self.room.vault.read_media(caller, record, purpose, start, end) as view:
            return b"".join(map(bytes, view.parts))

    def object_files(self) -> list[Path]:
        return sorted(p for p in self.media_folder.rglob("*") if p.is_file())


@pytest.fixture
def recorded(room: Room) -> Recorded:
    """An empty vault that keeps recordings."""
    return Recorded(room)


@pytest.fixture
def make_recorded(make_room: Callable[..., Room]) -> Callable[..., Recorded]:
    """Vaults that keep recordings."""
    return lambda **changes: Recorded(make_room(**changes))
