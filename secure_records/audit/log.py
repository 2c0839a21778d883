"""How does a fact become entry number n of the log?

One ``AuditLog`` lives for one transaction. The entry commits with the write it
records, or neither does; whoever cannot append must not answer. It holds the
right edge of the tree in memory, so a batch costs one read and one write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from secure_records.audit import merkle
from secure_records.audit.checkpoint import (
    checkpoint_text,
    inclusion_proof_text,
    parse_checkpoint,
)
from secure_records.audit.entry import (
    NONCE_BYTES,
    SALT_BYTES,
    AuditFact,
    entry_bytes,
    microseconds,
    parse_entry,
)
from secure_records.audit.errors import CheckpointInconsistent, ProofInvalid, ProofUnavailable
from secure_records.audit.known_edge import KnownEdge
from secure_records.audit.merkle import LEAF_PREFIX, Frontier
from secure_records.audit.note import NoteKey, add_signatures, parse_note, sign_note
from secure_records.audit.ports import (
    AuditStore,
    EntryRow,
    StoredCheckpoint,
    SubjectTags,
    TrailQuery,
)
from secure_records.audit.stored_tree import StoredTree
from shared_kernel.canonical_json import Json
from shared_kernel.identifiers import Entropy
from shared_kernel.signatures import Signer

ERASURE_ACTION: Final = "subject.erased"
"""Action of the entry that records the loss of openings; ``details.openings`` counts them.
``verification`` balances these counts, so openings cannot vanish unrecorded."""

_LEAVES: Final = 500
"""Leaves read at once."""


class AuditLog:
    """The log of one tenant inside one transaction."""

    def __init__(
        self,
        store: AuditStore,
        tags: SubjectTags,
        entropy: Entropy,
        known: KnownEdge | None = None,
    ) -> None:
        self._known = KnownEdge() if known is None else known
        self._store = store
        self._tags = tags
        self._entropy = entropy
        self._frontier: Frontier | None = None

    def append(self, fact: AuditFact) -> int:
        """Write one entry.

        Returns:
            Its index.

        Raises:
            EntryRefused: the fact cannot become a leaf.
            SequenceTaken: another writer was faster; repeat the transaction.
        """
        return self.append_all((fact,))[0]

    def append_all(self, facts: Sequence[AuditFact]) -> range:
        """Write entries in this order, all or none of them.

        Returns:
            Their indexes.
        """
        if not facts:
            return range(0)
        drafts = [self._draft(fact) for fact in facts]
        frontier = self._edge()
        # Until the rows are written the old edge stays valid: a refusal leaves nothing behind.
        grown = Frontier(frontier.size, frontier.peaks)
        rows = [
            _row(fact, entry, nonce, grown)
            for fact, (entry, nonce) in zip(facts, drafts, strict=True)
        ]
        self._store.add(rows)
        self._frontier = grown
        self._known.keep(rows[-1].leaf_hash, grown)
        return range(frontier.size, grown.size)

    def leaves_about(self, record: str, action: str) -> tuple[Mapping[str, Json], ...]:
        """The leaves of one record with this action, oldest first.

        Raises:
            EntryRefused: a row found by its index holds no entry.
        """
        query = TrailQuery(record=record, action=action, limit=_LEAVES)
        found: list[Mapping[str, Json]] = []
        after: int | None = None
        while True:
            rows = self._store.find(query, after)
            found += [parse_entry(row.entry, row.idx) for row in rows]
            if len(rows) < _LEAVES:
                break
            after = rows[-1].idx
        # The columns only index: what a leaf itself says counts.
        same = (leaf for leaf in found if leaf.get("record") == record)
        return tuple(leaf for leaf in same if leaf.get("action") == action)

    def size(self) -> int:
        """Entries so far, this transaction's included."""
        return self._edge().size

    def root(self) -> bytes:
        """Root of the tree, this transaction's entries included."""
        return self._edge().root()

    def forget(self, subject: str, fact: AuditFact) -> int:
        """Erase the openings of a subject and write the entry that says so.

        Call it in the transaction that destroys the subject's audit key. The
        leaves stay; nobody can tell any more whom they mean.

        Args:
            subject: Whose openings.
            fact: Who did it and why; action and count are filled in here.

        Returns:
            How many openings were erased.
        """
        count = self._store.forget(subject)
        details = {**fact.details, "openings": count}
        self.append(replace(fact, action=ERASURE_ACTION, subject=None, details=details))
        return count

    def checkpoint(self, origin: str, signers: Sequence[Signer], at: datetime) -> str:
        """Sign the present head and keep the note.

        At an unchanged size the kept note is returned, with lines added for
        signers that have none yet.

        Raises:
            CheckpointInconsistent: the log does not continue the last checkpoint;
                signing would make us vouch for two histories.
        """
        latest = self._store.latest_checkpoint()
        if latest is not None:
            self._require_continues(latest, origin)
        if latest is not None and latest.size == self.size():
            parsed = parse_note(latest.note)
            missing = [
                signer
                for signer in signers
                if not parsed.signed_by(NoteKey(name=origin, public_key=signer.public_key))
            ]
            if not missing:
                return latest.note
            note = add_signatures(latest.note, origin, missing)
        else:
            note = sign_note(checkpoint_text(origin, self.size(), self.root()), origin, signers)
        self._store.save_checkpoint(StoredCheckpoint(size=self.size(), note=note, at=at))
        return note

    def latest_checkpoint(self) -> str | None:
        """The kept note of the largest size."""
        latest = self._store.latest_checkpoint()
        return None if latest is None else latest.note

    def inclusion_proof(self, index: int) -> str:
        """A C2SP tlog-proof that entry ``index`` is under the latest checkpoint.

        Raises:
            ProofUnavailable: no checkpoint covers the entry yet.
        """
        latest = self._store.latest_checkpoint()
        if latest is None or index >= latest.size:
            raise ProofUnavailable(
                f"no checkpoint covers entry {index} yet", hint="make a checkpoint first"
            )
        path = StoredTree(self._store).inclusion_path(index, latest.size)
        return inclusion_proof_text(index, path, latest.note)

    def _edge(self) -> Frontier:
        if self._frontier is None:
            last = self._store.last()
            known = None if last is None else self._known.after(*last)
            self._frontier = StoredTree(self._store).frontier() if known is None else known
        return self._frontier

    def _draft(self, fact: AuditFact) -> tuple[bytes, bytes | None]:
        if fact.subject is None:
            return entry_bytes(fact, commitment=None, salt=self._entropy(SALT_BYTES)), None
        nonce = self._entropy(NONCE_BYTES)
        commitment = self._tags.commit(fact.subject, nonce)
        return entry_bytes(fact, commitment=commitment, salt=None), nonce

    def _require_continues(self, latest: StoredCheckpoint, origin: str) -> None:
        promised = parse_checkpoint(latest.note)
        if promised.origin != origin or promised.size != latest.size:
            raise CheckpointInconsistent("the last checkpoint belongs to another log or size")
        tree = StoredTree(self._store)
        try:
            if promised.size == 0:  # every log continues the empty one; there is no such proof
                return
            path = tree.consistency_path(promised.size)
            merkle.verify_consistency(promised.size, tree.size, path, promised.root, self.root())
        except (ProofInvalid, ProofUnavailable) as error:
            raise CheckpointInconsistent(
                f"the log of {tree.size} entries does not continue its checkpoint"
                f" at {promised.size}",
                hint="run `jinkui audit verify`, keep a copy of the file and open an incident",
            ) from error


def _row(fact: AuditFact, entry: bytes, nonce: bytes | None, frontier: Frontier) -> EntryRow:
    leaf = hashlib.sha256(LEAF_PREFIX + entry).digest()
    return EntryRow(
        idx=frontier.size,
        entry=entry,
        leaf_hash=leaf,
        nodes=frontier.append(leaf),
        at_us=microseconds(fact.at),
        actor=fact.actor,
        action=fact.action,
        decision=fact.decision,
        purpose=fact.purpose,
        partner=fact.partner,
        record=fact.record,
        kind=fact.kind,
        subject=fact.subject,
        nonce=nonce,
    )
