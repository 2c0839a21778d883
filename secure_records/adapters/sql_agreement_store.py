"""How do applied agreements live in SQL, inside the caller's transaction?"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from secure_records.access.ports import AgreementSummary, StoredAgreement
from secure_records.adapters.agreement_tables import agreements
from secure_records.adapters.driver_sql import DriverSql, Row
from shared_kernel.instants import instant_text, parse_instant

_SUMMARY = (
    agreements.c.agreement_id,
    agreements.c.version,
    agreements.c.partner,
    agreements.c.digest,
    agreements.c.applied_at,
    agreements.c.applied_by,
    agreements.c.ended_at,
)

# Asked in every transaction that decides anything.
_LIST: Final = (
    "SELECT agreement_id, version, partner, digest, applied_at, applied_by, ended_at"
    " FROM agreements WHERE tenant = ? ORDER BY agreement_id, version"
)


class SqlAgreementStore:
    """``AgreementStore`` of one tenant over an open connection; never commits."""

    __slots__ = ("_connection", "_sql", "_tenant")

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._sql = DriverSql(connection)
        self._tenant = tenant

    def apply(self, agreement: StoredAgreement) -> None:
        """Add one version."""
        summary = agreement.summary
        self._connection.execute(
            insert(agreements).values(
                tenant=self._tenant,
                agreement_id=summary.id,
                version=summary.version,
                partner=summary.partner,
                document=agreement.text,
                digest=summary.digest,
                applied_at=instant_text(summary.applied_at),
                applied_by=summary.applied_by,
                ended_at=None if summary.ended_at is None else instant_text(summary.ended_at),
            )
        )

    def end(self, agreement_id: str, ended_at: datetime) -> int:
        """End every version that has not ended."""
        changed = self._connection.execute(
            update(agreements)
            .where(
                agreements.c.tenant == self._tenant,
                agreements.c.agreement_id == agreement_id,
                agreements.c.ended_at.is_(None),
            )
            .values(ended_at=instant_text(ended_at))
        )
        return changed.rowcount

    def list(self) -> tuple[AgreementSummary, ...]:
        """Every version, by id and version."""
        return tuple(_summary(row) for row in self._sql.rows(_LIST, (self._tenant,)))

    def load_all(self) -> tuple[StoredAgreement, ...]:
        """Every version with its text, by id and version."""
        rows = self._connection.execute(
            select(*_SUMMARY, agreements.c.document)
            .where(agreements.c.tenant == self._tenant)
            .order_by(agreements.c.agreement_id, agreements.c.version)
        )
        return tuple(
            StoredAgreement(summary=_summary(row[:-1]), text=bytes(row[-1])) for row in rows
        )


def _summary(row: Row) -> AgreementSummary:
    agreement, version, partner, digest, applied_at, applied_by, ended = row
    return AgreementSummary(
        id=agreement,
        version=version,
        partner=partner,
        digest=digest,
        applied_at=parse_instant(applied_at, "applied_at"),
        applied_by=applied_by,
        ended_at=None if ended is None else parse_instant(ended, "ended_at"),
    )
