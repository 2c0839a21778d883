"""A store of any version comes to the schema of this one, whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text, update
from sqlalchemy.exc import DBAPIError

from jinkui.procedures.upgrade_home import upgrade_home
from jinkui.system_clock import SystemClock
from jinkui.wiring import schemas
from jinkui.wiring.schemas import (
    HEAD,
    OLDEST_PROGRAM,
    REVISIONS,
    SchemaNewer,
    SchemaOlder,
    SchemaUnknown,
    StoreTaken,
    make_tables,
    require_current,
    require_no_tables,
    run_scripts,
    schema_owner,
    schema_version,
    state_of,
    upgrade,
)
from jinkui.wiring.stores import HomeStore
from jinkui.wiring.toolkit import open_toolkit
from secure_records.errors import StoreLocked
from secure_records.models import Caller

SCRIPTS = Path(schemas.__file__).parents[1] / "schema"
FROZEN = Path(__file__).parents[2] / "fixtures" / "homes" / "before_schemas"
RECORDS, ENTRIES = 55, 57
"""What was in the frozen home when it was made."""


@pytest.fixture
def bare(engine: str, make_store: Callable[..., HomeStore]) -> HomeStore:
    """A store without any table."""
    return make_store(engine)


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """A home that was made before schemas were counted: SQLCipher files, root key, anchor."""
    shutil.copytree(FROZEN, tmp_path / "frozen")
    for path in (tmp_path / "frozen").rglob("*.db"):
        path.chmod(0o600)
    return tmp_path / "frozen"


def shape(connection: Connection) -> dict[str, object]:
    """Everything about the tables that a program could stumble over."""
    there = inspect(connection)
    found: dict[str, object] = {}
    for name in there.get_table_names():
        if name in {"schema_version", "schema_owner"}:
            continue
        columns = {
            column["name"]: (str(column["type"]), column["nullable"], column["default"])
            for column in there.get_columns(name)
        }
        indexes = {
            (index["name"], tuple(index["column_names"]), bool(index["unique"]))
            for index in there.get_indexes(name)
            if not index.get("duplicates_constraint")
        }
        partial = {
            (index["name"], re.sub(r"[()]", "", str(where)))
            for index in there.get_indexes(name)
            for key, where in index.get("dialect_options", {}).items()
            if key.endswith("_where")
        }
        uniques = {
            (each["name"], tuple(each["column_names"]))
            for each in there.get_unique_constraints(name)
        }
        foreign = {
            (tuple(each["constrained_columns"]), each["referred_table"])
            for each in there.get_foreign_keys(name)
        }
        key = tuple(there.get_pk_constraint(name)["constrained_columns"])
        found[name] = (columns, indexes, partial, uniques, foreign, key)
    return found


def test_the_scripts_are_one_line_of_revisions_that_ends_at_the_head() -> None:
    """
    The list in the code, which spares loading the tool, is the list of the scripts.
    """
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    line = [script.revision for script in scripts.walk_revisions()][::-1]

    assert tuple(line) == REVISIONS
    assert scripts.get_heads() == [HEAD]
    assert OLDEST_PROGRAM in REVISIONS


def test_scripts_from_nothing_give_the_tables_of_the_code(
    engine: str, bare: HomeStore, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """
    A changed table without its revision would leave every existing hospital behind.
    """
    with bare.transaction() as connection:
        run_scripts(connection, HEAD)
    with bare.reading() as connection:
        migrated = shape(connection)
    fresh = _another(engine, tmp_path, request)
    with fresh.transaction() as connection:
        make_tables(connection, "tenant")
    with fresh.reading() as connection:
        made = shape(connection)
    fresh.close()

    assert migrated.keys() == made.keys()
    assert {name: migrated[name] for name in made if migrated[name] != made[name]} == {}
    assert len(made) > 15


def _another(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> HomeStore:
    from secure_records.adapters.embedded_store import EmbeddedStore  # noqa: PLC0415
    from secure_records.adapters.postgres_store import PostgresStore  # noqa: PLC0415

    if engine == "embedded":
        return EmbeddedStore(tmp_path / "fresh.db", b"\x11" * 32, "NORMAL")
    server = request.getfixturevalue("postgres")
    name = server.database()
    request.addfinalizer(lambda: server.drop(name))
    return PostgresStore(server.dsn(name), "tenant", "NORMAL")


def test_a_new_store_is_at_the_head_and_belongs_to_its_institution(
    store: HomeStore, tenant: str
) -> None:
    """
    It opens for its owner, for nobody else, and is never made a second time.
    """
    with store.reading() as connection:
        require_current(connection, tenant)
        assert state_of(connection).revision == HEAD
        with pytest.raises(StoreLocked):
            require_current(connection, "another")
        with pytest.raises(StoreTaken):
            require_no_tables(connection)


def test_a_store_without_our_tables_is_said_to_be_none(bare: HomeStore, tenant: str) -> None:
    """
    An empty database is not an empty hospital.
    """
    with bare.reading() as connection:
        require_no_tables(connection)
        with pytest.raises(SchemaUnknown):
            require_current(connection, tenant)
    with pytest.raises(SchemaUnknown), bare.transaction() as connection:
        upgrade(connection, tenant)


def forget_schema(store: HomeStore) -> None:
    """As a store was before schemas were counted: the tables of the first revision."""
    with store.transaction() as connection:
        for table in ("canaries", "idempotency_keys", "index_versions", "media"):
            connection.execute(text(f"DROP TABLE {table}"))
        schema_owner.drop(connection)
        schema_version.drop(connection)


def test_an_uncounted_store_is_refused_until_it_is_upgraded(store: HomeStore, tenant: str) -> None:
    """
    Nothing changes a schema on its own; after the upgrade it opens, and again does nothing.
    """
    forget_schema(store)
    with store.reading() as connection, pytest.raises(SchemaOlder) as refused:
        require_current(connection, tenant)
    assert "jinkui upgrade" in refused.value.hint
    for before in (None, HEAD):
        with store.transaction() as connection:
            assert upgrade(connection, tenant).revision == before
        with store.reading() as connection:
            require_current(connection, tenant)


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    store: HomeStore, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Tables that a script made before its fault are gone again, and so is the note of revision.
    """
    forget_schema(store)

    def half(connection: Connection, _revision: str) -> None:
        connection.execute(text("CREATE TABLE half_made (a integer)"))
        connection.execute(text("no statement"))

    monkeypatch.setattr(schemas, "run_scripts", half)
    with pytest.raises(DBAPIError), store.transaction() as connection:
        upgrade(connection, tenant)

    with store.reading() as connection:
        assert state_of(connection).revision is None
        assert not inspect(connection).has_table("half_made")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM schema_version",
        "DELETE FROM schema_owner",
        "INSERT INTO schema_owner (tenant, oldest_program) VALUES ('another', '0001')",
    ],
)
def test_a_store_that_does_not_say_its_schema_is_refused(
    store: HomeStore, tenant: str, statement: str
) -> None:
    """
    No revision, no owner or two of them: nothing is guessed, and nothing upgraded.
    """
    with store.transaction() as connection:
        connection.execute(text(statement))
    with store.reading() as connection, pytest.raises(SchemaUnknown):
        require_current(connection, tenant)
    with pytest.raises(SchemaUnknown), store.transaction() as connection:
        upgrade(connection, tenant)


def test_a_missing_table_ends_the_upgrade(store: HomeStore, tenant: str) -> None:
    """
    A store that lost a table is not declared to be in order.
    """
    forget_schema(store)
    with store.transaction() as connection:
        connection.execute(text("DROP TABLE incident_deliveries"))
    with pytest.raises(SchemaUnknown, match="1 tables"), store.transaction() as connection:
        upgrade(connection, tenant)


@pytest.mark.parametrize(("oldest", "opens"), [(HEAD, True), (REVISIONS[0], True), ("9998", False)])
def test_a_newer_store_opens_for_programs_that_it_names(
    store: HomeStore, tenant: str, oldest: str, opens: bool
) -> None:
    """
    Daemons of the version before go on with a newer store until it asks for a later program.
    """
    with store.transaction() as connection:
        connection.execute(update(schema_version).values(version_num="9999"))
        connection.execute(update(schema_owner).values(oldest_program=oldest))
    with store.reading() as connection:
        if opens:
            require_current(connection, tenant)
        else:
            with pytest.raises(SchemaNewer):
                require_current(connection, tenant)
    with pytest.raises(SchemaNewer), store.transaction() as connection:
        upgrade(connection, tenant)


def test_a_home_of_an_earlier_version_opens_after_the_upgrade(frozen: Path) -> None:
    """
    Its records are read, its log verifies against its anchor, and the upgrade stands in it.
    """
    home, key, clock = frozen / "home", frozen / "passphrase", SystemClock()
    with pytest.raises(SchemaOlder):
        open_toolkit(home, key, clock, os.urandom)
    planned = upgrade_home(home, key, clock, os.urandom, dry_run=True)
    with pytest.raises(SchemaOlder):
        open_toolkit(home, key, clock, os.urandom)
    done = upgrade_home(home, key, clock, os.urandom, dry_run=False)
    again = upgrade_home(home, key, clock, os.urandom, dry_run=False)

    assert planned == done
    assert (done.before, done.head, done.changes) == (None, HEAD, True)
    assert (again.before, again.applied, again.changes) == (HEAD, (), False)
    with open_toolkit(home, key, clock, os.urandom) as toolkit:
        toolkit.require_anchored()
        verdict = toolkit.verify_log()
        assert verdict.ok, verdict.checks
        assert verdict.size == ENTRIES + 1
        assert toolkit.vault.count() == RECORDS
        with toolkit.reading() as unit:
            last = next(iter(unit.audit_store.entries(ENTRIES)))[0]
            some = next(
                row
                for batch in unit.audit_store.entries(0)
                for row in batch
                if row.action == "record.stored"
            )
        assert last.action == "store.upgraded"
        clerk = Caller(actor="a008", role="records_officer")
        view = toolkit.vault.read(clerk, str(some.record), "patient_request")
        assert view.body["patient.name"]


def test_a_rolled_back_home_is_not_upgraded(frozen: Path) -> None:
    """
    An upgrade must not make an exchanged store look like the newest one.
    """
    home, key, clock = frozen / "home", frozen / "passphrase", SystemClock()
    note = (home / "anchor" / "checkpoint").read_text("utf-8")
    newer = frozen / "newer"
    shutil.copytree(home, newer)
    upgrade_home(newer, key, clock, os.urandom, dry_run=False)
    (home / "anchor" / "checkpoint").write_text(
        (newer / "anchor" / "checkpoint").read_text("utf-8"), "utf-8"
    )

    with pytest.raises(Exception, match="the anchor promises"):
        upgrade_home(home, key, clock, os.urandom, dry_run=False)
    (home / "anchor" / "checkpoint").write_text(note, "utf-8")
    with pytest.raises(SchemaOlder):
        open_toolkit(home, key, clock, os.urandom)
