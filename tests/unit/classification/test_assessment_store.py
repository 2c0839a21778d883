"""Runs and official evaluations are kept apart, per institution, and never overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlcipher3.dbapi2 as dbapi
from sqlalchemy import create_engine, update
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from classification.adapters.sql_assessment_store import SqlAssessmentStore
from classification.adapters.tables import assessment_runs, metadata
from classification.errors import FactsTampered, RunImmutable, RunUnknown
from classification.ports import StoredRun
from shared_kernel.digests import sha256

AT = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
RUN = StoredRun(
    tenant="t1",
    run_id="run_1",
    at=AT,
    target="示例系统",
    facts=b"facts",
    report=b"report",
    report_digest=str(sha256(b"report")),
    conclusion="undetermined",
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    def connect() -> object:
        raw = dbapi.connect(str(tmp_path / "s.db"), isolation_level=None)
        raw.execute("PRAGMA key=\"x'" + "11" * 32 + "'\"")
        raw.execute("PRAGMA cipher_hmac_algorithm=HMAC_SHA256")
        return raw

    engine = create_engine("sqlite+pysqlite://", creator=connect, module=dbapi, poolclass=NullPool)
    with engine.connect() as opened:
        opened.exec_driver_sql("BEGIN IMMEDIATE")
        metadata.create_all(opened)
        yield opened
        opened.rollback()
    engine.dispose()


def test_a_run_reads_back_byte_for_byte(connection: Connection) -> None:
    """
    The signed bytes are the evidence; columns only repeat them.
    """
    store = SqlAssessmentStore(connection)
    store.add_run(RUN)

    assert store.run("t1", "run_1") == RUN


def test_a_run_is_never_overwritten(connection: Connection) -> None:
    """
    Evidence is added, not replaced.
    """
    store = SqlAssessmentStore(connection)
    store.add_run(RUN)
    with pytest.raises(RunImmutable):
        store.add_run(replace(RUN, report=b"other"))


def test_a_changed_report_is_noticed_on_reading(connection: Connection) -> None:
    """
    Whoever edits the database behind our back is found out before the bytes leave.
    """
    store = SqlAssessmentStore(connection)
    store.add_run(RUN)
    connection.execute(update(assessment_runs).values(report=b"repo-t"))
    with pytest.raises(FactsTampered):
        store.run("t1", "run_1")


def test_another_institution_sees_nothing(connection: Connection) -> None:
    """
    A run of one tenant does not exist for another.
    """
    store = SqlAssessmentStore(connection)
    store.add_run(RUN)

    assert store.runs("t2") == ()
    with pytest.raises(RunUnknown):
        store.run("t2", "run_1")


def test_the_newest_run_comes_first(connection: Connection) -> None:
    """
    The list begins with what matters now, and is limited.
    """
    store = SqlAssessmentStore(connection)
    for day in range(4):
        store.add_run(replace(RUN, run_id=f"run_{day}", at=AT + timedelta(days=day)))

    assert [run.run_id for run in store.runs("t1", limit=3)] == ["run_3", "run_2", "run_1"]


def test_approval_is_given_once(connection: Connection) -> None:
    """
    A second approval could hide who gave the first.
    """
    store = SqlAssessmentStore(connection)
    store.add_run(RUN)
    store.approve("t1", "run_1", "staff:li", AT)

    assert store.run("t1", "run_1").approved_by == "staff:li"
    with pytest.raises(RunImmutable):
        store.approve("t1", "run_1", "staff:wang", AT)
    with pytest.raises(RunUnknown):
        store.approve("t1", "run_9", "staff:wang", AT)


def test_official_evaluations_live_in_their_own_table(connection: Connection) -> None:
    """
    An official evaluation never appears among the runs, nor the other way round.
    """
    store = SqlAssessmentStore(connection)
    store.add_official("t1", "e1", b"doc", AT)

    assert store.official("t1", "e1") == b"doc"
    assert store.runs("t1") == ()
    with pytest.raises(RunImmutable):
        store.add_official("t1", "e1", b"doc2", AT)
    with pytest.raises(RunUnknown):
        store.official("t2", "e1")
