"""The hospital's own people see what their role allows, and administrators see no records."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import AccessPolicy, decide_internal
from secure_records.access.internal_roles import (
    compiled_internal_roles,
    internal_roles,
    roles_in_conflict,
)
from secure_records.access.masking import apply_decision
from secure_records.access.outcome import Decision
from secure_records.access.request import parse_request
from secure_records.access.vocabulary import Treatment, purposes
from secure_records.kinds.catalogue import KINDS
from shared_kernel.canonical_json import Json

ADMINISTRATORS = ("system_admin", "security_admin", "audit_admin")
REGISTERED = {"institution": "12340100490000001M", "registered": True}


@pytest.fixture
def ask(request_json: Callable[..., Mapping[str, Json]]) -> Callable[..., Decision]:
    """Ask as a treating clinician, with some keys replaced."""
    base: dict[str, Json] = {
        "role": "clinician", "purpose": "treatment", "fields": [],
        "relation": "treating", "staff": REGISTERED,
    }  # fmt: skip
    return lambda **keys: decide_internal(
        compiled_internal_roles(), parse_request(request_json(**{**base, **keys}))
    )


def test_treating_clinician_reads_everything(ask: Callable[..., Decision]) -> None:
    """Own visits are open, up to the highest grade."""
    decision = ask(grade=5)

    assert decision.permit
    assert decision.treatment("patient.name") is Treatment.CLEAR
    assert decision.agreement is None
    assert decision.policy.startswith("sha256:")


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"relation": None}, "relation.unproven"),
        ({"relation": "self"}, "relation.unproven"),
        ({"staff": None}, "staff.unknown"),
        ({"staff": {**REGISTERED, "registered": False}}, "staff.not_registered"),
        ({"purpose": "research"}, "purpose.not_agreed"),
        ({"role": "cleaner"}, "role.unknown"),
        ({"role": "pharmacist", "purpose": "dispensing", "grade": 5}, "grade.too_high"),
        ({"role": "patient", "purpose": "patient_request", "relation": None}, "relation.unproven"),
    ],
)
def test_internal_refusals_have_codes(
    keys: Mapping[str, Json], code: str, ask: Callable[..., Decision]
) -> None:
    """Being inside the hospital permits nothing by itself."""
    decision = ask(**keys)

    assert not decision.permit
    assert code in {reason.code for reason in decision.reasons}


@pytest.mark.parametrize("role", ADMINISTRATORS)
@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("purpose", sorted(purposes()))
def test_no_administrator_reads_a_record(
    role: str, kind: str, purpose: str, ask: Callable[..., Decision]
) -> None:
    """None of the three administrators sees a body, for whatever purpose (三员分立)."""
    decision = ask(role=role, kind=kind, purpose=purpose)

    assert not decision.permit
    assert [reason.code for reason in decision.reasons] == ["kind.forbidden"]


def test_nobody_holds_two_administrator_roles() -> None:
    """Every pair of the three is a conflict; other roles may be joined."""
    assert len(roles_in_conflict(ADMINISTRATORS)) == 3
    assert roles_in_conflict(("clinician", "quality_control", "audit_admin")) == ()
    assert all(not internal_roles()[role].reads_records for role in ADMINISTRATORS)


def test_quality_control_sees_no_full_identity(ask: Callable[..., Decision]) -> None:
    """Quality is judged on the record, not on the person."""
    decision = ask(role="quality_control", purpose="quality_control", relation=None)
    view: dict[str, Json] = {
        "patient.name": "张小明", "patient.id_no": "11010119900307123X",
        "patient.phone": "13800001234", "dx": [], "rx_no": "1",
    }  # fmt: skip

    visible, masked, withheld = apply_decision(view, decision)

    assert masked == ("patient.name", "patient.id_no")
    assert withheld == ("patient.phone",)
    assert "小明" not in str(dict(visible))


def test_every_role_names_kinds_and_fields_that_exist() -> None:
    """A misspelt field in the data would silently be shown."""
    text = (internal_roles(), compiled_internal_roles().digest)
    known = {name for kind in KINDS.values() for name in kind.agreed_fields}

    rules = [rule for found in compiled_internal_roles()._index.values() for rule in found]

    assert text
    assert {name for rule in rules for name in rule.fields} <= known
    assert {kind for rule in rules for kind in rule.kinds} <= set(KINDS)


def test_policy_front_keeps_partners_and_people_apart(
    request_json: Callable[..., Mapping[str, Json]],
) -> None:
    """A partner cannot borrow a role of the hospital, nor the hospital a partner's."""
    policy = AccessPolicy(compile_agreements(()), compiled_internal_roles())
    request = request_json(
        role="records_officer", purpose="patient_request", fields=[], partner="demo-pharmacy"
    )

    assert not policy.decide(parse_request(request)).permit
    assert policy.decide(parse_request({**request, "partner": None})).permit
    assert not policy.decide(parse_request(request_json())).permit
