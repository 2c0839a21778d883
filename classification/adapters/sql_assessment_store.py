"""How are runs and official evaluations kept so that neither can be overwritten?

Takes the open connection of the surrounding transaction and never commits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row

from classification.adapters.tables import assessment_runs as runs_table
from classification.adapters.tables import official_evaluations as official_table
from classification.errors import FactsTampered, RunImmutable, RunUnknown
from classification.ports import RunSummary, StoredRun
from shared_kernel.digests import sha256
from shared_kernel.instants import instant_text, parse_instant


class SqlAssessmentStore:
    """Implements ``AssessmentStore`` over SQLAlchemy."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_run(self, run: StoredRun) -> None:
        """See ``AssessmentStore``."""
        if self._row(run.tenant, run.run_id) is not None:
            raise RunImmutable(f"run {run.run_id} is already stored", where="run_id")
        self._connection.execute(
            insert(runs_table).values(
                tenant=run.tenant,
                run_id=run.run_id,
                at=instant_text(run.at),
                target=run.target,
                facts=run.facts,
                report=run.report,
                report_digest=run.report_digest,
                conclusion=run.conclusion,
                approved_by=run.approved_by,
                approved_at=None if run.approved_at is None else instant_text(run.approved_at),
            )
        )

    def run(self, tenant: str, run_id: str) -> StoredRun:
        """See ``AssessmentStore``; the stored digest is recomputed before anything leaves.

        Raises:
            FactsTampered: the stored report is not the one that was stored.
        """
        row = self._row(tenant, run_id)
        if row is None:
            raise RunUnknown(f"no run {run_id}", where="run_id")
        if str(sha256(row.report)) != row.report_digest:
            raise FactsTampered(f"the stored report of {run_id} has changed", where=run_id)
        return StoredRun(
            tenant=row.tenant,
            run_id=row.run_id,
            at=parse_instant(row.at, "at"),
            target=row.target,
            facts=row.facts,
            report=row.report,
            report_digest=row.report_digest,
            conclusion=row.conclusion,
            approved_by=row.approved_by,
            approved_at=(
                None if row.approved_at is None else parse_instant(row.approved_at, "approved_at")
            ),
        )

    def runs(self, tenant: str, limit: int = 50) -> tuple[RunSummary, ...]:
        """See ``AssessmentStore``."""
        table = runs_table.c
        query = (
            select(
                table.run_id,
                table.at,
                table.target,
                table.report_digest,
                table.conclusion,
                table.approved_by,
            )
            .where(table.tenant == tenant)
            .order_by(table.at.desc(), table.run_id.desc())
            .limit(limit)
        )
        return tuple(
            RunSummary(
                run_id=row.run_id,
                at=parse_instant(row.at, "at"),
                target=row.target,
                report_digest=row.report_digest,
                conclusion=row.conclusion,
                approved_by=row.approved_by,
            )
            for row in self._connection.execute(query)
        )

    def approve(self, tenant: str, run_id: str, actor: str, at: datetime) -> None:
        """See ``AssessmentStore``."""
        row = self._row(tenant, run_id)
        if row is None:
            raise RunUnknown(f"no run {run_id}", where="run_id")
        if row.approved_by is not None:
            raise RunImmutable(f"run {run_id} is already approved", where="run_id")
        self._connection.execute(
            update(runs_table)
            .where(runs_table.c.tenant == tenant, runs_table.c.run_id == run_id)
            .values(approved_by=actor, approved_at=instant_text(at))
        )

    def add_official(self, tenant: str, evaluation_id: str, document: bytes, at: datetime) -> None:
        """See ``AssessmentStore``."""
        if self._official(tenant, evaluation_id) is not None:
            raise RunImmutable(f"evaluation {evaluation_id} is already stored", where="id")
        self._connection.execute(
            insert(official_table).values(
                tenant=tenant,
                evaluation_id=evaluation_id,
                stored_at=instant_text(at),
                document=document,
            )
        )

    def official(self, tenant: str, evaluation_id: str) -> bytes:
        """See ``AssessmentStore``."""
        row = self._official(tenant, evaluation_id)
        if row is None:
            raise RunUnknown(f"no official evaluation {evaluation_id}", where="id")
        return bytes(row.document)

    def _row(self, tenant: str, run_id: str) -> Row[tuple[object, ...]] | None:
        table = runs_table.c
        query = select(runs_table).where(table.tenant == tenant, table.run_id == run_id)
        return self._connection.execute(query).one_or_none()

    def _official(self, tenant: str, evaluation_id: str) -> Row[tuple[object, ...]] | None:
        table = official_table.c
        query = select(official_table).where(
            table.tenant == tenant, table.evaluation_id == evaluation_id
        )
        return self._connection.execute(query).one_or_none()
