"""In which tables do cases live?

Tenant first in every key; nothing is ever updated except the state of a delivery.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

case_events = Table(
    "incident_case_events",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("event_at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("journal_index", BigInteger, nullable=False),
)

deliveries = Table(
    "incident_deliveries",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("batch_id", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("to_guardian", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Text, nullable=False),
)
