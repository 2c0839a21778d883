"""In which columns does the audit log lie?

``audit_metadata`` is created together with the other tables by the wiring. One
row per entry: the leaf, its hash, the interior nodes it completes (so that a
proof is a handful of point look-ups and appending touches one tree page), the
indexed copies of the leaf's content, and the opening of its commitment.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text

audit_metadata = MetaData()

audit_entries = Table(
    "audit_entries",
    audit_metadata,
    Column("tenant", Text, primary_key=True),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("nodes", LargeBinary, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("purpose", Text),
    Column("partner", Text),
    Column("record", Text),
    Column("kind", Text),
    Column("subject", Text),
    Column("nonce", LargeBinary),
    # Rows arrive in the order of the key: one b-tree instead of a table and its key index.
    sqlite_with_rowid=False,
)

_c = audit_entries.c
Index("audit_by_at", _c.tenant, _c.at_us, _c.idx)
Index("audit_by_actor", _c.tenant, _c.actor, _c.idx)
for _name in ("partner", "record", "subject"):
    _present = _c[_name].is_not(None)
    Index(
        f"audit_by_{_name}",
        _c.tenant,
        _c[_name],
        _c.idx,
        sqlite_where=_present,
        postgresql_where=_present,
    )

audit_checkpoints = Table(
    "audit_checkpoints",
    audit_metadata,
    Column("tenant", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("at", Text, nullable=False),
)
