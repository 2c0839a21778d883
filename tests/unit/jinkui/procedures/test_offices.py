"""Who may do what is a row; everything else is nobody's office."""

from __future__ import annotations

import pytest

from jinkui.procedures.offices import NotYourOffice, offices, require_office, suitable_role
from jinkui.wiring.toolkit import Toolkit
from secure_records.access.internal_roles import internal_roles
from secure_records.audit.trail import TrailQuery, find_entries
from secure_records.models import Caller

ADMINISTRATORS = ("system_admin", "security_admin", "audit_admin")


def entries(toolkit: Toolkit) -> int:
    with toolkit.reading() as unit:
        return unit.log.size()


def test_a_partner_holds_no_office(toolkit: Toolkit) -> None:
    """
    Even with a fitting role name, an account of a partner is refused, and it is noted.
    """
    for act, roles in offices().items():
        before = entries(toolkit)
        caller = Caller(actor="x001", role=min(roles), partner="demo-pharmacy")

        with pytest.raises(NotYourOffice):
            require_office(toolkit, caller, act)

        assert entries(toolkit) == before + 1
        with toolkit.reading() as unit:
            query = TrailQuery(actor="x001", limit=1, newest_first=True)
            [entry] = find_entries(unit.audit_store, query).entries
        assert (entry.action, entry.decision) == (act, "deny")


def test_an_act_that_is_not_listed_is_nobodys(toolkit: Toolkit) -> None:
    """
    Missing means denied.
    """
    with pytest.raises(NotYourOffice):
        require_office(toolkit, Caller(actor="a002", role="security_admin"), "never.listed")


def test_a_held_office_is_not_noted_twice(toolkit: Toolkit) -> None:
    """
    A permitted act leaves its own entry later; the check adds none.
    """
    before = entries(toolkit)

    require_office(toolkit, Caller(actor="a002", role="security_admin"), "agreement.apply")

    assert entries(toolkit) == before


def test_only_releasers_release() -> None:
    """
    The release of a report is an office of its own, held by no administrator.
    """
    assert offices()["incident.release"] == {"releaser"}


def test_the_auditor_changes_nothing() -> None:
    """
    The audit administrator looks; accounts, agreements, intake and cases are others' offices.
    """
    changing = (
        "registry.enter",
        "agreement.apply",
        "agreement.end",
        "record.intake",
        "incident.work",
    )

    assert all("audit_admin" not in offices()[act] for act in changing)


def test_the_system_administrator_grants_no_access() -> None:
    """
    Who keeps the machines does not decide who sees patients.
    """
    granting = ("agreement.apply", "agreement.end", "incident.release", "audit.trail")

    assert all("system_admin" not in offices()[act] for act in granting)
    assert all(not internal_roles()[role].reads_records for role in ADMINISTRATORS)


def test_the_first_suitable_role_is_taken() -> None:
    """
    An account with several roles acts in the one that holds the office.
    """
    held = ("quality_control", "data_protection_officer")

    assert suitable_role("agreement.apply", held) == "data_protection_officer"
    assert suitable_role("registry.enter", held) is None
