"""Accounts are not persons: one person cannot release alone, with however many accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incident.reports.draft import Stage
from incident.triage.severity import Severity
from jinkui.procedures.release_signing import SamePerson, sign_release
from jinkui.wiring.incidents import incident_room
from jinkui.wiring.toolkit import Toolkit
from secure_records.registry.models import RegistryDocument


def give_person(toolkit: Toolkit, account: str, person: str | None) -> None:
    with toolkit.transaction() as unit:
        actor = unit.registry.actor(toolkit.tenant, account)
        institution = unit.registry.institution(toolkit.tenant)
        assert actor is not None
        assert institution is not None
        changed = replace(actor, person=person)
        unit.registry.enter(
            RegistryDocument(
                institution=institution, staff=(), partners=(), actors=(changed,), warnings=()
            )
        )


def drafted(toolkit: Toolkit) -> tuple[str, str]:
    with incident_room(toolkit) as room:
        case = room.desk.open(
            actor="a004",
            summary="演练",
            source="person",
            reporter="a004",
            operators=["other_network_operator"],
        )
        room.desk.grade(
            case.case,
            actor="a004",
            facts={"pi_leaked_persons": 1},
            reason="演练",
            decided=Severity.RELATIVELY_MAJOR,
        )
        draft = room.desk.draft(
            case.case, actor="a004", recipient="provincial_cac", stage=Stage.FIRST
        )
    return case.case, draft.draft_id


def test_two_persons_release(toolkit: Toolkit) -> None:
    """
    The first signature waits, the second person's releases.
    """
    case, draft = drafted(toolkit)

    assert sign_release(toolkit, case, draft, "a005").release is None
    assert sign_release(toolkit, case, draft, "a006").release is not None


def test_one_person_with_two_accounts_does_not(toolkit: Toolkit) -> None:
    """
    The register says that both accounts are one human's: the second signature is refused.
    """
    give_person(toolkit, "a006", "SYN-A005")
    case, draft = drafted(toolkit)
    sign_release(toolkit, case, draft, "a005")

    with pytest.raises(SamePerson):
        sign_release(toolkit, case, draft, "a006")


def test_the_drafter_signs_under_no_account(toolkit: Toolkit) -> None:
    """
    Who wrote the report is behind no signature on it.
    """
    give_person(toolkit, "a005", "SYN-A004")
    case, draft = drafted(toolkit)

    with pytest.raises(SamePerson):
        sign_release(toolkit, case, draft, "a005")


def test_an_account_of_nobody_signs_nothing(toolkit: Toolkit) -> None:
    """
    A machine account is no pair of eyes.
    """
    give_person(toolkit, "a005", None)
    case, draft = drafted(toolkit)

    with pytest.raises(SamePerson):
        sign_release(toolkit, case, draft, "a005")
