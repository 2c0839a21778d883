"""Has the store the schema that this program was written for, and how does it get there?

The schema has revisions, oldest first. A store carries the revision it is at, and the
oldest program that can still work with it: so that some daemons may be old and some new
while a hospital is upgraded. An older store is refused until `jinkui upgrade` has run;
nothing changes a schema on its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Final

from sqlalchemy import Column, MetaData, String, Table, Text, delete, insert, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from classification.adapters.tables import metadata as classification_tables
from incident.adapters.tables import metadata as incident_tables
from secure_records.adapters.agreement_tables import metadata as agreement_tables
from secure_records.adapters.audit_tables import audit_metadata as audit_tables
from secure_records.adapters.media_tables import media_metadata as media_tables
from secure_records.adapters.tables import metadata as record_tables
from secure_records.errors import StoreLocked
from shared_kernel.errors import Refused, VerificationFailed
from supervision.adapters.tables import metadata as supervision_tables

REVISIONS: Final = ("0001", "0002")
"""Every revision of the store's schema, oldest first; a test holds them against the scripts.
Here as well as there, because opening a home should not have to load a migration tool."""

HEAD: Final = REVISIONS[-1]
OLDEST_PROGRAM: Final = "0002"
"""The first revision whose programs can work with a store at ``HEAD``: one of 0001 would
show an amended record once for each of its versions."""

_DOMAINS: Final = (
    record_tables,
    media_tables,
    audit_tables,
    agreement_tables,
    incident_tables,
    supervision_tables,
    classification_tables,
)

bookkeeping: Final = MetaData()
schema_version: Final = Table(
    "schema_version", bookkeeping, Column("version_num", String(32), primary_key=True)
)
schema_owner: Final = Table(
    "schema_owner",
    bookkeeping,
    Column("tenant", Text, primary_key=True),
    Column("oldest_program", Text, nullable=False),
)


_STATE: Final = (
    "SELECT version_num, oldest_program, tenant FROM schema_version CROSS JOIN schema_owner"
)
_OURS: Final = {
    "sqlite": "SELECT name FROM sqlite_master"
    " WHERE type = 'table' AND name IN ('schema_version', 'audit_entries')",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    " AND tablename IN ('schema_version', 'audit_entries')",
}
"""Whether there are tables of a home; an inspection of the whole schema would take longer
than the opening."""


class SchemaOlder(Refused):
    """The store was made by an earlier version of this program."""

    code = "store.schema_older"
    default_hint = "make a backup (jinkui backup), then run jinkui upgrade"


class SchemaNewer(Refused):
    """The store was upgraded beyond what this version of the program can work with."""

    code = "store.schema_newer"
    default_hint = "install the version of the program that upgraded this store, or a later one"


class SchemaUnknown(VerificationFailed):
    """The tables are not those of any version of this program."""

    code = "store.schema_unknown"
    default_hint = "is this the right database? else restore the newest verified backup"


class StoreTaken(Refused):
    """There are tables of a home in this database already."""

    code = "store.taken"
    default_hint = "name an empty database or schema; existing records are never taken over"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """What a store says about its schema."""

    revision: str | None
    """None: it was made before schemas were counted."""
    oldest_program: str | None
    tenant: str | None


def all_tables() -> MetaData:
    """Every table of the store, as the present program wants them."""
    together = MetaData()
    for metadata in (*_DOMAINS, bookkeeping):
        for table in metadata.sorted_tables:
            table.to_metadata(together)
    for table in together.tables.values():
        for column in table.columns:
            if isinstance(column.type, String):
                # Byte order on every engine, whatever language the database speaks.
                column.type = column.type.with_variant(_byte_ordered(column.type), "postgresql")
    return together


def _byte_ordered(kind: String) -> String:
    if kind.length is None:
        return postgresql.TEXT(collation="C")
    return postgresql.VARCHAR(kind.length, collation="C")


def make_tables(connection: Connection, tenant: str) -> None:
    """Make every table in an empty store and note revision and owner."""
    all_tables().create_all(connection)
    connection.execute(insert(schema_version).values(version_num=HEAD))
    _note_owner(connection, tenant, OLDEST_PROGRAM)


def require_no_tables(connection: Connection) -> None:
    """Raise ``StoreTaken`` if any of our tables is there."""
    ours = set(all_tables().tables) & set(inspect(connection).get_table_names())
    if ours:
        raise StoreTaken(f"the database holds {len(ours)} tables of a home")


def state_of(connection: Connection) -> SchemaState:
    """What the store says.

    Raises:
        SchemaUnknown: it has no tables of ours at all.
    """
    there = set(connection.exec_driver_sql(_OURS[connection.dialect.name]).scalars())
    if schema_version.name not in there:
        if not there:
            raise SchemaUnknown("the store holds no tables of a home")
        return SchemaState(revision=None, oldest_program=None, tenant=None)
    # Asked in the driver's own words: this stands between a person and every command.
    found = connection.exec_driver_sql(_STATE).all()
    if len(found) != 1:
        raise SchemaUnknown("the store does not say which schema it has")
    revision, oldest_program, tenant = found[0]
    return SchemaState(revision=revision, oldest_program=oldest_program, tenant=tenant)


def require_current(connection: Connection, tenant: str) -> None:
    """Return if and only if this program can work with this store.

    Raises:
        SchemaOlder: it must be upgraded first.
        SchemaNewer: the program is too old for it.
        StoreLocked: it belongs to another institution.
    """
    state = state_of(connection)
    if state.tenant is not None and state.tenant != tenant:
        raise StoreLocked("the store belongs to another institution", where=tenant)
    if state.revision == HEAD:
        return
    if state.revision is None or state.revision in REVISIONS:
        raise SchemaOlder(f"the store is at {state.revision or 'its beginning'}, not at {HEAD}")
    if state.oldest_program not in REVISIONS:
        raise SchemaNewer(f"the store is at {state.revision}, this program knows {HEAD}")


def require_upgradable(state: SchemaState, tenant: str) -> None:
    """Return if and only if this program may bring the store to ``HEAD``.

    Raises:
        SchemaNewer: it is beyond this program.
        StoreLocked: it belongs to another institution.
    """
    if state.tenant is not None and state.tenant != tenant:
        raise StoreLocked("the store belongs to another institution", where=tenant)
    if state.revision is not None and state.revision not in REVISIONS:
        raise SchemaNewer(f"the store is at {state.revision}, this program knows {HEAD}")


def pending(state: SchemaState) -> tuple[str, ...]:
    """Revisions that an upgrade would apply, in order."""
    if state.revision is None:
        return REVISIONS[1:]
    if state.revision not in REVISIONS:
        return ()
    return REVISIONS[REVISIONS.index(state.revision) + 1 :]


def upgrade(connection: Connection, tenant: str) -> SchemaState:
    """Bring the store to ``HEAD`` inside the open transaction: all of it or nothing.

    Returns:
        What the store said before.

    Raises:
        SchemaNewer: it is beyond this program.
        SchemaUnknown: a table of its revision is missing.
        StoreLocked: it belongs to another institution.
    """
    before = state_of(connection)
    require_upgradable(before, tenant)
    if before.revision is None:
        bookkeeping.create_all(connection)
        connection.execute(insert(schema_version).values(version_num=REVISIONS[0]))
    run_scripts(connection, HEAD)
    _note_owner(connection, tenant, OLDEST_PROGRAM)
    missing = set(all_tables().tables) - set(inspect(connection).get_table_names())
    if missing:
        raise SchemaUnknown(f"{len(missing)} tables are missing", where=min(missing))
    return before


def run_scripts(connection: Connection, revision: str) -> None:
    """Run the migration scripts up to ``revision`` over this connection and no other."""
    # Loaded here: only an upgrade needs the tool.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    with as_file(files("jinkui") / "schema") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _note_owner(connection: Connection, tenant: str, oldest_program: str) -> None:
    connection.execute(delete(schema_owner))
    connection.execute(insert(schema_owner).values(tenant=tenant, oldest_program=oldest_program))
