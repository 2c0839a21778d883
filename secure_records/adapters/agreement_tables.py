"""In which table do applied agreements stand?"""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

agreements = Table(
    "agreements",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("partner", Text, nullable=False),
    Column("document", LargeBinary, nullable=False, comment="YAML exactly as handed in"),
    Column("digest", Text, nullable=False, comment="sha256 of the canonical bytes"),
    Column("applied_at", Text, nullable=False),
    Column("applied_by", Text, nullable=False),
    Column("ended_at", Text, nullable=True),
)
