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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Final

from secure_records.envelope.suites import PARENT_KEY_BYTES, Suite, hkdf_expand
from secure_records.errors import KeyNotFound, KeySlotTaken, TenantNotOpened
from secure_records.keys.key_rows import KeyRows, derivation_label
from secure_records.keys.models import HeldPublicKey, KeyKind, KeySlot, WrappedKey
from secure_records.keys.ports import KeyStore
from secure_records.keys.signing_keys import (
    Ed25519Signer,
    Sm2Signer,
    generate_ed25519,
    generate_sm2,
)
from secure_records.keys.wrapping import unwrap
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tenant:
    wrapping_key: bytes
    index_root: bytes


class KeyRing:
    """The front door to every key of one home.

    Args:
        suite: The suite of the home; rows of another suite are refused.
        root: The 32-byte root key.
        store: Where wrapped keys are kept.
    """

    def __init__(
        self, suite: Suite, root: bytes, store: KeyStore, entropy: Entropy, clock: Clock
    ) -> None:
        self._suite = suite
        self._root = root
        self._store = store
        self._entropy = entropy
        self._rows = KeyRows(suite, entropy, clock)
        self._lock = RLock()
        self._tenants: dict[str, _Tenant] = {}
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
            if self._find_tenant(tenant) is not None:
                return
            wrapping_key = self._entropy(PARENT_KEY_BYTES)
            slot = KeySlot(tenant=tenant, kind=KeyKind.TENANT)
            rows = [self._rows.make(slot, self._root, wrapping_key)]
            index = KeySlot(tenant=tenant, kind=KeyKind.INDEX)
            rows.append(self._rows.make(index, wrapping_key, self._entropy(PARENT_KEY_BYTES)))
            for kind in (KeyKind.LOG_ED25519, KeyKind.LOG_SM2):
                signing = KeySlot(tenant=tenant, kind=kind)
                secret, public = self._new_pair(kind)
                rows.append(self._rows.make(signing, wrapping_key, secret, public.raw))
            self._add_or_yield(rows)
            self._tenant(tenant)

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
            row = self._store.by_id(tenant, key_id)
            if row is None or row.slot.kind is not KeyKind.DATA:
                raise KeyNotFound(f"no live data key {key_id}", where=key_id)
            secret = self._unwrap(row)
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
            return tuple(self._unwrap(row) for row in self._store.in_slot(slot)) + waiting

    def prepare(self, tenant: str, subjects: Sequence[str]) -> None:
        """Read the keys of many patients at once, before an import; makes nothing.

        Whose keys were read before is not asked again: a key that another process
        made meanwhile is found when it is asked for.
        """
        with self._lock:
            unknown = [
                name
                for name in subjects
                if (tenant, name) not in self._prepared and (tenant, name) not in self._absent
            ]
            if not unknown:
                return
            rows = self._store.of_owners(tenant, unknown)
            found = {row.slot.owner for row in rows} | {r.slot.owner for r, _ in self._pending}
            self._absent.update((tenant, name) for name in unknown if name not in found)
            self._prepared.update((tenant, name) for name in found)
            for row in rows:
                if row.slot.kind in {KeyKind.DATA, KeyKind.AUDIT}:
                    self._hold(row, self._unwrap(row))

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
            self._tenant(tenant)
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
            wrapping_key = self._tenant(tenant).wrapping_key
            if not self._store.in_slot(slot):
                secret, public = self._new_pair(kind)
                self._add_or_yield([self._rows.make(slot, wrapping_key, secret, public.raw)])
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
                secret = self._entropy(PARENT_KEY_BYTES)
                self._add_or_yield([self._rows.make(slot, self._root, secret)])
            return unwrap(self._suite, self._root, self._store.in_slot(slot)[-1])

    def key_counts(self, tenant: str) -> Mapping[KeyKind, int]:
        """Committed keys of each kind; kinds without any are absent."""
        return self._store.counts(tenant)

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
                except KeySlotTaken:
                    # Records may already be sealed under these keys, so they must
                    # not be dropped: they take the next free version instead.
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

    def _find_tenant(self, tenant: str) -> _Tenant | None:
        found = self._tenants.get(tenant)
        if found is not None:
            return found
        rows = self._store.in_slot(KeySlot(tenant=tenant, kind=KeyKind.TENANT))
        if not rows:
            return None
        wrapping_key = unwrap(self._suite, self._root, rows[-1])
        # The oldest index root: search terms already written depend on it.
        index = self._store.in_slot(KeySlot(tenant=tenant, kind=KeyKind.INDEX))
        if not index:
            raise TenantNotOpened(f"institution {tenant} has no index root", where=tenant)
        found = _Tenant(
            wrapping_key=wrapping_key, index_root=unwrap(self._suite, wrapping_key, index[0])
        )
        self._tenants[tenant] = found
        return found

    def _tenant(self, tenant: str) -> _Tenant:
        found = self._find_tenant(tenant)
        if found is None:
            raise TenantNotOpened(f"institution {tenant} has no keys here", where=tenant)
        return found

    def _derive(self, tenant: str, label: bytes) -> bytes:
        found = self._derived.get((tenant, label))
        if found is None:
            with self._lock:
                root = self._tenant(tenant).index_root
            found = hkdf_expand(self._suite, root, label, PARENT_KEY_BYTES)
            self._derived[(tenant, label)] = found
        return found

    def _load_or_make(self, slot: KeySlot) -> _Held:
        place = (slot.tenant, slot.kind, slot.owner, slot.retention_class)
        with self._lock:
            held = self._current.get(place)
            if held is not None:
                return held
            wrapping_key = self._tenant(slot.tenant).wrapping_key
            absent = (slot.tenant, slot.owner) in self._absent
            for row in () if absent else self._store.in_slot(slot):
                self._hold(row, self._unwrap(row))
            if place not in self._current:
                secret = self._entropy(PARENT_KEY_BYTES)
                row = self._rows.make(slot, wrapping_key, secret)
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

    def _unwrap(self, row: WrappedKey) -> bytes:
        return unwrap(self._suite, self._tenant(row.slot.tenant).wrapping_key, row)

    def _renumber(self) -> None:
        renumbered: list[tuple[WrappedKey, bytes]] = []
        for row, secret in self._pending:
            taken = self._store.in_slot(row.slot)
            parent = self._tenant(row.slot.tenant).wrapping_key
            version = taken[-1].version + 1 if taken else row.version
            renumbered.append((self._rows.renumber(row, parent, secret, version), secret))
        self._pending = renumbered

    def _add_or_yield(self, rows: Iterable[WrappedKey]) -> None:
        """Commit now. If another process was first, its keys are the ones: ours have no use yet."""
        try:
            self._store.add(tuple(rows))
        except KeySlotTaken:
            return

    def _new_pair(self, kind: KeyKind) -> tuple[bytes, PublicKey]:
        return generate_sm2() if _SIGNING[kind] == SM2_SM3 else generate_ed25519(self._entropy)

    def _signer(self, slot: KeySlot) -> Signer:
        rows = self._store.in_slot(slot)
        if not rows:
            raise KeyNotFound(f"no live {slot.kind.value} key of {slot.tenant}", where=slot.tenant)
        secret = self._unwrap(rows[-1])
        if _SIGNING[slot.kind] == SM2_SM3:
            return Sm2Signer(secret, rows[-1].public)
        return Ed25519Signer(secret)
