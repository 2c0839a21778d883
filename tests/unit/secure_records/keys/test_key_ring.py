"""Keys are made once, kept apart, committed first, and open only in their own row."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.key_store import SqlKeyStore
from secure_records.adapters.key_tables import wrapped_keys
from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.errors import (
    KeyNotFound,
    KeySlotTaken,
    TenantNotOpened,
    WrappedKeyRefused,
)
from secure_records.keys.key_ring import KeyRing
from secure_records.keys.models import KeyKind
from secure_records.keys.signing_keys import Verifier
from shared_kernel.signatures import ED25519, SM2_SM3

NewRing = Callable[[], KeyRing]
TENANT = "91330100MA2ABCDE4X"
OTHER = "91330100MA2ZZZZZ0B"
SUBJECT = "sub_00000000000000000000000001"
STRANGER = "sub_00000000000000000000000002"


def alter(keys_file: EmbeddedStore, kind: KeyKind, change: dict[str, str | int | bytes]) -> None:
    """Write into the key table as a thief with the file key would."""
    target = wrapped_keys.c.kind == kind.value
    with keys_file.transaction() as connection:
        connection.execute(update(wrapped_keys).where(target).values(change))


@pytest.fixture
def ring(new_ring: NewRing) -> KeyRing:
    made = new_ring()
    made.open_tenant(TENANT)
    return made


def test_flushed_keys_are_the_same_in_the_next_process(ring: KeyRing, new_ring: NewRing) -> None:
    """What was sealed today opens after a restart."""
    key_id, dek = ring.dek(TENANT, SUBJECT, "outpatient")
    audit, index = ring.audit_key(TENANT, SUBJECT), ring.index_key(TENANT, "phone")
    content, file_key = ring.content_key(TENANT), ring.file_key()
    ring.flush()

    later = new_ring()
    assert later.dek(TENANT, SUBJECT, "outpatient") == (key_id, dek)
    assert later.dek_by_id(TENANT, key_id) == dek
    assert later.audit_key(TENANT, SUBJECT) == audit
    assert later.index_key(TENANT, "phone") == index
    assert later.content_key(TENANT) == content
    assert later.file_key() == file_key


def test_keys_of_different_places_differ(ring: KeyRing) -> None:
    """No two purposes, patients, classes, columns or institutions share a key."""
    ring.open_tenant(OTHER)
    keys = [
        ring.dek(TENANT, SUBJECT, "outpatient")[1],
        ring.dek(TENANT, SUBJECT, "dialogue")[1],
        ring.dek(TENANT, STRANGER, "outpatient")[1],
        ring.dek(OTHER, SUBJECT, "outpatient")[1],
        ring.audit_key(TENANT, SUBJECT),
        ring.audit_key(OTHER, SUBJECT),
        ring.index_key(TENANT, "phone"),
        ring.index_key(TENANT, "phone", 2),
        ring.index_key(TENANT, "name"),
        ring.index_key(OTHER, "phone"),
        ring.content_key(TENANT),
        ring.file_key(),
    ]

    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}


def test_asking_twice_makes_one_key(ring: KeyRing) -> None:
    """A patient's records of one class share one data key, before and after the flush."""
    first = ring.dek(TENANT, SUBJECT, "outpatient")
    assert ring.dek(TENANT, SUBJECT, "outpatient") == first
    ring.flush()
    ring.flush()

    assert ring.dek(TENANT, SUBJECT, "outpatient") == first
    assert ring._store.counts(TENANT)[KeyKind.DATA] == 1


def test_nothing_is_on_disk_before_the_flush(ring: KeyRing, key_store: SqlKeyStore) -> None:
    """New keys wait for one common transaction; an unflushed key is known to no one else."""
    key_id, _ = ring.dek(TENANT, SUBJECT, "outpatient")
    assert key_store.by_id(TENANT, key_id) is None

    ring.flush()
    stored = key_store.by_id(TENANT, key_id)
    assert stored is not None
    assert stored.slot.owner == SUBJECT


def test_prepared_import_makes_and_finds_the_same_keys(ring: KeyRing, new_ring: NewRing) -> None:
    """Reading many patients at once is an optimisation: it changes no key."""
    subjects = [f"sub_{number:026d}" for number in range(700)]
    ring.prepare(TENANT, subjects)
    made = [ring.dek(TENANT, subject, "outpatient") for subject in subjects]
    ring.flush()

    later = new_ring()
    later.prepare(TENANT, [*subjects, STRANGER])
    assert [later.dek(TENANT, subject, "outpatient") for subject in subjects] == made
    assert later._store.counts(TENANT)[KeyKind.DATA] == 700


def test_two_processes_that_make_a_key_in_one_moment_lose_nothing(
    ring: KeyRing, new_ring: NewRing
) -> None:
    """Whoever flushes second keeps its key as another version: records are under it already."""
    other = new_ring()
    mine, theirs = (each.dek(TENANT, SUBJECT, "outpatient") for each in (ring, other))
    mine_audit, their_audit = (each.audit_key(TENANT, SUBJECT) for each in (ring, other))
    ring.flush()
    other.flush()

    later = new_ring()
    assert later.dek_by_id(TENANT, mine[0]) == mine[1]
    assert later.dek_by_id(TENANT, theirs[0]) == theirs[1]
    assert later.audit_keys(TENANT, SUBJECT) == (mine_audit, their_audit)
    assert later.audit_key(TENANT, SUBJECT) == mine_audit
    assert [key.version for key in later.subject_keys(TENANT, SUBJECT)] == [1, 2, 1, 2]


def test_two_processes_that_open_one_institution_agree(new_ring: NewRing) -> None:
    """There is one tenant key and one index root, whoever came first."""
    first, second = new_ring(), new_ring()
    first.open_tenant(TENANT)
    second.open_tenant(TENANT)

    assert first.index_key(TENANT, "phone") == second.index_key(TENANT, "phone")
    assert first._store.counts(TENANT)[KeyKind.TENANT] == 1


def test_threads_share_one_key_per_slot(ring: KeyRing) -> None:
    """The daemon asks from many threads; a patient still has one key."""
    subjects = [f"sub_{number % 20:026d}" for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda subject: ring.dek(TENANT, subject, "outpatient"), subjects))
        pool.submit(ring.flush).result()

    assert len(made) == 20
    assert ring._store.counts(TENANT)[KeyKind.DATA] == 20


def test_subject_keys_list_every_kind_and_class(ring: KeyRing) -> None:
    """Erasure and status see all keys of a patient, waiting ones included."""
    ring.dek(TENANT, SUBJECT, "outpatient")
    ring.flush()
    ring.dek(TENANT, SUBJECT, "dialogue")
    ring.audit_key(TENANT, SUBJECT)
    ring.dek(TENANT, STRANGER, "outpatient")

    slots = {
        (key.slot.kind, key.slot.retention_class) for key in ring.subject_keys(TENANT, SUBJECT)
    }
    assert slots == {
        (KeyKind.DATA, "outpatient"),
        (KeyKind.DATA, "dialogue"),
        (KeyKind.AUDIT, ""),
    }


def test_unknown_institution_is_refused(ring: KeyRing) -> None:
    """No operation makes an institution's keys in passing."""
    for attempt in (
        lambda: ring.dek(OTHER, SUBJECT, "outpatient"),
        lambda: ring.audit_key(OTHER, SUBJECT),
        lambda: ring.index_key(OTHER, "phone"),
        lambda: ring.log_signers(OTHER),
        lambda: ring.personal_signer(OTHER, "dr.li"),
        lambda: ring.open_tenant(""),
    ):
        with pytest.raises(TenantNotOpened):
            attempt()


def test_key_identifier_of_another_kind_or_institution_opens_nothing(
    ring: KeyRing, key_store: SqlKeyStore
) -> None:
    """An envelope cannot name an audit key, or a key of another house, as its data key."""
    ring.open_tenant(OTHER)
    key_id, _ = ring.dek(TENANT, SUBJECT, "outpatient")
    ring.audit_key(TENANT, SUBJECT)
    ring.flush()
    [audit] = [k for k in key_store.of_owners(TENANT, [SUBJECT]) if k.slot.kind is KeyKind.AUDIT]

    for tenant, wanted in ((TENANT, audit.key_id), (OTHER, key_id), (TENANT, "key_none")):
        with pytest.raises(KeyNotFound):
            ring.dek_by_id(tenant, wanted)


@pytest.mark.parametrize(
    "change",
    [
        {"owner": STRANGER},
        {"retention_class": "dialogue"},
        {"version": 7},
        {"key_id": "key_another"},
        {"public": b"x"},
        {"wrapped": bytes(112)},
        {"wrapped": b""},
        {"suite": "other"},
    ],
    ids=str,
)
def test_wrapped_key_opens_in_its_own_row_only(
    ring: KeyRing,
    new_ring: NewRing,
    keys_file: EmbeddedStore,
    change: dict[str, str | int | bytes],
) -> None:
    """Whoever can write the key table cannot give one patient's key to another."""
    key_id, _ = ring.dek(TENANT, SUBJECT, "outpatient")
    ring.flush()
    alter(keys_file, KeyKind.DATA, change)

    with pytest.raises(WrappedKeyRefused):
        new_ring().dek_by_id(TENANT, str(change.get("key_id", key_id)))


def test_key_of_one_kind_never_serves_as_another(
    ring: KeyRing, new_ring: NewRing, keys_file: EmbeddedStore
) -> None:
    """An audit key relabelled as a data key does not open."""
    ring.audit_key(TENANT, SUBJECT)
    ring.flush()
    alter(keys_file, KeyKind.AUDIT, {"kind": "data", "retention_class": "outpatient"})

    with pytest.raises(WrappedKeyRefused):
        new_ring().dek(TENANT, SUBJECT, "outpatient")


def test_key_of_one_institution_does_not_open_in_another(
    ring: KeyRing, new_ring: NewRing, keys_file: EmbeddedStore
) -> None:
    """Institutions in one home cannot read each other's records by moving rows."""
    ring.open_tenant(OTHER)
    key_id, _ = ring.dek(TENANT, SUBJECT, "outpatient")
    ring.flush()
    alter(keys_file, KeyKind.DATA, {"tenant": OTHER})

    with pytest.raises(WrappedKeyRefused):
        new_ring().dek_by_id(OTHER, key_id)


def test_another_root_opens_nothing(key_store: SqlKeyStore, ring: KeyRing, suite: Suite) -> None:
    """A key table without its root is worthless."""
    ring.file_key()
    clock = ring._rows._clock
    thief = KeyRing(suite, bytes(32), key_store, os.urandom, clock)

    with pytest.raises(WrappedKeyRefused):
        thief.open_tenant(TENANT)
    with pytest.raises(WrappedKeyRefused):
        thief.file_key()


def test_ring_of_the_other_suite_is_refused(
    key_store: SqlKeyStore, ring: KeyRing, suite: Suite
) -> None:
    """Suites are never mixed within one home."""
    other = GM if suite is INTL else INTL
    mixed = KeyRing(other, bytes(range(32)), key_store, os.urandom, ring._rows._clock)

    with pytest.raises(WrappedKeyRefused, match="another suite"):
        mixed.open_tenant(TENANT)


def test_log_is_signed_by_both_algorithms(ring: KeyRing, new_ring: NewRing) -> None:
    """Ed25519 and SM2 signers of the log are made with the institution and stay the same."""
    ed25519, sm2 = ring.log_signers(TENANT)
    assert (ed25519.public_key.algorithm, sm2.public_key.algorithm) == (ED25519, SM2_SM3)
    for signer in (ed25519, sm2):
        Verifier().verify(signer.public_key, b"head", signer.sign(b"head"))

    again = new_ring().log_signers(TENANT)
    assert [s.public_key for s in again] == [ed25519.public_key, sm2.public_key]


def test_person_signs_in_the_suite_of_the_home(
    ring: KeyRing, new_ring: NewRing, suite: Suite
) -> None:
    """Persons sign with SM2 in gm, with Ed25519 in intl; a person's key is made once."""
    signer = ring.personal_signer(TENANT, "dr.li")
    Verifier().verify(signer.public_key, b"release", signer.sign(b"release"))

    assert signer.public_key.algorithm == (SM2_SM3 if suite is GM else ED25519)
    assert new_ring().personal_signer(TENANT, "dr.li").public_key == signer.public_key
    assert ring.personal_signer(TENANT, "dr.wu").public_key != signer.public_key


def test_public_keys_name_their_owners(ring: KeyRing) -> None:
    """Verifiers get every public key held here: two of the log, one for each person."""
    person = ring.personal_signer(TENANT, "dr.li")
    held = ring.public_keys(TENANT)

    assert [key.owner for key in held] == ["", "", "dr.li"]
    assert held[-1].key == person.public_key
    assert [key.key for key in held[:2]] == [s.public_key for s in ring.log_signers(TENANT)]


def test_adding_is_all_or_nothing(ring: KeyRing, key_store: SqlKeyStore) -> None:
    """One taken slot keeps the whole batch out."""
    ring.dek(TENANT, SUBJECT, "outpatient")
    ring.flush()
    [row] = key_store.of_owners(TENANT, [SUBJECT])
    fresh = replace(row, key_id="key_fresh", slot=replace(row.slot, owner=STRANGER))

    with pytest.raises(KeySlotTaken):
        key_store.add([fresh, replace(row, key_id="key_clash")])
    assert key_store.by_id(TENANT, "key_fresh") is None
    assert row.created_at == datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
