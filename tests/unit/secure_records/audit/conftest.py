"""A real encrypted store, real keys and a fixed day for every audit test."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlcipher3.dbapi2 as dbapi
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

from secure_records.adapters.audit_tables import audit_metadata
from secure_records.adapters.sql_audit_store import SqlAuditStore
from secure_records.audit.entry import AuditFact
from secure_records.audit.findings import LogVerdict
from secure_records.audit.log import AuditLog
from secure_records.audit.note import NoteKey
from secure_records.audit.verification import verify_log
from shared_kernel.signatures import ED25519, PublicKey, SignatureInvalid

ORIGIN = "jinkui.example/12460100000000019E/audit"
TENANT = "12460100000000019E"
DAY = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)


class EdSigner:
    """A real Ed25519 key behind the Signer port."""

    def __init__(self, seed: bytes = b"\x01" * 32) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> PublicKey:
        return PublicKey(algorithm=ED25519, raw=self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class EdVerifier:
    """Checks Ed25519 and refuses every other algorithm."""

    def verify(self, key: PublicKey, message: bytes, signature: bytes) -> None:
        try:
            if key.algorithm != ED25519:
                raise SignatureInvalid("unknown algorithm")
            Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
        except InvalidSignature as error:
            raise SignatureInvalid("false") from error


class Tags:
    """One audit key per subject."""

    def commit(self, subject: str, nonce: bytes, /) -> bytes:
        return hmac.digest(hashlib.sha256(subject.encode()).digest(), nonce, "sha256")


class Counter:
    """Predictable entropy, so that a failing test can be repeated."""

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self, count: int, /) -> bytes:
        self._calls += 1
        return hashlib.sha256(self._calls.to_bytes(8, "big")).digest()[:count]


def subject(number: int) -> str:
    return f"sub_{number:026d}"


def fact(number: int, **changes: Any) -> AuditFact:
    content: dict[str, Any] = {
        "at": DAY + timedelta(seconds=number),
        "actor": f"staff-{number % 3}",
        "action": "record.read",
        "decision": "permit",
        "purpose": "treatment",
        "subject": subject(number % 5),
        "record": f"rec_{number:026d}",
        "kind": "prescription",
        "fields": ("drugs",),
    }
    return AuditFact(**(content | changes))


@dataclass
class House:
    """One encrypted file and what is needed to write and verify its log."""

    path: Path
    signer: EdSigner
    tags: Tags
    entropy: Counter

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        def connect() -> Any:
            raw = dbapi.connect(str(self.path), isolation_level=None, check_same_thread=False)
            raw.execute("PRAGMA key=\"x'" + "11" * 32 + "'\"")
            raw.execute("PRAGMA cipher_hmac_algorithm=HMAC_SHA256")
            raw.execute("PRAGMA journal_mode=WAL")
            return raw

        engine = create_engine(
            "sqlite+pysqlite://", creator=connect, module=dbapi, poolclass=NullPool
        )
        event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def store(self, connection: Connection, tenant: str = TENANT) -> SqlAuditStore:
        return SqlAuditStore(connection, tenant)

    def log(self, connection: Connection) -> AuditLog:
        return AuditLog(self.store(connection), self.tags, self.entropy)

    @property
    def keys(self) -> tuple[NoteKey, ...]:
        return (NoteKey(name=ORIGIN, public_key=self.signer.public_key),)

    @property
    def verifier(self) -> EdVerifier:
        return EdVerifier()

    @property
    def origin(self) -> str:
        return ORIGIN

    @property
    def day(self) -> datetime:
        return DAY

    def fact(self, number: int, **changes: Any) -> AuditFact:
        return fact(number, **changes)

    def subject(self, number: int) -> str:
        return subject(number)

    def signer_with(self, seed: bytes) -> EdSigner:
        return EdSigner(seed)

    def verdict(self, anchor: str | None = None) -> LogVerdict:
        """Judge the file as it lies on disk now."""
        with self.transaction() as connection:
            return verify_log(
                self.store(connection),
                self.verifier,
                self.keys,
                anchor_note=anchor,
                tags=self.tags,
            )

    def tamper(self, *statements: str) -> None:
        """Do what an intruder with the file key could do."""
        with self.transaction() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def fill(self, count: int, *, checkpoint: bool = True) -> str:
        """Append ``count`` further facts and return the latest note."""
        with self.transaction() as connection:
            log = self.log(connection)
            start = log.size()
            log.append_all([fact(start + number) for number in range(count)])
            if checkpoint:
                return log.checkpoint(ORIGIN, (self.signer,), DAY)
        return ""


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(path=tmp_path / "records.db", signer=EdSigner(), tags=Tags(), entropy=Counter())
    with made.transaction() as connection:
        audit_metadata.create_all(connection)
    return made
