"""Which key does this operation need, and is that key safe on disk yet?

    root ─► tenant key ─┬► data key of (patient, retention class) ─► one-use record keys
                        ├► audit key of a patient
                        ├► index root ─► search keys, content key
                        └► signing keys
    root ─► file key of the record store

All keys but the derived ones are random and independent: destroying the data
key of a patient neither opens nor closes anything else.

New data and audit keys are buffered. ``flush`` commits them, and the vault calls
it *before* it commits the records: a key without records is harmless, a record
without its key is lost. Everything here may be called from several threads.

Unwrapped keys stay in memory while the process lives; Python cannot wipe them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Final

from secure_records.envelope.suites import PARENT_KEY_BYTES, Suite, hkdf_expand
from secure_records.errors import KeyNotFound, KeySlotTaken, ParentKeyRetired, TenantNotOpened
from secure_records.keys.key_rows import KeyRows, Parent, derivation_label
from secure_records.keys.models import (
    ROOT_WRAPPED,
    HeldPublicKey,
    KeyKind,
    KeySlot,
    WrappedKey,
)
from secure_records.keys.parent_keys import ParentKeys
from secure_records.keys.ports import KeyStore
from secure_records.keys.signing_keys import (
    Ed25519Signer,
    Sm2Signer,
    generate_ed25519,
    generate_sm2,
)
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock
from shared_kernel.signatures import ED25519, SM2_SM3, PublicKey, Signer

_HELD_KEYS: Final = 100_000
"""Unwrapped keys kept in memory; beyond that all are dropped and read again."""

_FLUSH_ATTEMPTS: Final = 5

_SIGNING: Final[Mapping[KeyKind, str]] = {
    KeyKind.LOG_ED25519: ED25519,
    KeyKind.LOG_SM2: SM2_SM3,
    KeyKind.PERSON_ED25519: ED25519,
    KeyKind.PERSON_SM2: SM2_SM3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    key_id: str
    secret: bytes


class KeyRing:
    """The front door to every key of one home.

    Args:
        suite: The suite of the home; rows of another suite are refused.
        root: The 32-byte root key.
        store: Where wrapped keys are kept.
        generation: Of this root; each rotation of the root makes the next one.
        reopen: Opens the root anew when another process replaced it.
    """

    def __init__(
        self,
        suite: Suite,
        root: bytes,
        store: KeyStore,
        entropy: Entropy,
        clock: Clock,
        *,
        generation: int = 1,
        reopen: Callable[[], Parent] | None = None,
    ) -> None:
        self._suite = suite
        self._parents = ParentKeys(suite, Parent(generation, root), store, reopen)
        self._store = store
        self._entropy = entropy
        self._rows = KeyRows(suite, entropy, clock)
        self._lock = RLock()
        self._index_roots: dict[str, bytes] = {}
        self._current: dict[tuple[str, KeyKind, str, str], _Held] = {}
        self._by_id: dict[tuple[str, str], bytes] = {}
        self._derived: dict[tuple[str, bytes], bytes] = {}
        self._absent: set[tuple[str, str]] = set()
        self._prepared: set[tuple[str, str]] = set()
        self._pending: list[tuple[WrappedKey, bytes]] = []

    @property
    def suite(self) -> Suite:
        """The suite of the home."""
        return self._suite

    # --- institutions -------------------------------------------------------------------

    def open_tenant(self, tenant: str) -> None:
        """Make the institution's own keys, durably, unless they exist.

        Raises:
            TenantNotOpened: an empty name, which stands for the home itself.
        """
        if not tenant:
            raise TenantNotOpened("an institution without identifier cannot have keys")
        with self._lock:
            if self._parents.find(tenant) is not None:
                self._index_root(tenant)
                return
            wrapping_key = Parent(1, self._entropy(PARENT_KEY_BYTES))
            slot = KeySlot(tenant=tenant, kind=KeyKind.TENANT)
            rows = [self._rows.make(slot, self._parents.root, wrapping_key.secret)]
            index = KeySlot(tenant=tenant, kind=KeyKind.INDEX)
            rows.append(self._rows.make(index, wrapping_key, self._entropy(PARENT_KEY_BYTES)))
            for kind in (KeyKind.LOG_ED25519, KeyKind.LOG_SM2):
                signing = KeySlot(tenant=tenant, kind=kind)
                secret, public = self._new_pair(kind)
                rows.append(self._rows.make(signing, wrapping_key, secret, public.raw))
            self._add_or_yield(rows)
            self._parents.newest(tenant)

    def index_key(self, tenant: str, column: str, version: int = 1) -> bytes:
        """The 32-byte search key of one column; versions are independent of each other."""
        return self._derive(tenant, derivation_label("index", column, str(version)))

    def content_key(self, tenant: str) -> bytes:
        """The 32-byte key of the institution's keyed digests (idempotency)."""
        return self._derive(tenant, derivation_label("content"))

    # --- patients -----------------------------------------------------------------------

    def dek(self, tenant: str, subject: str, retention_class: str) -> tuple[str, bytes]:
        """Pair of key identifier and 32-byte data key, made on first use.

        Raises:
            TenantNotOpened: the institution has no keys here.
        """
        held = self._current.get((tenant, KeyKind.DATA, subject, retention_class))
        if held is None:
            slot = KeySlot(
                tenant=tenant, kind=KeyKind.DATA, owner=subject, retention_class=retention_class
            )
            held = self._load_or_make(slot)
        return held.key_id, held.secret

    def dek_by_id(self, tenant: str, key_id: str) -> bytes:
        """The data key that an envelope names.

        Raises:
            KeyNotFound: never made here, destroyed, or no data key.
            WrappedKeyRefused: its row was altered or moved.
        """
        secret = self._by_id.get((tenant, key_id))
        if secret is not None:
            return secret
        with self._lock:
            [(_, secret)] = self._parents.opened(lambda: [self._data_row(tenant, key_id)])
            self._by_id[(tenant, key_id)] = secret
            return secret

    def audit_key(self, tenant: str, subject: str) -> bytes:
        """The 32-byte key of a patient's log commitments, made on first use."""
        held = self._current.get((tenant, KeyKind.AUDIT, subject, ""))
        if held is None:
            held = self._load_or_make(KeySlot(tenant=tenant, kind=KeyKind.AUDIT, owner=subject))
        return held.secret

    def audit_keys(self, tenant: str, subject: str) -> tuple[bytes, ...]:
        """Every audit key of a patient, oldest first; empty if none or destroyed.

        Nearly always one. Two processes that meet a patient in the same moment
        leave two: a commitment is checked against each.
        """
        slot = KeySlot(tenant=tenant, kind=KeyKind.AUDIT, owner=subject)
        with self._lock:
            waiting = tuple(secret for row, secret in self._pending if row.slot == slot)
            held = self._parents.opened(lambda: self._store.in_slot(slot))
            return tuple(secret for _, secret in held) + waiting

    def prepare(self, tenant: str, subjects: Sequence[str]) -> None:
        """Read the keys of many patients at once, before an import; makes nothing."""
        with self._lock:
            unknown = [
                name
                for name in subjects
                if (tenant, name) not in self._prepared and (tenant, name) not in self._absent
            ]
            if not unknown:
                return
            wanted = {KeyKind.DATA, KeyKind.AUDIT}
            rows = self._parents.opened(
                lambda: [r for r in self._store.of_owners(tenant, unknown) if r.slot.kind in wanted]
            )
            found = {row.slot.owner for row, _ in [*rows, *self._pending]}
            self._absent.update((tenant, name) for name in unknown if name not in found)
            self._prepared.update((tenant, name) for name in found)
            for row, secret in rows:
                self._hold(row, secret)

    def subject_keys(self, tenant: str, subject: str) -> tuple[WrappedKey, ...]:
        """Every row of a patient, of all kinds, buffered ones included."""
        with self._lock:
            waiting = (row for row, _ in self._pending if row.slot.tenant == tenant)
            mine = tuple(row for row in waiting if row.slot.owner == subject)
            return self._store.of_owners(tenant, (subject,)) + mine

    # --- signatures ---------------------------------------------------------------------

    def log_signers(self, tenant: str) -> tuple[Signer, Signer]:
        """The institution's log signers: Ed25519, then SM2."""
        with self._lock:
            self._parents.newest(tenant)
            return (
                self._signer(KeySlot(tenant=tenant, kind=KeyKind.LOG_ED25519)),
                self._signer(KeySlot(tenant=tenant, kind=KeyKind.LOG_SM2)),
            )

    def personal_signer(self, tenant: str, actor: str) -> Signer:
        """The signer of a named person, made on first use: SM2 in ``gm``, Ed25519 in ``intl``.

        For a terminal and for demonstrations. In production the private key of
        a person lives on that person's token, and only its public half is known.
        """
        gm = self._suite.name == "gm"
        kind = KeyKind.PERSON_SM2 if gm else KeyKind.PERSON_ED25519
        slot = KeySlot(tenant=tenant, kind=kind, owner=actor)
        with self._lock:
            if not self._store.in_slot(slot):
                secret, public = self._new_pair(kind)
                self._ensure(slot, secret, public.raw)
            return self._signer(slot)

    def public_keys(self, tenant: str) -> tuple[HeldPublicKey, ...]:
        """Public halves of all signing keys held for the institution and its people."""
        return tuple(
            HeldPublicKey(
                key_id=row.key_id,
                owner=row.slot.owner,
                key=PublicKey(algorithm=_SIGNING[row.slot.kind], raw=row.public),
            )
            for row in self._store.of_kinds(tenant, tuple(_SIGNING))
        )

    # --- the home -----------------------------------------------------------------------

    def file_key(self) -> bytes:
        """The 32-byte raw key of the record store's file, made on first use."""
        slot = KeySlot(tenant="", kind=KeyKind.FILE)
        with self._lock:
            if not self._store.in_slot(slot):
                self._ensure(slot, self._entropy(PARENT_KEY_BYTES))
            return self._parents.opened(lambda: self._store.in_slot(slot))[-1][1]

    def reread(self) -> None:
        """Forget parents and lowest versions, and read them again when they are needed.

        Call it after a rotation in this process; what was unwrapped stays in use.
        """
        with self._lock:
            self._parents.forget()

    def flush(self) -> None:
        """Commit every buffered key. Call it before the records under them commit.

        Raises:
            KeySlotTaken: other processes kept taking the same slots; nothing was lost.
        """
        with self._lock:
            for _ in range(_FLUSH_ATTEMPTS):
                if not self._pending:
                    break
                try:
                    self._store.add([row for row, _ in self._pending])
                except (KeySlotTaken, ParentKeyRetired):
                    # Records may already be sealed under these keys, so they must not be
                    # dropped: they take the next free version, under the newest parent.
                    self._renumber()
                else:
                    self._pending.clear()
            if self._pending:
                raise KeySlotTaken("other processes keep taking the same key slots")
            if len(self._by_id) + len(self._current) + len(self._absent) > _HELD_KEYS:
                self._by_id.clear()
                self._current.clear()
                self._absent.clear()
                self._prepared.clear()

    # --- inside -------------------------------------------------------------------------

    def _index_root(self, tenant: str) -> bytes:
        found = self._index_roots.get(tenant)
        if found is None:
            self._parents.newest(tenant)
            slot = KeySlot(tenant=tenant, kind=KeyKind.INDEX)
            held = self._parents.opened(lambda: self._store.in_slot(slot))
            if not held:
                raise TenantNotOpened(f"institution {tenant} has no index root", where=tenant)
            # The oldest index root: search terms already written depend on it.
            found = self._index_roots[tenant] = held[0][1]
        return found

    def _data_row(self, tenant: str, key_id: str) -> WrappedKey:
        row = self._store.by_id(tenant, key_id)
        if row is None or row.slot.kind is not KeyKind.DATA:
            raise KeyNotFound(f"no live data key {key_id}", where=key_id)
        return row

    def _derive(self, tenant: str, label: bytes) -> bytes:
        found = self._derived.get((tenant, label))
        if found is None:
            with self._lock:
                root = self._index_root(tenant)
            found = hkdf_expand(self._suite, root, label, PARENT_KEY_BYTES)
            self._derived[(tenant, label)] = found
        return found

    def _load_or_make(self, slot: KeySlot) -> _Held:
        place = (slot.tenant, slot.kind, slot.owner, slot.retention_class)
        with self._lock:
            held = self._current.get(place)
            if held is not None:
                return held
            parent = self._parents.newest(slot.tenant)
            if (slot.tenant, slot.owner) not in self._absent:
                for row, secret in self._parents.opened(lambda: self._store.in_slot(slot)):
                    self._hold(row, secret)
            if place not in self._current:
                secret = self._entropy(PARENT_KEY_BYTES)
                row = self._rows.make(slot, parent, secret)
                self._pending.append((row, secret))
                self._hold(row, secret)
            return self._current[place]

    def _hold(self, row: WrappedKey, secret: bytes) -> None:
        slot = row.slot
        place = (slot.tenant, slot.kind, slot.owner, slot.retention_class)
        held = _Held(key_id=row.key_id, secret=secret)
        if slot.kind is KeyKind.DATA:
            self._by_id[(slot.tenant, row.key_id)] = secret
            self._current[place] = held
        else:
            # The oldest audit key stays the current one: commitments are compared with it.
            self._current.setdefault(place, held)

    def _renumber(self) -> None:
        self._parents.forget()
        renumbered: list[tuple[WrappedKey, bytes]] = []
        for row, secret in self._pending:
            taken = self._store.in_slot(row.slot)
            parent = self._parents.newest(row.slot.tenant)
            version = taken[-1].version + 1 if taken else row.version
            renumbered.append((self._rows.renumber(row, parent, secret, version), secret))
        self._pending = renumbered

    def _ensure(self, slot: KeySlot, secret: bytes, public: bytes = b"") -> None:
        """A first key in an empty slot, ours or another process's, under whatever parent is new."""
        for _ in range(_FLUSH_ATTEMPTS):
            home = slot.kind in ROOT_WRAPPED
            parent = self._parents.root if home else self._parents.newest(slot.tenant)
            try:
                self._add_or_yield([self._rows.make(slot, parent, secret, public)])
            except ParentKeyRetired:
                self._parents.forget()
            else:
                return
        raise ParentKeyRetired("rotations keep replacing the parent of a new key")

    def _add_or_yield(self, rows: Iterable[WrappedKey]) -> None:
        """Commit now. If another process was first, its keys are the ones: ours have no use yet."""
        try:
            self._store.add(tuple(rows))
        except KeySlotTaken:
            return

    def _new_pair(self, kind: KeyKind) -> tuple[bytes, PublicKey]:
        return generate_sm2() if _SIGNING[kind] == SM2_SM3 else generate_ed25519(self._entropy)

    def _signer(self, slot: KeySlot) -> Signer:
        rows = self._parents.opened(lambda: self._store.in_slot(slot))
        if not rows:
            raise KeyNotFound(f"no live {slot.kind.value} key of {slot.tenant}", where=slot.tenant)
        row, secret = rows[-1]
        if _SIGNING[slot.kind] == SM2_SM3:
            return Sm2Signer(secret, row.public)
        return Ed25519Signer(secret)
