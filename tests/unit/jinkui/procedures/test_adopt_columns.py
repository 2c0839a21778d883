"""Plaintext columns become sealed ones in place, survive every stop, and go back until finished."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from jinkui.procedures.adopt_columns import (
    begin_adoption,
    finish_adoption,
    require_plan,
    revert_adoption,
    run_adoption,
    standing,
)
from jinkui.wiring.adoption import column_keys, platform_tables
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records import Caller
from secure_records.access.errors import AccessDocumentMalformed
from secure_records.adapters.adopted_tables import SqlPlatformTables
from secure_records.columns import EncryptedField, adoption
from secure_records.columns.adoption import (
    AdoptionMismatch,
    AdoptionRefused,
    AdoptionUnfinished,
    PlatformDatabaseFailed,
)
from secure_records.columns.adoption_plan import AdoptionPlan, read_plan
from secure_records.errors import EnvelopeRefused

OFFICER = Caller(actor="a002", role="security_admin")
PLAN = b"""
schema: jinkui.adoption/1
tables:
  - table: contacts
    primary_key: [site, number]
    subject: patient
    columns:
      - {column: phone, index: e164/1}
      - {column: note}
"""
ROWS = 23


class Base(DeclarativeBase):
    pass


class Dual(Base):
    """The platform's class while the adoption runs: reads both, writes sealed."""

    __tablename__ = "contacts"

    site: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    patient: Mapped[str]
    phone = EncryptedField(subject="patient", index="e164/1", stored_as="text", adopting=True)
    note = EncryptedField(subject="patient", stored_as="text", adopting=True)


def quiet(_done: int, _total: int) -> None:
    """Nobody watches."""


def content() -> list[tuple[Any, ...]]:
    """Rows of a platform: two sites, three patients, gaps, an empty text."""
    return [
        (
            ("north", "south")[n % 2],
            n,
            f"p{n % 3}",
            None if n % 7 == 0 else f"138{n:08d}",
            (None, "", "过敏 'quoted'")[n % 3],
        )
        for n in range(ROWS)
    ]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batches even in a small table."""
    monkeypatch.setattr(adoption, "BATCH", 4)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The platform's own database, in plain text."""
    path = tmp_path / "platform.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE contacts (site TEXT, number INTEGER, patient TEXT, "
            "phone VARCHAR(20), note TEXT, PRIMARY KEY (site, number))"
        )
        connection.executemany("INSERT INTO contacts VALUES (?,?,?,?,?)", content())
    connection.close()
    return path


@pytest.fixture
def tables(database: Path) -> Iterator[SqlPlatformTables]:
    with platform_tables(f"sqlite:///{database}") as opened:
        yield opened


@pytest.fixture
def plan() -> AdoptionPlan:
    return read_plan(PLAN)


def raw(database: Path, statement: str = "SELECT * FROM contacts ORDER BY number") -> list[Any]:
    with sqlite3.connect(database) as connection:
        found = connection.execute(statement).fetchall()
    connection.close()
    return found


def plain(database: Path) -> list[tuple[Any, ...]]:
    names = "SELECT site, number, patient, phone, note FROM contacts ORDER BY number"
    return raw(database, names)


def actions(toolkit: Toolkit) -> list[str]:
    with toolkit.reading() as unit:
        batches = unit.audit_store.entries(0)
        rows = [row.entry for batch in batches for row in batch]
    return [
        name
        for entry in rows
        for name in ("begin", "adopt", "adopted", "revert", "reverted", "finish")
        if b'"action":"columns.%s"' % name.encode() in entry
    ]


def read_as_platform(toolkit: Toolkit, database: Path) -> list[tuple[Any, ...]]:
    """What the platform's own class sees, whatever the state."""
    column_keys(toolkit).attach(Base.metadata)
    engine = create_engine(f"sqlite:///{database}")
    with Session(engine) as session:
        rows = session.scalars(select(Dual).order_by(Dual.number)).all()
        found = [(r.site, r.number, r.patient, r.phone, r.note) for r in rows]
    engine.dispose()
    return found


def test_every_value_is_sealed_and_reads_as_before(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path
) -> None:
    """
    After a run nothing is plain; the platform's class reads what was there and finds by index.
    """
    steps: list[tuple[int, int]] = []
    rows = run_adoption(toolkit, OFFICER, tables, plan, lambda *step: steps.append(step))

    phones = sum(row[3] is not None for row in content())
    notes = sum(row[4] is not None for row in content())
    assert [(r.values, r.sealed, r.state) for r in rows] == [
        (phones, phones, "adopting"), (notes, notes, "adopting"),
    ]  # fmt: skip
    assert steps[-1] == (phones + notes, phones + notes)
    assert all(cell.startswith("jk1.") for row in plain(database) for cell in row[3:] if cell)
    assert read_as_platform(toolkit, database) == content()
    engine = create_engine(f"sqlite:///{database}")
    with Session(engine) as session:
        found = session.scalars(select(Dual).where(Dual.phone.matches("+86 138 0000 0005"))).one()
        assert found.number == 5
    engine.dispose()
    assert actions(toolkit) == ["adopt", "adopted"]


def test_a_prepared_column_is_served_by_the_new_program_before_anything_is_sealed(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path
) -> None:
    """
    Begun, not run: the index is there, the contents are untouched, and both reads agree.
    """
    rows = begin_adoption(toolkit, OFFICER, tables, plan)
    assert {(row.state, row.sealed) for row in rows} == {("adopting", 0)}
    assert plain(database) == content()
    assert read_as_platform(toolkit, database) == content()
    assert actions(toolkit) == ["begin"]
    begin_adoption(toolkit, OFFICER, tables, plan)
    run_adoption(toolkit, OFFICER, tables, plan, quiet)
    assert read_as_platform(toolkit, database) == content()


def test_half_adopted_columns_are_read_both_ways(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path
) -> None:
    """
    A stop after two batches leaves plain and sealed cells side by side, and both are read.
    """
    with pytest.raises(_Stop):
        run_adoption(toolkit, OFFICER, _Stopping(tables, at=19), plan, quiet)  # type: ignore[arg-type]
    cells = [row[3] for row in plain(database) if row[3]]
    assert 0 < sum(cell.startswith("jk1.") for cell in cells) < len(cells)
    assert read_as_platform(toolkit, database) == content()


def test_keys_are_on_disk_before_a_cell_is_exchanged(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path, folder: Path
) -> None:
    """
    Killed right after the first exchange, another process opens what was sealed.
    """
    calls: list[str] = []

    class Watching(_Stopping):
        def __getattr__(self, name: str) -> Callable[..., Any]:
            calls.append(name)
            self._left = 1 if name == "exchange" else 99
            return super().__getattr__(name)

    with pytest.raises(_Stop):
        run_adoption(toolkit, OFFICER, Watching(tables, at=99, after=True), plan, quiet)  # type: ignore[arg-type]
    assert calls[-1] == "exchange"
    with open_toolkit(folder, None, toolkit.clock, os.urandom) as another:
        assert read_as_platform(another, database) == content()


class _Stop(BaseException):
    """What a kill looks like from inside."""


class _Stopping:
    """The real tables, gone at one call: before it, or just after it took effect."""

    def __init__(self, inner: SqlPlatformTables, *, at: int, after: bool = False) -> None:
        self._inner, self._left, self._after = inner, at, after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)

        def stopping(*words: Any, **named: Any) -> Any:  # noqa: ANN401
            self._left -= 1
            if self._left == 0 and not self._after:
                raise _Stop
            found = method(*words, **named)
            if self._left == 0:
                raise _Stop
            return found

        return stopping


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_stop_at_any_step_is_repaired_by_running_again(
    toolkit: Toolkit, tmp_path: Path, plan: AdoptionPlan, database: Path, after: bool
) -> None:
    """
    Run, revert and finish, each stopped at every step and repeated: the same end, nothing lost.
    """
    before = database.read_bytes()
    path = tmp_path / "copy.db"
    acts = (
        lambda to: run_adoption(toolkit, OFFICER, to, plan, quiet),
        lambda to: revert_adoption(toolkit, OFFICER, to, plan, quiet),
        lambda to: run_adoption(toolkit, OFFICER, to, plan, quiet),
        lambda to: finish_adoption(toolkit, OFFICER, to, plan, 0),
    )
    stopped, step = True, 0
    while stopped:
        step += 4
        stopped = False
        path.write_bytes(before)
        with platform_tables(f"sqlite:///{path}") as fresh:
            for place, act in enumerate(acts):
                try:
                    act(_Stopping(fresh, at=step, after=after))  # type: ignore[arg-type]
                except _Stop:
                    stopped = True
                    finished = {row.state for row in standing(fresh, plan)} == {"finished"}
                    if not (place == 3 and finished):
                        act(fresh)
                if place == 1:
                    assert plain(path) == content()
            assert read_as_platform(toolkit, path) == content()
            assert {row.state for row in standing(fresh, plan)} == {"finished"}
    assert step > 40


def test_reverting_leaves_the_table_as_it_was(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path
) -> None:
    """
    Contents and columns are those from before; adopting again works.
    """
    before = raw(database, "SELECT sql FROM sqlite_master WHERE name='contacts'")
    run_adoption(toolkit, OFFICER, tables, plan, quiet)
    rows = revert_adoption(toolkit, OFFICER, tables, plan, quiet)
    assert plain(database) == content()
    assert raw(database, "SELECT sql FROM sqlite_master WHERE name='contacts'") == before
    assert {row.state for row in rows} == {"plain"}
    assert actions(toolkit) == ["adopt", "adopted", "revert", "reverted"]
    run_adoption(toolkit, OFFICER, tables, plan, quiet)
    assert read_as_platform(toolkit, database) == content()


def test_finishing_verifies_and_closes_the_way_back(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path
) -> None:
    """
    Afterwards there is no revert and no second run, and no old content in the file.
    """
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        rows = [("gone", n, "p", f"139777{n:05d}", None) for n in range(1000, 3000)]
        connection.executemany("INSERT INTO contacts VALUES (?,?,?,?,?)", rows)
        connection.commit()
        connection.execute("DELETE FROM contacts WHERE site = 'gone'")
    connection.close()
    assert b"13977702500" in database.read_bytes()
    run_adoption(toolkit, OFFICER, tables, plan, quiet)
    opened, rows = finish_adoption(toolkit, OFFICER, tables, plan, 0)
    assert opened == sum(row.values for row in rows)
    assert {row.state for row in rows} == {"finished"}
    for act in (run_adoption, revert_adoption):
        with pytest.raises(AdoptionRefused, match="finished"):
            act(toolkit, OFFICER, tables, plan, quiet)
    with pytest.raises(AdoptionRefused, match="not being adopted"):
        finish_adoption(toolkit, OFFICER, tables, plan, 0)
    held = b"".join(p.read_bytes() for p in database.parent.glob("platform.db*"))
    assert b"13800000005" not in held
    assert b"139777" not in held
    assert "过敏".encode() not in held
    assert actions(toolkit)[-1] == "finish"


def test_a_revert_that_is_overtaken_says_so(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path
) -> None:
    """
    The platform rewrites every cell meanwhile: nothing is forgotten, and another revert works.
    """

    class Overtaken(_Stopping):
        def __getattr__(self, name: str) -> Callable[..., Any]:
            if name == "exchange":
                return lambda _column, _changes: 0
            return getattr(self._inner, name)  # type: ignore[no-any-return]

    run_adoption(toolkit, OFFICER, tables, plan, quiet)
    with pytest.raises(AdoptionUnfinished, match="cells are sealed"):
        revert_adoption(toolkit, OFFICER, Overtaken(tables, at=1), plan, quiet)  # type: ignore[arg-type]
    assert {row.state for row in standing(tables, plan)} == {"adopting"}
    assert read_as_platform(toolkit, database) == content()
    revert_adoption(toolkit, OFFICER, tables, plan, quiet)
    assert plain(database) == content()


def test_exchanged_values_do_not_stay_in_free_space(
    toolkit: Toolkit,
    tables: SqlPlatformTables,
    plan: AdoptionPlan,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Already before the finish, what was sealed is nowhere in the file in clear.
    """
    monkeypatch.setattr(adoption, "BATCH", 400)
    with sqlite3.connect(database) as connection:
        rows = [("more", n, "p", f"139777{n:05d}", "note " * 20) for n in range(1000, 2000)]
        connection.executemany("INSERT INTO contacts VALUES (?,?,?,?,?)", rows)
    connection.close()
    run_adoption(toolkit, OFFICER, tables, plan, quiet)
    assert b"139777" not in database.read_bytes()


def test_plain_values_that_came_later_stop_the_finish(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path
) -> None:
    """
    An old program still writes plain values: finishing says so, another run seals them.
    """
    run_adoption(toolkit, OFFICER, tables, plan, quiet)
    with sqlite3.connect(database) as connection:
        connection.execute(
            "INSERT INTO contacts (site, number, patient, phone) VALUES ('n', 99, 'p', '139')"
        )
    connection.close()
    with pytest.raises(AdoptionUnfinished, match="phone: 1 values"):
        finish_adoption(toolkit, OFFICER, tables, plan, 0)
    run_adoption(toolkit, OFFICER, tables, plan, quiet)
    assert finish_adoption(toolkit, OFFICER, tables, plan, 5)[0] > 5


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE contacts SET phone=(SELECT phone FROM contacts WHERE number=1) WHERE number=4",
        "UPDATE contacts SET phone_term=x'010000000000000000' WHERE number=4",
        "UPDATE contacts SET phone_term=NULL WHERE number=4",
        "UPDATE contacts SET phone='jk1.AAAA' WHERE number=4",
    ],
)
def test_a_cell_that_does_not_hold_stops_the_finish(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path, change: str
) -> None:
    """
    A moved value, a foreign code, a value that only looks sealed: refused, nothing is finished.
    """
    run_adoption(toolkit, OFFICER, tables, plan, quiet)
    with sqlite3.connect(database) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(AdoptionMismatch):
        finish_adoption(toolkit, OFFICER, tables, plan, 0)
    assert {row.state for row in standing(tables, plan)} == {"adopting"}
    if "phone_term" not in change:
        with pytest.raises(EnvelopeRefused):
            revert_adoption(toolkit, OFFICER, tables, plan, quiet)


def test_a_value_written_meanwhile_is_not_lost(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path
) -> None:
    """
    The platform changes a cell between reading and exchanging: its value stays and is sealed next.
    """

    class Busy(_Stopping):
        def __getattr__(self, name: str) -> Callable[..., Any]:
            if name == "exchange" and self._left:
                self._left = 0
                with sqlite3.connect(database) as connection:
                    connection.execute("UPDATE contacts SET phone='13911111111' WHERE number=2")
                    connection.execute("UPDATE contacts SET patient='p9' WHERE number=4")
                connection.close()
            return getattr(self._inner, name)  # type: ignore[no-any-return]

    run_adoption(toolkit, OFFICER, Busy(tables, at=1), plan, quiet)  # type: ignore[arg-type]
    assert finish_adoption(toolkit, OFFICER, tables, plan, 0)
    seen = {row[1]: row for row in read_as_platform(toolkit, database)}
    assert seen[2][3] == "13911111111"
    assert seen[4][2:4] == ("p9", "13800000004")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("UPDATE contacts SET patient=NULL WHERE number=4", "without subject"),
        ("UPDATE contacts SET phone='jk1.x' WHERE number=4", "begin like sealed"),
        ("ALTER TABLE contacts ADD COLUMN phone_term TEXT", "is taken"),
        ("ALTER TABLE contacts RENAME COLUMN note TO remark", "no column note"),
        ("ALTER TABLE contacts RENAME COLUMN patient TO person", "no column patient"),
        ("ALTER TABLE contacts RENAME TO people", "no table contacts"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_before_anything_changes(
    toolkit: Toolkit,
    tables: SqlPlatformTables,
    plan: AdoptionPlan,
    database: Path,
    change: str,
    match: str,
) -> None:
    """
    Checked for all columns first: the refusal leaves the database byte for byte as it was.
    """
    with sqlite3.connect(database) as connection:
        connection.execute(change)
    connection.close()
    before = database.read_bytes()
    for act in (
        lambda: require_plan(tables, plan),
        lambda: run_adoption(toolkit, OFFICER, tables, plan, quiet),
    ):
        with pytest.raises(AdoptionRefused, match=match):
            act()
    assert database.read_bytes() == before
    assert actions(toolkit) == []


def test_another_primary_key_or_type_is_refused(tables: SqlPlatformTables) -> None:
    """
    The plan names the key in its order; only text is adopted.
    """
    for old, new, match in (
        (b"[site, number]", b"[number]", "primary key is"),
        (b"[site, number]", b"[number, site]", "primary key is"),
        (b"column: note", b"column: rowid", "no column rowid"),
    ):
        with pytest.raises(AdoptionRefused, match=match):
            require_plan(tables, read_plan(PLAN.replace(old, new)))


def test_a_column_with_few_different_values_gets_no_index(
    tables: SqlPlatformTables, database: Path
) -> None:
    """
    Codes of a crowded column would be readable from their frequency; without index it is sealed.
    """
    with sqlite3.connect(database) as connection:
        rows = [("x", n, "p", f"1380000000{n % 5}") for n in range(1000, 1400)]
        connection.executemany("INSERT INTO contacts VALUES (?,?,?,?,NULL)", rows)
    connection.close()
    with pytest.raises(AdoptionRefused, match="too few different values"):
        require_plan(tables, read_plan(PLAN))
    assert require_plan(tables, read_plan(PLAN.replace(b", index: e164/1", b"")))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        PLAN.replace(b"adoption/1", b"adoption/2"),
        PLAN.replace(b"column: note", b"column: phone"),
        PLAN.replace(b"column: note", b"column: Phone"),
        PLAN.replace(b"column: note", b"column: patient"),
        PLAN.replace(b"column: note", b"column: site"),
        PLAN.replace(b"column: note", b"column: 'a; DROP TABLE x'"),
        PLAN.replace(b"e164/1", b"name/1"),
        PLAN.replace(b"[site, number]", b"[]"),
        PLAN.replace(b"subject: patient", b"owner: patient"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(text: bytes) -> None:
    """
    Wrong version, a column twice, the key itself, an unknown key or normal form.
    """
    with pytest.raises(AccessDocumentMalformed):
        read_plan(text)


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("nonsense", "not usable"),
        ("mysql://root:secret-word@localhost/x", "SQLite and PostgreSQL"),
        ("postgresql+nodriver://root:secret-word@localhost/x", "not usable"),
        ("sqlite:///nowhere.db", "no database file"),
        ("sqlite://", "no database file"),
    ],
)
def test_an_unusable_address_is_refused_without_its_password(address: str, match: str) -> None:
    """
    The message never repeats the address, and a mistyped file is not made.
    """
    with pytest.raises(AdoptionRefused, match=match) as refusal, platform_tables(address):
        pytest.fail("opened")
    assert "secret-word" not in str(refusal.value)
    assert not Path("nowhere.db").exists()


def test_a_failing_database_is_an_upstream_error(
    toolkit: Toolkit, tables: SqlPlatformTables, plan: AdoptionPlan, database: Path
) -> None:
    """
    A broken file is reported by class, without any value of a row.
    """
    database.write_bytes(b"no database at all" * 100)
    with pytest.raises(PlatformDatabaseFailed) as refusal:
        run_adoption(toolkit, OFFICER, tables, plan, quiet)
    assert refusal.value.__cause__ is None
