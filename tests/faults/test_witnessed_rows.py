"""What the audit log witnessed cannot be taken back in the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from incident.errors import HistoryBroken
from jinkui.procedures.demonstration.stage import DATA_OFFICER, prepare
from jinkui.wiring.incidents import incident_room
from jinkui.wiring.toolkit import Toolkit
from secure_records.access.errors import AgreementTampered
from shared_kernel.digests import sha256


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Toolkit]:
    toolkit, _ = prepare(tmp_path / "home", patients=12, visits=20)
    with toolkit:
        yield toolkit


def opened(house: Toolkit) -> str:
    with incident_room(house) as room:
        case = room.desk.open(
            actor=DATA_OFFICER,
            summary="演练",
            source="person",
            reporter=DATA_OFFICER,
            operators=["pi_handler"],
        )
    return case.case


def run(house: Toolkit, sql: str) -> None:
    with house.transaction() as unit:
        unit.connection.exec_driver_sql(sql)


def test_a_deleted_last_event_is_missed(house: Toolkit) -> None:
    """
    Cutting the tail of a case would stop a clock: the log still knows the event.
    """
    case = opened(house)
    with incident_room(house) as room:
        room.desk.grade(case, actor=DATA_OFFICER, facts={"pi_leaked_persons": 1}, reason="演练")
    run(house, "DELETE FROM incident_case_events WHERE seq = 2")

    with pytest.raises(HistoryBroken), incident_room(house) as room:
        room.desk.case(case)


def test_a_deleted_case_is_missed(house: Toolkit) -> None:
    """
    A case that is gone is not "no case": the first page refuses instead of showing nothing.
    """
    opened(house)
    run(house, "DELETE FROM incident_case_events")

    with pytest.raises(HistoryBroken), incident_room(house) as room:
        room.desk.status()


def test_a_widened_agreement_decides_nothing(house: Toolkit) -> None:
    """
    Text and digest rewritten together: the log witnessed another digest.
    """
    with house.reading() as unit:
        [row] = [r for r in unit.agreements.list() if r.partner == "demo-pharmacy"]
        house.policy(unit)
    with house.transaction() as unit:
        unit.connection.exec_driver_sql(
            "UPDATE agreements SET digest = ? WHERE agreement_id = ?",
            (str(sha256(b"widened")), row.id),
        )

    with house.reading() as unit, pytest.raises(AgreementTampered):
        house.policy(unit)
