"""Core tables hold the same sealed columns; the database is asked only what it can answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    delete,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Engine
from sqlalchemy.schema import CreateTable

from secure_records.adapters.key_store import SqlKeyStore
from secure_records.adapters.key_tables import wrapped_keys as key_rows
from secure_records.columns import (
    ColumnOperationRefused,
    EncryptedField,
    MatchRefused,
    PlaceIncomplete,
)
from secure_records.columns.column_keys import ColumnKeys
from secure_records.columns.place import (
    Place,
    as_text,
    from_text,
    looks_sealed,
    place_of,
    value_bytes,
    value_of,
)
from secure_records.columns.rule import FieldRule
from secure_records.columns.sealed_types import SealedValue
from secure_records.envelope.suites import INTL
from secure_records.errors import EnvelopeMalformed, EnvelopeRefused, KeyNotFound
from secure_records.keys.key_ring import KeyRing
from secure_records.testing import SeededEntropy, VaultRoom, temporary_vault

PHONE = "13800000001"


def visits(**rule: Any) -> Table:  # noqa: ANN401 - keywords of the field
    """A table with one sealed, indexed column."""
    return Table(
        "visits",
        MetaData(),
        Column("site", Text, primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("patient", Text),
        *EncryptedField(subject="patient", index="e164/1", **rule).columns("phone"),
    )


ROW = {"site": "north", "number": 1, "patient": "p1", "phone": PHONE}


@pytest.fixture
def room() -> Iterator[VaultRoom]:
    """Keys of a real key file."""
    with temporary_vault(suite=INTL) as made:
        yield made


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The platform's own database."""
    made = create_engine("sqlite://")
    yield made
    made.dispose()


def written(room: VaultRoom, engine: Engine, table: Table, *rows: dict[str, Any]) -> None:
    table.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(table), room.columns.seal_rows(table, rows))


def test_rows_are_sealed_opened_and_found(room: VaultRoom, engine: Engine) -> None:
    """
    What was sealed row by row is found by any spelling, also under an alias, and opens.
    """
    table = visits()
    other = ROW | {"number": 2, "phone": "13800000002"}
    written(room, engine, table, ROW, other, ROW | {"number": 3, "phone": None})
    alias = table.alias("v")
    with engine.connect() as connection:
        for of in (table, alias):
            asked = select(of).where(room.columns.matches(of.c.phone, "+86 138 0000 0001"))
            (found,) = connection.execute(asked).mappings().all()
            assert room.columns.open_row(table, found) == ROW
        empty = connection.execute(select(table).where(table.c.phone == None)).mappings().one()  # noqa: E711
        assert room.columns.open_row(table, empty)["phone"] is None


def test_a_batch_has_its_keys_before_it_is_handed_back(room: VaultRoom, engine: Engine) -> None:
    """
    A process that dies after sealing leaves keys on disk: another key ring opens the rows.
    """
    table = visits()
    written(room, engine, table, ROW)
    again = KeyRing(INTL, b"\x2a" * 32, room.keys._store, SeededEntropy(9), room.clock)
    fresh = ColumnKeys(again, room.tenant, SeededEntropy(9))
    with engine.connect() as connection:
        assert fresh.open_row(table, connection.execute(select(table)).mappings().one()) == ROW


def test_a_patient_with_two_keys_has_all_values_opened(room: VaultRoom, engine: Engine) -> None:
    """
    Two processes met the patient in the same moment: each envelope names its own key.
    """
    table = visits()
    other = KeyRing(INTL, b"\x2a" * 32, room.keys._store, SeededEntropy(9), room.clock)
    waiting = other.dek(room.tenant, "p1", "column")[0]
    written(room, engine, table, ROW)
    second = ROW | {"number": 2}
    late = ColumnKeys(other, room.tenant, SeededEntropy(8)).seal_row(table, second)
    with engine.begin() as connection:
        connection.execute(insert(table), late)
        assert late["phone"].envelope[5:35].decode() == waiting
        fresh = KeyRing(INTL, b"\x2a" * 32, room.keys._store, SeededEntropy(7), room.clock)
        columns = ColumnKeys(fresh, room.tenant, SeededEntropy(7))
        rows = connection.execute(select(table).order_by(table.c.number)).mappings().all()
        assert [columns.open_row(table, row) for row in rows] == [ROW, second]
        assert rows[0]["phone"].envelope[5:35] != rows[1]["phone"].envelope[5:35]


def test_one_patient_has_one_key_and_another_has_another(room: VaultRoom) -> None:
    """
    The subject chooses the data key; a field without subject shares one key of its table.
    """
    table = visits()
    sealed = room.columns.seal_rows(
        table, [ROW, ROW | {"number": 2}, ROW | {"number": 3, "patient": "p2"}]
    )
    first, second, third = (row["phone"].envelope[5:35] for row in sealed)
    assert first == second != third
    free = Table(
        "t", MetaData(), Column("id", Integer, primary_key=True), *EncryptedField().columns("x")
    )
    keys = {
        row["x"].envelope[5:35]
        for row in room.columns.seal_rows(free, [{"id": n, "x": "y"} for n in (1, 2)])
    }
    assert len(keys) == 1
    assert keys.isdisjoint({first, third})


def test_a_shredded_key_closes_the_column(room: VaultRoom, engine: Engine) -> None:
    """
    Without the patient's key the cell stays closed, whoever asks.
    """
    table = visits()
    written(room, engine, table, ROW)
    again = KeyRing(INTL, b"\x2a" * 32, room.keys._store, SeededEntropy(9), room.clock)
    assert isinstance(room.keys._store, SqlKeyStore)
    with room.keys._store._source.transaction() as connection:
        connection.execute(delete(key_rows).where(key_rows.c.kind == "data"))
    with engine.connect() as connection, pytest.raises(KeyNotFound):
        ColumnKeys(again, room.tenant, SeededEntropy(9)).open_row(
            table, connection.execute(select(table)).mappings().one()
        )


@pytest.mark.parametrize(
    "ask",
    [
        lambda t: select(t).order_by(t.c.phone),
        lambda t: select(t).order_by(t.c.phone.desc()),
        lambda t: t.c.phone.like("138%"),
        lambda t: t.c.phone == PHONE,
        lambda t: t.c.phone != PHONE,
        lambda t: t.c.phone < PHONE,
        lambda t: t.c.phone.in_([PHONE]),
        lambda t: t.c.phone + "x",
        lambda t: "x" + t.c.phone,
        lambda t: t.alias().c.phone.between("1", "2"),
    ],
)
def test_what_the_database_cannot_do_is_refused(ask: Any) -> None:  # noqa: ANN401
    """
    Sorting and comparing ciphertext is a clear error, not a wrong answer.
    """
    with pytest.raises(ColumnOperationRefused):
        ask(visits())


def test_sorting_by_other_columns_is_no_business_of_ours(room: VaultRoom, engine: Engine) -> None:
    """
    The guard on ORDER BY watches sealed columns only.
    """
    table = visits()
    written(room, engine, table, ROW)
    with engine.connect() as connection:
        assert connection.execute(select(table).order_by(table.c.number.desc())).all()


def test_only_a_sealed_indexed_column_is_asked(room: VaultRoom) -> None:
    """
    Another column, an expression and an unindexed field are refused.
    """
    table = visits()
    bare = Table(
        "t", MetaData(), Column("id", Integer, primary_key=True), *EncryptedField().columns("x")
    )
    for column in (table.c.patient, table.c.phone.is_(None), bare.c.x):
        with pytest.raises(MatchRefused):
            room.columns.matches(column, PHONE)


def test_index_keys_rotate_while_both_versions_are_asked(room: VaultRoom, engine: Engine) -> None:
    """
    Rows under the old version are found next to new ones; alone, the new version finds its own.
    """
    old, both, new = visits(), visits(index_versions=(2, 1)), visits(index_versions=(2,))
    written(room, engine, old, ROW)
    with engine.begin() as connection:
        connection.execute(insert(both), room.columns.seal_row(both, ROW | {"number": 2}))
        found = {
            name: connection.execute(
                select(table.c.number).where(room.columns.matches(table.c.phone, PHONE))
            ).scalars().all()
            for name, table in (("old", old), ("both", both), ("new", new))
        }  # fmt: skip
    assert {name: sorted(numbers) for name, numbers in found.items()} == {
        "old": [1], "both": [1, 2], "new": [2],
    }  # fmt: skip


def test_terms_of_two_columns_share_nothing(room: VaultRoom) -> None:
    """
    Equal phones in two tables, columns or versions have unequal codes.
    """
    rule = FieldRule(index="e164/1", index_versions=(1, 2))
    codes = [
        code
        for table, column in (("a", "b"), ("a", "c"), ("d", "b"), ("a.b", ""), ("a", "b."))
        for code in room.columns.terms(table, column, rule, PHONE)
    ]
    assert len({code[1:] for code in codes}) == len(codes) == 10
    assert {len(code) for code in codes} == {9}
    assert [code[0] for code in codes] == [1, 2] * 5


def test_a_text_column_keeps_its_type(room: VaultRoom, engine: Engine) -> None:
    """
    Stored as text the cell is ``jk1.`` and base64url, found and opened as well.
    """
    table = visits(stored_as="text")
    written(room, engine, table, ROW)
    with engine.connect() as connection:
        raw = connection.exec_driver_sql("SELECT phone FROM visits").scalar_one()
        assert looks_sealed(raw)
        found = connection.execute(select(table)).mappings().one()
        assert room.columns.open_row(table, found) == ROW


def test_plain_values_are_read_only_while_adopting(room: VaultRoom, engine: Engine) -> None:
    """
    Dual read: plain and sealed side by side; the finished column refuses what is plain.
    """
    adopting, finished = visits(stored_as="text", adopting=True), visits(stored_as="text")
    written(room, engine, adopting, ROW)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO visits (site, number, patient, phone) VALUES ('north', 2, 'p1', '139')"
        )
        rows = connection.execute(select(adopting).order_by(adopting.c.number)).mappings().all()
        assert [room.columns.open_row(adopting, row)["phone"] for row in rows] == [PHONE, "139"]
        with pytest.raises(EnvelopeMalformed):
            connection.execute(select(finished)).all()


@pytest.mark.parametrize(
    "text",
    ["", "jk1.", "jk1.a", "jk1.SksB=", "jk2.SksB", "jk1.Sks/", "jk1.SksB\n", "jk1.SksC1", "jk1.SR"],
)
def test_other_spellings_of_a_sealed_text_are_refused(text: str) -> None:
    """
    One envelope has one text: no padding, no other alphabet, no stray bits.
    """
    with pytest.raises(EnvelopeMalformed):
        from_text(text)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(envelope=st.binary(min_size=1, max_size=200))
def test_the_text_of_an_envelope_reads_back(envelope: bytes) -> None:
    """
    For all bytes: text and back is the identity.
    """
    assert looks_sealed(as_text(envelope))
    assert from_text(as_text(envelope)) == envelope


def test_the_schema_is_made_for_postgresql_as_well() -> None:
    """
    The same table compiles to bytea, or to text without a length where it was text before.
    """
    for rule, kind in (({}, "BYTEA,"), ({"stored_as": "text"}, "VARCHAR,")):
        made = str(CreateTable(visits(**rule)).compile(dialect=postgresql.dialect()))
        assert f"phone {kind}" in made
        assert "phone_term BYTEA" in made


@pytest.mark.parametrize(
    "row",
    [
        {"number": 1, "patient": "p"},
        {"site": None, "number": 1, "patient": "p"},
        {"site": "n", "number": 1.5, "patient": "p"},
        {"site": "n", "number": True, "patient": "p"},
        {"site": "n", "number": 1},
        {"site": "n", "number": 1, "patient": ""},
        {"site": "n", "number": 1, "patient": "table:visits"},
    ],
)
def test_a_row_without_key_or_subject_is_refused(room: VaultRoom, row: dict[str, Any]) -> None:
    """
    A value is sealed for a whole place or not at all; a patient is never named like a table.
    """
    with pytest.raises(PlaceIncomplete):
        room.columns.seal_row(visits(), row | {"phone": PHONE})


def test_a_table_without_primary_key_is_refused(room: VaultRoom) -> None:
    """
    Rows that nothing tells apart cannot be told from one another by the cipher either.
    """
    table = Table("t", MetaData(), Column("a", Boolean), *EncryptedField().columns("x"))
    with pytest.raises(PlaceIncomplete):
        room.columns.seal_row(table, {"a": True, "x": "y"})


def test_a_uuid_is_the_same_key_in_every_engine() -> None:
    """
    Engines without the type hold 32 hex digits: both name the same place.
    """
    name = UUID("12345678123456781234567812345678")
    rule = FieldRule()
    assert place_of("t", "c", rule, ["id"], {"id": name}) == place_of(
        "t", "c", rule, ["id"], {"id": name.hex}
    )
    day = place_of("t", "c", rule, ["id"], {"id": date(2026, 3, 1)})
    assert day.key == ("2026-03-01",)
    assert place_of("t", "c", rule, ["id"], {"id": datetime(2026, 3, 1, 9)}).key != day.key  # noqa: DTZ001


PARTS = st.text(max_size=6)
KEYS = st.lists(st.one_of(st.integers(-5, 5), PARTS), min_size=1, max_size=3).map(tuple)
PLACES = st.builds(
    Place,
    table=PARTS.filter(bool),
    column=PARTS,
    key=KEYS,
    subject=st.one_of(st.none(), PARTS.filter(bool)),
)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(here=PLACES, there=PLACES)
def test_a_cell_opens_in_its_own_place_only(here: Place, there: Place) -> None:
    """
    For all pairs of places: equal places open, different ones refuse.
    """
    columns = _COLUMNS.setdefault("keys", _offline())
    rule = FieldRule()
    sealed = columns.seal_cell(rule, here, "value")
    assert columns.open_cell(rule, here, sealed) == "value"
    if here != there:
        with pytest.raises(EnvelopeRefused):
            columns.open_cell(rule, there, sealed)
    with pytest.raises(EnvelopeRefused):
        columns.open_cell(replace(rule, holds="bytes"), here, sealed)


_COLUMNS: dict[str, ColumnKeys] = {}


class _OneKey:
    """One data key for everybody, so that only the context can tell places apart."""

    suite = INTL

    def dek(self, tenant: str, subject: str, retention_class: str) -> tuple[str, bytes]:
        del tenant, subject, retention_class
        return "key_0", bytes(32)

    def dek_by_id(self, tenant: str, key_id: str) -> bytes:
        del tenant, key_id
        return bytes(32)

    def index_key(self, tenant: str, column: str, version: int = 1) -> bytes:
        del tenant, column, version
        return bytes(32)

    def flush(self) -> None:
        """Nothing is kept."""


def _offline() -> ColumnKeys:
    return ColumnKeys(_OneKey(), "tenant", SeededEntropy(3))


@pytest.mark.parametrize(
    ("holds", "value"),
    [("text", ""), ("text", "过敏"), ("bytes", b""), ("json", None), ("json", {"a": [1, "ü"]})],
)
def test_values_keep_their_type(holds: Any, value: object) -> None:  # noqa: ANN401
    """
    Bytes of a value read back to an equal value.
    """
    assert value_of(holds, value_bytes(holds, value, "t.c")) == value


def test_a_sealed_value_does_not_print_itself() -> None:
    """
    Envelopes stay out of logs.
    """
    assert repr(SealedValue(b"JK")) == "SealedValue()"
