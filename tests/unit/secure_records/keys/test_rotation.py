"""A rotation changes what wraps a key, never the key, and no reader ever notices."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.key_rotation_store import SqlKeyRotations
from secure_records.adapters.key_store import SqlKeyStore, key_values
from secure_records.adapters.key_tables import key_minimum, prepare_key_tables, wrapped_keys
from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.errors import (
    KeyMalformed,
    KeyNotFound,
    KeyVersionRetired,
    MinimumRefused,
    ParentKeyRetired,
    RootChanged,
    RotationUnfinished,
    TenantNotOpened,
    WrappedKeyRefused,
)
from secure_records.keys.key_ring import KeyRing
from secure_records.keys.key_rows import KeyRows, Parent
from secure_records.keys.models import KeyKind, KeySlot, Rotation, RotationKind, WrappedKey
from secure_records.keys.rotation import TenantRotation, begin_root, rewrap_root_rows

TENANT = "91330100MA2ABCDE4X"
OTHER = "91330100MA2ZZZZZ0B"
ROOT = Parent(1, bytes(range(32)))
NEXT = Parent(2, bytes(range(32, 64)))
AT = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
PEOPLE = [f"sub_{number:026d}" for number in range(25)]


class FixedClock:
    """Always the same instant."""

    def now(self) -> datetime:
        return AT


def silent(_done: int, _total: int) -> None:
    """Nobody is told."""


@dataclass
class Bench:
    """One key file and whoever works on it."""

    suite: Suite
    file: EmbeddedStore
    root: Parent = ROOT
    rings: list[KeyRing] = field(default_factory=list)

    @property
    def store(self) -> SqlKeyStore:
        return SqlKeyStore(self.file)

    @property
    def rotations(self) -> SqlKeyRotations:
        return SqlKeyRotations(self.file)

    def ring(self, root: Parent | None = None) -> KeyRing:
        """Another process: an empty memory over the same file."""
        used = root or self.root
        return KeyRing(
            self.suite,
            used.secret,
            self.store,
            os.urandom,
            FixedClock(),
            generation=used.version,
            reopen=lambda: self.root,
        )

    def work(self) -> TenantRotation:
        return TenantRotation(
            self.suite,
            self.root,
            self.store,
            self.rotations,
            entropy=os.urandom,
            clock=FixedClock(),
        )

    def rows(self, *kinds: KeyKind) -> list[WrappedKey]:
        return list(self.store.of_kinds(TENANT, kinds or tuple(KeyKind)))


@pytest.fixture
def bench(keys_file: EmbeddedStore, suite: Suite) -> Bench:
    """An institution with 25 patients, a person and a file key; another institution beside it."""
    made = Bench(suite=suite, file=keys_file)
    ring = made.ring()
    for tenant in (TENANT, OTHER):
        ring.open_tenant(tenant)
        for person in PEOPLE:
            ring.dek(tenant, person, "outpatient_record")
            ring.audit_key(tenant, person)
    ring.flush()
    ring.file_key()
    ring.personal_signer(TENANT, "dr.li")
    return made


def secrets(ring: KeyRing, tenant: str = TENANT) -> dict[str, object]:
    """Everything that a ring can hand out."""
    held: dict[str, object] = {
        "index": ring.index_key(tenant, "phone"),
        "content": ring.content_key(tenant),
        "file": ring.file_key(),
        "log": [signer.public_key for signer in ring.log_signers(tenant)],
    }
    for person in PEOPLE:
        held[f"data {person}"] = ring.dek(tenant, person, "outpatient_record")
        held[f"audit {person}"] = ring.audit_keys(tenant, person)
    return held


# --- the tenant key --------------------------------------------------------------------------


def test_rotation_rewraps_everything_and_changes_no_key(bench: Bench) -> None:
    """Every row hangs on the new tenant key; every secret is what it was; the old key is gone."""
    before, theirs = secrets(bench.ring()), secrets(bench.ring(), OTHER)
    wrapped = {row.key_id: row.wrapped for row in bench.rows()}
    told: list[tuple[int, int]] = []

    rotation = bench.work().begin(TENANT, "a002")
    done = bench.work().run(rotation, lambda *step: told.append(step), rows_at_once=20)

    assert secrets(bench.ring()) == before
    assert secrets(bench.ring(), OTHER) == theirs
    tenants = bench.rows(KeyKind.TENANT)
    assert [(row.version, row.parent) for row in tenants] == [(2, 1)]
    others = [row for row in bench.rows() if row.slot.kind is not KeyKind.TENANT]
    assert done == len(others) == 2 * len(PEOPLE) + 4
    assert {row.parent for row in others} == {2}
    assert all(row.wrapped != wrapped[row.key_id] for row in others)
    assert told == [(0, 54), (20, 54), (40, 54), (54, 54)]
    assert bench.rotations.unfinished() is None


def test_another_institution_is_not_touched(bench: Bench) -> None:
    """Each institution has its own tenant key and its own rotation."""
    theirs = bench.store.of_kinds(OTHER, tuple(KeyKind))
    bench.work().run(bench.work().begin(TENANT, "a002"), silent)

    assert bench.store.of_kinds(OTHER, tuple(KeyKind)) == theirs


def test_rotations_can_follow_each_other(bench: Bench) -> None:
    """Versions count on; nothing of an earlier one is left."""
    before = secrets(bench.ring())
    for _ in range(3):
        bench.work().run(bench.work().begin(TENANT, "a002"), silent)

    assert secrets(bench.ring()) == before
    assert [row.version for row in bench.rows(KeyKind.TENANT)] == [4]


def test_a_rotation_that_stopped_goes_on(bench: Bench) -> None:
    """Whoever begins again gets the rotation that has begun, and only the rest is done."""
    rotation = bench.work().begin(TENANT, "a002")
    first = bench.rotations.below(TENANT, rotation.new, ("", ""), 30)
    parents = bench.work()._parents(rotation)
    bench.rotations.rewrapped(2, bench.work()._rewrapped(first, parents, 2))

    again = bench.work().begin(TENANT, "a009")

    assert again == rotation
    assert again.began_by == "a002"
    assert [row.version for row in bench.rows(KeyKind.TENANT)] == [1, 2]
    assert bench.work().run(again, silent) == 54 - 30
    assert [row.version for row in bench.rows(KeyKind.TENANT)] == [2]


def test_old_and_new_keys_open_in_the_middle(bench: Bench) -> None:
    """Half of the rows hang on each version: a new process and an old one read all of them."""
    long_running, before = bench.ring(), secrets(bench.ring())
    long_running.index_key(TENANT, "phone")
    rotation = bench.work().begin(TENANT, "a002")
    first = bench.rotations.below(TENANT, rotation.new, ("", ""), 30)
    bench.rotations.rewrapped(2, bench.work()._rewrapped(first, bench.work()._parents(rotation), 2))

    assert secrets(bench.ring()) == before == secrets(long_running)
    fresh = bench.ring()
    fresh.dek(TENANT, "sub_new", "outpatient_record")
    fresh.flush()
    assert {row.parent for row in fresh.subject_keys(TENANT, "sub_new")} == {2}


def test_old_key_is_not_destroyed_while_a_row_hangs_on_it(bench: Bench) -> None:
    """The last step counts first and destroys in the same transaction."""
    rotation = bench.work().begin(TENANT, "a002")

    assert bench.rotations.end_tenant(rotation) == 54
    assert [row.version for row in bench.rows(KeyKind.TENANT)] == [1, 2]
    assert bench.rotations.unfinished() == rotation


def test_a_process_that_slept_through_the_rotation_loses_nothing(bench: Bench) -> None:
    """Keys made under the old tenant key before, and flushed after it was destroyed."""
    sleeper = bench.ring()
    data = sleeper.dek(TENANT, "sub_new", "outpatient_record")
    audit = sleeper.audit_key(TENANT, "sub_new")

    bench.work().run(bench.work().begin(TENANT, "a002"), silent)
    with pytest.raises(ParentKeyRetired):
        bench.store.add([row for row, _ in sleeper._pending])
    sleeper.flush()

    later = bench.ring()
    assert later.dek_by_id(TENANT, data[0]) == data[1]
    assert later.audit_key(TENANT, "sub_new") == audit
    assert {row.parent for row in later.subject_keys(TENANT, "sub_new")} == {2}
    assert sleeper.personal_signer(TENANT, "dr.wang").public_key
    assert bench.ring().personal_signer(TENANT, "dr.wang").public_key


def test_keys_added_behind_the_cursor_are_found(bench: Bench) -> None:
    """A flush under the old key in the middle of a rotation is rewrapped before the end."""
    sleeper = bench.ring()
    sleeper.dek(TENANT, PEOPLE[0], "dialogue")
    rotation = bench.work().begin(TENANT, "a002")

    def flush_late(done: int, total: int) -> None:
        if done >= total:
            sleeper.flush()

    bench.work().run(rotation, flush_late, rows_at_once=60)

    key_id, secret = sleeper.dek(TENANT, PEOPLE[0], "dialogue")
    assert bench.ring().dek_by_id(TENANT, key_id) == secret
    assert {row.parent for row in bench.rows(KeyKind.DATA)} == {2}


def test_a_key_destroyed_meanwhile_stays_destroyed(bench: Bench) -> None:
    """Erasure wins: a row that was read for rewrapping and then deleted does not come back."""
    rotation = bench.work().begin(TENANT, "a002")
    read = bench.rotations.below(TENANT, rotation.new, ("", ""), 100)
    changed = bench.work()._rewrapped(read, bench.work()._parents(rotation), 2)
    with bench.file.transaction() as connection:
        connection.execute(delete(wrapped_keys).where(wrapped_keys.c.owner == PEOPLE[3]))
    bench.rotations.rewrapped(2, changed)

    assert bench.work().run(rotation, silent) == 0
    assert bench.store.of_owners(TENANT, [PEOPLE[3]]) == ()


def test_a_row_that_was_rewrapped_meanwhile_is_left_alone(bench: Bench) -> None:
    """Two processes that continue one rotation do not undo each other."""
    rotation = bench.work().begin(TENANT, "a002")
    read = bench.rotations.below(TENANT, rotation.new, ("", ""), 100)
    parents = bench.work()._parents(rotation)
    bench.rotations.rewrapped(2, bench.work()._rewrapped(read, parents, 2))
    after = {row.key_id: row.wrapped for row in bench.rows()}
    bench.rotations.rewrapped(2, bench.work()._rewrapped(read, parents, 2))

    assert {row.key_id: row.wrapped for row in bench.rows()} == after


def test_a_row_that_opens_under_nothing_stops_the_rotation(bench: Bench) -> None:
    """A damaged or foreign row is named; the old key stays, and all others still open."""
    before = secrets(bench.ring())
    victim = bench.store.of_owners(TENANT, [PEOPLE[7]])[0]
    for change in ({"wrapped": bytes(112)}, {"parent": 0}, {"parent": -1}):
        with bench.file.transaction() as connection:
            connection.execute(
                update(wrapped_keys).where(wrapped_keys.c.key_id == victim.key_id).values(change)
            )
        with pytest.raises(WrappedKeyRefused, match=victim.key_id):
            bench.work().run(bench.work().begin(TENANT, "a002"), silent)
        assert [row.version for row in bench.rows(KeyKind.TENANT)] == [1, 2]

    whole = {"wrapped": victim.wrapped, "parent": victim.parent}
    with bench.file.transaction() as connection:
        connection.execute(
            update(wrapped_keys).where(wrapped_keys.c.key_id == victim.key_id).values(whole)
        )
    bench.work().run(bench.work().begin(TENANT, "a002"), silent)
    assert secrets(bench.ring()) == before


def test_a_reader_between_row_and_parent_reads_again(bench: Bench) -> None:
    """The row was read under version 1, then version 1 was destroyed: no failure, a second look."""
    ring = bench.ring()
    key_id, secret = ring.dek(TENANT, PEOPLE[0], "outpatient_record")
    late = bench.ring()
    stale = bench.store.by_id(TENANT, key_id)
    assert stale is not None
    bench.work().run(bench.work().begin(TENANT, "a002"), silent)
    answers = [stale]

    def first_stale(tenant: str, wanted: str) -> WrappedKey | None:
        return answers.pop() if answers else SqlKeyStore(bench.file).by_id(tenant, wanted)

    class Late(SqlKeyStore):
        by_id = staticmethod(first_stale)  # type: ignore[assignment]

    late._store = Late(bench.file)

    assert late.dek_by_id(TENANT, key_id) == secret
    assert answers == []


def test_a_row_whose_parent_never_existed_is_refused(bench: Bench) -> None:
    """Reading again ends: a made-up parent is damage, not a rotation."""
    key_id, _ = bench.ring().dek(TENANT, PEOPLE[0], "outpatient_record")
    with bench.file.transaction() as connection:
        connection.execute(
            update(wrapped_keys).where(wrapped_keys.c.key_id == key_id).values(parent=9)
        )

    with pytest.raises(WrappedKeyRefused, match="parent"):
        bench.ring().dek_by_id(TENANT, key_id)


def test_institutions_without_keys_cannot_rotate(bench: Bench) -> None:
    """Nothing is made in passing."""
    with pytest.raises(TenantNotOpened):
        bench.work().begin("91330100MA2NOBODY0", "a002")
    assert bench.rotations.unfinished() is None


def test_a_short_random_source_stops_the_rotation(bench: Bench) -> None:
    """Message identifiers are never reused, not even when randomness fails."""
    rotation = bench.work().begin(TENANT, "a002")
    work = bench.work()
    work._entropy = lambda size: bytes(min(size, 32))

    with pytest.raises(KeyMalformed):
        work.run(rotation, silent)


def test_no_two_rows_share_a_message_identifier(bench: Bench) -> None:
    """Identifiers are drawn in one piece and handed out once each."""
    bench.work().run(bench.work().begin(TENANT, "a002"), silent, rows_at_once=7)
    heads = [row.wrapped[:32] for row in bench.rows()]

    assert len(set(heads)) == len(heads)


# --- one at a time ---------------------------------------------------------------------------


def test_a_home_has_one_rotation_at_a_time(bench: Bench) -> None:
    """Root and tenant exclude each other, and so do two institutions."""
    tenant = bench.work().begin(TENANT, "a002")
    with pytest.raises(RotationUnfinished):
        bench.work().begin(OTHER, "a002")
    with pytest.raises(RotationUnfinished):
        begin_root(bench.rotations, 1, FixedClock(), "a002")
    with pytest.raises(RotationUnfinished):
        bench.rotations.begin(replace(tenant, tenant=OTHER), ())
    bench.work().run(tenant, silent)

    root = begin_root(bench.rotations, 1, FixedClock(), "a002")
    assert begin_root(bench.rotations, 1, FixedClock(), "a009") == root
    with pytest.raises(RotationUnfinished):
        bench.work().begin(TENANT, "a002")


def test_what_could_not_begin_left_nothing(bench: Bench) -> None:
    """The note of a rotation and its first key are committed together or not at all."""
    held = begin_root(bench.rotations, 1, FixedClock(), "a002")
    before = bench.rows()
    row = KeyRows(bench.suite, os.urandom, FixedClock()).make(
        KeySlot(tenant=TENANT, kind=KeyKind.TENANT), ROOT, bytes(32), version=2
    )
    with pytest.raises(RotationUnfinished):
        bench.rotations.begin(replace(held, kind=RotationKind.TENANT, tenant=TENANT), [row])

    assert bench.rows() == before


# --- the root --------------------------------------------------------------------------------


def rotate_root(bench: Bench) -> int:
    rotation = begin_root(bench.rotations, 1, FixedClock(), "a002")
    done = rewrap_root_rows(bench.suite, ROOT, NEXT, bench.rotations, rotation, os.urandom)
    bench.root = NEXT
    bench.rotations.end_root(rotation)
    return done


def test_only_what_hangs_on_the_root_changes(bench: Bench) -> None:
    """Two tenant keys and the file key, however many patients there are."""
    before, theirs = secrets(bench.ring()), secrets(bench.ring(), OTHER)
    below = [row for row in bench.rows() if row.slot.kind is not KeyKind.TENANT]

    assert rotate_root(bench) == 3
    assert bench.rotations.root_generation() == 2
    assert secrets(bench.ring()) == before
    assert secrets(bench.ring(), OTHER) == theirs
    assert [row for row in bench.rows() if row.slot.kind is not KeyKind.TENANT] == below
    assert bench.rotations.unfinished() is None
    with pytest.raises(WrappedKeyRefused):
        secrets(bench.ring(Parent(2, ROOT.secret)))


def test_root_rows_change_all_or_none(bench: Bench) -> None:
    """A row that opens under neither root: nothing is half-changed."""
    before = bench.rows(KeyKind.TENANT)
    changes: list[dict[str, object]] = [{"wrapped": bytes(112)}, {"parent": 7}]
    for change in changes:
        with bench.file.transaction() as connection:
            file_row = wrapped_keys.c.kind == KeyKind.FILE.value
            [kept] = connection.execute(select(wrapped_keys).where(file_row)).mappings().all()
            connection.execute(update(wrapped_keys).where(file_row).values(change))
        with pytest.raises(WrappedKeyRefused):
            rotate_root(bench)
        assert bench.rows(KeyKind.TENANT) == before
        with bench.file.transaction() as connection:
            connection.execute(update(wrapped_keys).where(file_row).values(dict(kept)))

    assert rotate_root(bench) == 3


def test_rewrapping_the_root_rows_again_changes_nothing(bench: Bench) -> None:
    """A second run after the rows were committed finds nothing left."""
    rotation = begin_root(bench.rotations, 1, FixedClock(), "a002")
    assert rewrap_root_rows(bench.suite, ROOT, NEXT, bench.rotations, rotation, os.urandom) == 3
    rows = bench.rows(KeyKind.TENANT)

    assert rewrap_root_rows(bench.suite, ROOT, NEXT, bench.rotations, rotation, os.urandom) == 0
    assert bench.rows(KeyKind.TENANT) == rows


def test_a_process_with_the_old_root_opens_the_new_one(bench: Bench) -> None:
    """It goes on with what it holds, and asks for the new root when a row needs it."""
    old, before = bench.ring(), secrets(bench.ring())
    assert secrets(old) == before
    never_used = bench.ring()
    rotate_root(bench)
    bench.work().run(bench.work().begin(TENANT, "a002"), silent)

    assert secrets(never_used) == before
    old.dek(TENANT, "sub_new", "outpatient_record")
    old.flush()
    assert secrets(old) == before


def test_a_process_that_cannot_open_the_new_root_says_so(bench: Bench) -> None:
    """Without the passphrase at hand the refusal names the cause, not damage."""
    ring = KeyRing(bench.suite, ROOT.secret, bench.store, os.urandom, FixedClock())
    stubborn = bench.ring()
    stubborn._parents._reopen = lambda: ROOT
    rotate_root(bench)

    for each in (ring, stubborn):
        with pytest.raises(RootChanged):
            each.index_key(TENANT, "phone")


def test_nothing_new_hangs_on_an_old_root(bench: Bench) -> None:
    """An institution opened by a process with the old root is refused, not lost."""
    old = bench.ring(ROOT)
    rotate_root(bench)

    with pytest.raises(ParentKeyRetired):
        old.open_tenant("91330100MA2THIRD00")
    assert bench.store.counts("91330100MA2THIRD00") == {}


# --- lowest versions -------------------------------------------------------------------------


def test_keys_below_the_lowest_version_open_nothing(bench: Bench) -> None:
    """Old rows put back after a rotation, their old tenant key included, stay closed."""
    old = bench.store.of_owners(TENANT, [PEOPLE[0]])
    [old_tenant] = bench.rows(KeyKind.TENANT)
    key_id = next(row.key_id for row in old if row.slot.kind is KeyKind.DATA)
    bench.work().run(bench.work().begin(TENANT, "a002"), silent)
    with bench.file.transaction() as connection:
        connection.execute(delete(wrapped_keys).where(wrapped_keys.c.owner == PEOPLE[0]))
        connection.execute(insert(wrapped_keys), [key_values(row) for row in (*old, old_tenant)])
    assert bench.ring().dek_by_id(TENANT, key_id)

    with bench.file.transaction() as connection:
        connection.execute(delete(wrapped_keys).where(wrapped_keys.c.owner == PEOPLE[0]))
    bench.rotations.raise_minimum(TENANT, KeyKind.TENANT, 2)
    with bench.file.transaction() as connection:
        connection.execute(insert(wrapped_keys), [key_values(row) for row in old])

    for attempt in (
        lambda ring: ring.dek_by_id(TENANT, key_id),
        lambda ring: ring.dek(TENANT, PEOPLE[0], "outpatient_record"),
        lambda ring: ring.audit_key(TENANT, PEOPLE[0]),
        lambda ring: ring.prepare(TENANT, [PEOPLE[0]]),
    ):
        with pytest.raises(KeyVersionRetired):
            attempt(bench.ring())
    assert bench.ring().dek(TENANT, PEOPLE[1], "outpatient_record")


def test_old_data_keys_can_be_retired_alone(bench: Bench) -> None:
    """The lowest version of data keys counts within the slot, whatever wraps them."""
    with bench.file.transaction() as connection:
        connection.execute(insert(key_minimum).values(tenant=TENANT, kind="data", version=2))
    ring = bench.ring()

    with pytest.raises(KeyVersionRetired):
        ring.dek(TENANT, PEOPLE[0], "outpatient_record")
    assert ring.audit_key(TENANT, PEOPLE[0])
    assert bench.ring().dek(OTHER, PEOPLE[0], "outpatient_record")


def test_the_lowest_version_never_sinks_and_never_closes_what_is_in_use(bench: Bench) -> None:
    """Raising is refused while older keys are in use; sinking always."""
    for kind in (KeyKind.TENANT, KeyKind.DATA):
        with pytest.raises(MinimumRefused, match="in use"):
            bench.rotations.raise_minimum(TENANT, kind, 2)
    bench.work().run(bench.work().begin(TENANT, "a002"), silent)
    bench.work().run(bench.work().begin(TENANT, "a002"), silent)
    bench.rotations.raise_minimum(TENANT, KeyKind.TENANT, 2)
    bench.rotations.raise_minimum(TENANT, KeyKind.TENANT, 3)
    bench.rotations.raise_minimum(TENANT, KeyKind.TENANT, 3)

    for version in (2, 1, 0, -1):
        with pytest.raises(MinimumRefused):
            bench.rotations.raise_minimum(TENANT, KeyKind.TENANT, version)
    assert bench.store.minimum(TENANT) == {KeyKind.TENANT: 3}
    assert bench.store.minimum(OTHER) == {}
    assert secrets(bench.ring())


# --- tables ----------------------------------------------------------------------------------


def test_ages_tell_count_versions_and_parents(bench: Bench) -> None:
    """One line for each kind that is there."""
    bench.work().run(bench.work().begin(TENANT, "a002"), silent)
    ages = {age.kind: age for age in bench.rotations.ages(TENANT)}

    assert ages[KeyKind.DATA].count == ages[KeyKind.AUDIT].count == len(PEOPLE)
    assert (ages[KeyKind.DATA].versions, ages[KeyKind.DATA].parents) == ((1, 1), (2, 2))
    assert (ages[KeyKind.TENANT].versions, ages[KeyKind.TENANT].parents) == ((2, 2), (1, 1))
    assert ages[KeyKind.DATA].oldest == ages[KeyKind.DATA].newest == AT
    assert [age.kind for age in bench.rotations.ages("")] == [KeyKind.FILE]
    assert bench.rotations.ages("nobody") == ()


def test_tables_of_an_older_key_file_are_completed_once(bench: Bench) -> None:
    """A table without the newer column gets it; doing it twice does nothing; rows stay."""
    before = secrets(bench.ring())
    with bench.file.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE wrapped_keys DROP COLUMN parent")
        connection.exec_driver_sql("DROP TABLE key_rotation")
        connection.exec_driver_sql("DROP TABLE key_minimum")
    for _ in range(2):
        with bench.file.transaction() as connection:
            prepare_key_tables(connection)

    assert secrets(bench.ring()) == before
    assert {row.parent for row in bench.rows()} == {1}


def test_unknown_identifiers_stay_unknown(bench: Bench) -> None:
    """Looking twice is for moving rows, not for absent ones."""
    with pytest.raises(KeyNotFound):
        bench.ring().dek_by_id(TENANT, "key_none")


# --- any order -------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("make"), st.integers(0, 2), st.integers(0, 5)),
        st.tuples(st.just("flush"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("restart"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("read"), st.integers(0, 2), st.integers(0, 5)),
        st.tuples(st.just("begin"), st.just(0), st.just(0)),
        st.tuples(st.just("some"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("end"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@seed(20260301)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, chosen=st.sampled_from([GM, INTL]))
def test_no_order_of_events_loses_a_key(
    steps: list[tuple[str, int, int]],
    chosen: Suite,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Three processes make, flush and read keys while a fourth rotates, stops and goes on."""
    file = EmbeddedStore(tmp_path_factory.mktemp("any") / "keys.db", b"\x11" * 32, "NORMAL")
    try:
        with file.transaction() as connection:
            prepare_key_tables(connection)
        bench = Bench(suite=chosen, file=file)
        bench.ring().open_tenant(TENANT)
        bench.rings = [bench.ring() for _ in range(3)]
        known: dict[str, bytes] = {}
        for step in steps:
            _play(bench, known, *step)
        for ring in bench.rings:
            ring.flush()
        if bench.rotations.unfinished() is not None:
            bench.work().run(bench.work().begin(TENANT, "a002"), silent)
        fresh = bench.ring()
        assert {key_id: fresh.dek_by_id(TENANT, key_id) for key_id in known} == known
    finally:
        file.close()


def _play(bench: Bench, known: dict[str, bytes], act: str, which: int, person: int) -> None:
    held = bench.rotations.unfinished()
    actions: dict[str, Callable[[], object]] = {
        "make": lambda: known.update([bench.rings[which % 3].dek(TENANT, PEOPLE[person], "x")]),
        "flush": bench.rings[which % 3].flush,
        "restart": lambda: (
            bench.rings[which % 3].flush(),
            bench.rings.__setitem__(which % 3, bench.ring()),
        ),
        "read": lambda: bench.rings[which % 3].audit_keys(TENANT, PEOPLE[person]),
        "begin": lambda: bench.work().begin(TENANT, "a002"),
        "some": lambda: held and _some(bench, held, which),
        "end": lambda: held and bench.rotations.end_tenant(held),
    }
    actions[act]()


def _some(bench: Bench, rotation: Rotation, limit: int) -> None:
    rows = bench.rotations.below(TENANT, rotation.new, ("", ""), limit)
    changed = bench.work()._rewrapped(rows, bench.work()._parents(rotation), rotation.new)
    bench.rotations.rewrapped(rotation.new, changed)
