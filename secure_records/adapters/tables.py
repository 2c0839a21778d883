"""Which tables hold sealed records, their index and the registry?

Tenant, then subject, lead every large primary key: that is the distribution key
of a sharded PostgreSQL, and the order in which one patient's rows lie together.
Only types that every engine has; no sequence, no server-side cryptography. What
stands here in clear is listed, with what it gives away, in the room's README.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData()

subjects: Final = Table(
    "subjects",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("identity_mac", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
    UniqueConstraint("tenant", "identity_mac", name="subjects_identity"),
)

records: Final = Table(
    "records",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("record", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("retention_class", Text, nullable=False),
    Column("clinician", Text, nullable=False),
    Column("visit", Text, nullable=False),
    Column("occurred_at", Text, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("external_ref", LargeBinary, nullable=False),
    Column("content_mac", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    UniqueConstraint("tenant", "external_ref", "version", name="records_external_ref"),
    Index("records_by_id", "tenant", "record", "version", unique=True),
    Index("records_by_visit", "tenant", "visit", "kind"),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("key_mac", LargeBinary, primary_key=True),
    Column("request_mac", LargeBinary, nullable=False),
    Column("subject", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", Text, nullable=False),
    # Erasure takes away the keys of one patient.
    Index("idempotency_keys_by_subject", "tenant", "subject"),
)

index_terms: Final = Table(
    "index_terms",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("column", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("term", LargeBinary, primary_key=True),
    # The subject makes it covering; without it SQLite prefers to walk the whole primary key.
    Index("index_terms_by_term", "tenant", "column", "version", "term", "subject"),
)

index_versions: Final = Table(
    "index_versions",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("column", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("phase", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("started_at", Text, nullable=False),
)

canaries: Final = Table(
    "canaries",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("mark", LargeBinary, primary_key=True),
    Column("marked_at", Text, nullable=False),
)

institutions: Final = Table(
    "institutions",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("province", Text),
    Column("licence_no", Text),
)

staff: Final = Table(
    "staff",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("institution", Text, nullable=False),
    Column("title", Text),
    Column("subject_code", Text),
    Column("practice_no", Text),
    Column("valid_until", Text),
    Column("registered", Boolean, nullable=False),
    Column("id_no", Text),
)

partners: Final = Table(
    "partners",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("credit_code", Text, nullable=False),
    Column("kind", Text, nullable=False),
)

actors: Final = Table(
    "actors",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("person", Text),
    Column("roles", Text, nullable=False),
    Column("partner", Text),
    Column("password_hash", Text),
)

actor_credentials: Final = Table(
    "actor_credentials",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("credential", Text, primary_key=True),
    Column("actor", Text, nullable=False),
)
