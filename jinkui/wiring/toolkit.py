"""What does a front end hold in its hands?

One ``Toolkit`` per open home: the vault, one transaction at a time, the log's
checkpoint and anchor, and the keys of people on this terminal. Command line,
daemon and demo use the same one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.engine import Connection

from jinkui.bridges.access_evidence import ReplayedEvidence
from jinkui.bridges.ages import minors
from jinkui.bridges.person_keys import PersonalKeys
from jinkui.bridges.record_grades import record_grade
from jinkui.bridges.subject_tags import AuditKeyTags
from jinkui.bridges.witnessed_agreements import require_witnessed
from jinkui.settings.home import Home
from jinkui.wiring.anchor import Anchor
from jinkui.wiring.homes import HomeFiles, open_files
from jinkui.wiring.unit import Unit
from secure_records.access.decision import AccessPolicy
from secure_records.access.policy_cache import PolicyCache
from secure_records.access.ports import AgreementSummary
from secure_records.adapters.sql_leakage import count_leakage
from secure_records.adapters.sql_record_store import SqlRecordStore
from secure_records.adapters.sql_registry import SqlRegistry
from secure_records.admission.red_lines import admit
from secure_records.audit.checkpoint import verify_checkpoint
from secure_records.audit.findings import LogVerdict
from secure_records.audit.log import AuditLog
from secure_records.audit.note import NoteKey
from secure_records.audit.verification import verify_log
from secure_records.keys.key_ring import KeyRing
from secure_records.keys.signing_keys import Verifier
from secure_records.leakage import LeakageReport
from secure_records.options import VaultOptions
from secure_records.vault import Vault
from secure_records.vault_parts import VaultParts
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock
from shared_kernel.signatures import Signer


class Toolkit:
    """Everything that is wired over one open home."""

    def __init__(self, files: HomeFiles, clock: Clock, entropy: Entropy) -> None:
        self._files = files
        self.clock = clock
        self.entropy = entropy
        self.tags = AuditKeyTags(files.keys, files.home.institution)
        self.verifier = Verifier()
        self.person_keys = PersonalKeys(files.keys)
        self._policies = PolicyCache()
        self._witnessed: tuple[AgreementSummary, ...] = ()
        self._parts = VaultParts(
            tenant=self.tenant,
            store=files.store,
            keys=files.keys,
            records=SqlRecordStore,
            registry=SqlRegistry,
            audit=self._log,
            policy=self._policy,
            admit=admit,
            grade=record_grade,
            clock=clock,
            entropy=entropy,
            options=VaultOptions(suite=files.suite),
        )
        self.vault = Vault(self._parts)

    @property
    def home(self) -> Home:
        """Folder and settings."""
        return self._files.home

    @property
    def tenant(self) -> str:
        """The institution's unified social credit code."""
        return self._files.home.institution

    @property
    def keys(self) -> KeyRing:
        """The key ring."""
        return self._files.keys

    @property
    def parts(self) -> VaultParts:
        """What the vault stands on, for procedures that look at sealed identities."""
        return self._parts

    # --- transactions -------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Unit]:
        """One write transaction over all domains.

        Keys made inside (a patient's audit key) commit first.
        """
        with self._files.store.transaction() as connection:
            yield self._unit(connection)
            self.keys.flush()

    @contextmanager
    def reading(self) -> Iterator[Unit]:
        """One consistent view of all domains."""
        with self._files.store.reading() as connection:
            yield self._unit(connection)

    def _unit(self, connection: Connection) -> Unit:
        return Unit(connection=connection, tenant=self.tenant, tags=self.tags, entropy=self.entropy)

    def _log(self, connection: Connection) -> AuditLog:
        return self._unit(connection).log

    def _policy(self, connection: Connection) -> AccessPolicy:
        return self.policy(self._unit(connection))

    def policy(self, unit: Unit) -> AccessPolicy:
        """The access policy in force in this transaction."""
        standing = unit.agreements.list()
        if standing != self._witnessed:
            require_witnessed(unit.audit_store, standing)
            self._witnessed = standing
        known = unit.registry.partner_ids(self.tenant)
        return self._policies.policy(unit.agreements, known)

    # --- the log ------------------------------------------------------------------------

    def log_keys(self) -> tuple[NoteKey, ...]:
        """Public keys of the log under its origin."""
        signers = self.keys.log_signers(self.tenant)
        return tuple(NoteKey(name=self.home.origin, public_key=s.public_key) for s in signers)

    @property
    def anchor(self) -> Anchor:
        """The checkpoint kept outside the store."""
        return Anchor(self.home.anchor_file, self.log_keys(), self.verifier)

    def require_anchored(self) -> None:
        """Return if and only if the store continues its anchor.

        Raises:
            LogRolledBack: an older or another store was put in place.
        """
        with self.reading() as unit:
            self.anchor.require_continued(unit.audit_store)

    def seal_log(self) -> str:
        """Sign the head of the log, keep the note, and put a copy into the anchor folder.

        Raises:
            LogRolledBack: the log does not continue its anchor; nothing is signed.
            CheckpointInconsistent: it does not continue its last checkpoint.
        """
        anchor = self.anchor
        with self.transaction() as unit:
            anchor.require_continued(unit.audit_store)
            note = unit.log.checkpoint(
                self.home.origin, self.keys.log_signers(self.tenant), self.clock.now()
            )
        anchor.write(note)
        return note

    def verify_log(self) -> LogVerdict:
        """Recompute everything the log claims."""
        with self.reading() as unit:
            return verify_log(
                unit.audit_store,
                self.verifier,
                self.log_keys(),
                anchor_note=self.anchor.read(),
                tags=self.tags,
                need=len(self.log_keys()),
            )

    def evidence(self, unit: Unit, note: str) -> ReplayedEvidence:
        """Accesses replayed from verified leaves under a signed checkpoint."""
        checkpoint = verify_checkpoint(note, self.log_keys(), self.verifier)

        def minors_among(subjects: Collection[str]) -> frozenset[str]:
            return minors(self._parts, unit.records, subjects, self.clock.now())

        return ReplayedEvidence(unit.audit_store, checkpoint, self.tags, minors_among)

    # --- people on this terminal --------------------------------------------------------

    def personal_signer(self, actor: str) -> Signer:
        """The signing key of a person, for terminal and demo use."""
        return self.keys.personal_signer(self.tenant, actor)

    def leakage(self) -> LeakageReport:
        """What the store shows to somebody with its file key and no record keys."""
        with self._files.store.reading() as connection:
            return count_leakage(connection, self.tenant)

    def check_store(self) -> None:
        """Read every page of the store.

        Raises:
            StoreDamaged: a page is not what was written.
        """
        self._files.store.integrity_check()

    def file_names(self) -> Sequence[Path]:
        """Every file of the store, the write-ahead log included."""
        folder = self.home.folder
        return sorted([*folder.glob("records.db*"), *self.home.keys_folder.glob("keys.db*")])

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_toolkit(
    folder: Path, passphrase_file: Path | None, clock: Clock, entropy: Entropy
) -> Toolkit:
    """Open a home."""
    return Toolkit(open_files(folder, passphrase_file, clock, entropy), clock, entropy)
