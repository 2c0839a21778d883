"""How is a whole vault put together for one test, on real encrypted files?

The same parts as in a home: SQLCipher, key ring, registry, red lines, roles,
agreements, audit log. Two things differ. The root key is a constant, so that no
passphrase is stretched. And the grade: the taxonomy lives in another room, so
every record gets the default grade of its kind unless ``grade`` is handed in;
``jinkui.bridges.record_grades.record_grade`` is the one of a home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
import orjson
from sqlalchemy.engine import Connection

from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import AccessPolicy
from secure_records.access.internal_roles import compiled_internal_roles
from secure_records.adapters import audit_tables, key_tables, tables
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.key_store import SqlKeyStore
from secure_records.adapters.sql_audit_store import SqlAuditStore
from secure_records.adapters.sql_record_store import SqlRecordStore
from secure_records.adapters.sql_registry import SqlRegistry
from secure_records.admission import admit
from secure_records.audit.findings import LogVerdict
from secure_records.audit.log import AuditLog
from secure_records.audit.verification import verify_log
from secure_records.columns import ColumnKeys
from secure_records.envelope.suites import GM, Suite, mac
from secure_records.intake import read_lines
from secure_records.keys.key_ring import KeyRing
from secure_records.keys.signing_keys import Verifier
from secure_records.kinds.catalogue import kind_named
from secure_records.models import Caller, StoreReceipt, StoreRefusal
from secure_records.options import VaultOptions
from secure_records.registry.registry_document import read_registry_document
from secure_records.testing.determinism import FixedClock, SeededEntropy
from secure_records.testing.synthetic import lines_as_bytes, registry_document
from secure_records.vault import Vault
from secure_records.vault_parts import VaultParts
from shared_kernel.canonical_json import Json
from shared_kernel.grades import Grade
from shared_kernel.identifiers import Entropy

_ROOT: Final = b"\x2a" * 32
"""Known to everybody: see the first lines of the package."""

_SOURCE: Final = "test"

OFFICER: Final = Caller(actor="records-desk", role="records_officer")
CLINICIAN: Final = Caller(actor="d001", role="clinician")
PHARMACY: Final = Caller(actor="pharmacy-desk", role="pharmacist", partner="demo-pharmacy")


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultRoom:
    """A vault for one test, and what a test wants to reach beside it."""

    vault: Vault
    tenant: str
    """Credit code of the institution in the registry."""

    folder: Path
    """Holds the two encrypted files."""

    clock: FixedClock
    keys: KeyRing
    columns: ColumnKeys
    """For sealed columns of tables outside the vault."""

    store_file: EmbeddedStore
    officer: Caller = OFFICER
    """May hand in records and answer patients' requests."""

    clinician: Caller = CLINICIAN
    """Treats the patients of ``synthetic_lines``."""

    pharmacy: Caller = PHARMACY
    """Of a partner; sees nothing until an agreement is handed in."""

    def store(
        self, lines: Sequence[Mapping[str, Any]], caller: Caller | None = None
    ) -> tuple[StoreReceipt | StoreRefusal, ...]:
        """Hand in decoded lines as an import file would."""
        items = list(read_lines(lines_as_bytes(lines)))
        return self.vault.store(caller or self.officer, items, _SOURCE)

    def entries(self) -> tuple[Mapping[str, Json], ...]:
        """Every entry of the audit log, decoded, in order."""
        with self.store_file.reading() as connection:
            batches = SqlAuditStore(connection, self.tenant).entries(0)
            return tuple(orjson.loads(row.entry) for batch in batches for row in batch)

    def verify_log(self) -> LogVerdict:
        """Recompute what the log claims. No checkpoint is signed here: none is asked for."""
        with self.store_file.reading() as connection:
            return verify_log(
                SqlAuditStore(connection, self.tenant),
                Verifier(),
                (),
                tags=_Tags(self.keys, self.tenant),
            )


class _Tags:
    """Commitments under the audit key of each patient, as in a home."""

    def __init__(self, keys: KeyRing, tenant: str) -> None:
        self._keys = keys
        self._tenant = tenant

    def commit(self, subject: str, nonce: bytes, /) -> bytes:
        """HMAC of the nonce under the patient's audit key."""
        return mac(self._keys.suite, self._keys.audit_key(self._tenant, subject), nonce)


def default_grade(kind: str, _body: msgspec.Struct) -> Grade:
    """The grade of a record in which nothing special was noticed."""
    return kind_named(kind).default_grade


@contextmanager
def temporary_vault(
    folder: Path | None = None,
    *,
    registry: bytes | None = None,
    agreements: Sequence[bytes] = (),
    suite: Suite = GM,
    clock: FixedClock | None = None,
    entropy: Entropy | None = None,
    grade: Callable[[str, msgspec.Struct], Grade] = default_grade,
) -> Iterator[VaultRoom]:
    """A registered, empty vault for the length of a block.

    Args:
        folder: An empty folder that the caller removes; default: one that disappears.
        registry: A registry document; default: ``registry_document()``.
        agreements: Agreement documents (YAML) in force; none: partners see nothing.
        suite: ``GM`` or ``INTL``.
        clock: Default: ``FixedClock()``.
        entropy: Default: ``SeededEntropy()``. Pairs of SM2 keys are random all the same.
        grade: Grade of a record by kind and body.

    Raises:
        RegistryRefused, AgreementMalformed: a document that was handed in.
    """
    document = read_registry_document(registry_document() if registry is None else registry)
    policy = AccessPolicy(
        compile_agreements(
            [StandingAgreement(agreement=parse_agreement(text)) for text in agreements],
            frozenset(partner.id for partner in document.partners),
        ),
        compiled_internal_roles(),
    )
    standing, draw = clock or FixedClock(), entropy or SeededEntropy()
    tenant = document.institution.credit_code
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory())) if folder is None else folder
        key_file = EmbeddedStore(place / "keys.db", draw(32), "NORMAL")
        stack.callback(key_file.close)
        file = EmbeddedStore(place / "records.db", draw(32), "NORMAL")
        stack.callback(file.close)
        with key_file.transaction() as connection:
            key_tables.metadata.create_all(connection)
        keys = KeyRing(suite, _ROOT, SqlKeyStore(key_file), draw, standing)
        keys.open_tenant(tenant)
        tags = _Tags(keys, tenant)

        def log(connection: Connection) -> AuditLog:
            return AuditLog(SqlAuditStore(connection, tenant), tags, draw)

        with file.transaction() as connection:
            tables.metadata.create_all(connection)
            audit_tables.audit_metadata.create_all(connection)
            SqlRegistry(connection).enter(document)
        parts = VaultParts(
            tenant=tenant,
            store=file,
            keys=keys,
            records=SqlRecordStore,
            registry=SqlRegistry,
            audit=log,
            policy=lambda _: policy,
            admit=admit,
            grade=grade,
            clock=standing,
            entropy=draw,
            options=VaultOptions(suite=suite),
        )
        yield VaultRoom(
            vault=Vault(parts),
            tenant=tenant,
            folder=place,
            clock=standing,
            keys=keys,
            columns=ColumnKeys(keys, tenant, draw),
            store_file=file,
        )
