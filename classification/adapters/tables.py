"""In which tables are assessments kept?"""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

assessment_runs = Table(
    "assessment_runs",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("run_id", String(40), primary_key=True),
    Column("at", String(40), nullable=False, index=True),
    Column("target", Text, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("report", LargeBinary, nullable=False),
    Column("report_digest", String(80), nullable=False),
    Column("conclusion", String(40), nullable=False),
    Column("approved_by", String(128)),
    Column("approved_at", String(40)),
)
"""Self-assessments. Bytes are kept as signed; the other columns repeat them for lists."""

official_evaluations = Table(
    "official_evaluations",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("evaluation_id", String(64), primary_key=True),
    Column("stored_at", String(40), nullable=False),
    Column("document", LargeBinary, nullable=False),
)
"""Results of licensed bodies, in a table of their own so that no query can mix the two."""
