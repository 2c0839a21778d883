"""A yes holds for its recipient and purpose until it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import decide
from secure_records.access.errors import AccessRequestMalformed
from secure_records.access.outcome import Decision
from secure_records.access.request import parse_request
from shared_kernel.canonical_json import Json

Ask = Callable[[Sequence[Json]], Decision]
GIVEN = "2026-01-01T00:00:00Z"


@pytest.fixture
def claim(request_json: Callable[..., dict[str, Json]]) -> dict[str, Json]:
    """A claims examiner's request."""
    return request_json(
        partner="demo-insurer",
        role="claims_examiner",
        purpose="claims_settlement",
        fields=["lines"],
    )


@pytest.fixture
def ask(template: Callable[[str], bytes], claim: dict[str, Json]) -> Ask:
    """Ask under the insurer template with these consents."""
    compiled = compile_agreements(
        (StandingAgreement(agreement=parse_agreement(template("insurer"))),)
    )
    return lambda consents: decide(
        compiled, parse_request({**claim, "subject_consents": list(consents)})
    )


def separate(**keys: Json) -> Json:
    return {"kind": "separate_provision", "partner": "demo-insurer", "given_at": GIVEN, **keys}


def test_both_separate_consents_open_the_record(ask: Ask) -> None:
    """Provision needs the consent to this recipient and the one for sensitive data."""
    assert ask([separate(), "sensitive"]).permit
    assert ask(["separate_provision", "sensitive"]).permit
    assert ask([separate(partner="91310000MA1FL0002W"), "sensitive"]).permit


@pytest.mark.parametrize(
    ("consents", "code", "law"),
    [
        ([], "consent.missing", "第二十三条"),
        (["sensitive", "general"], "consent.missing", "第二十三条"),
        ([separate(), "general"], "consent.missing", "第二十九条"),
        ([separate(partner="demo-pharmacy"), "sensitive"], "consent.missing", "第二十三条"),
        ([separate(purpose="research"), "sensitive"], "consent.missing", "第二十三条"),
        ([separate(given_at="2026-03-02T00:00:00Z"), "sensitive"], "consent.missing", "第二十三条"),
        ([separate(withdrawn_at="2026-03-01T01:00:00Z"), "sensitive"], "consent.withdrawn", "第十五条"),
        ([separate(expires_at="2026-03-01T01:00:00Z"), "sensitive"], "consent.expired", "第十四条"),
    ],
)  # fmt: skip
def test_without_its_consent_nothing_is_shown(
    consents: Sequence[Json], code: str, law: str, ask: Ask
) -> None:
    """The refusal names the consent that lacks, the clause and the article."""
    decision = ask(consents)

    assert not decision.permit
    found = [reason for reason in decision.reasons if reason.code == code]
    assert any(reason.law is not None and reason.law.clause == law for reason in found)
    assert all(reason.clause == "insurer-claims@1 第五条" for reason in found)


def test_withdrawal_reaches_older_general_consents(ask: Ask) -> None:
    """Who takes back the consent to a recipient is not served under an older unlimited one."""
    withdrawn = separate(withdrawn_at="2026-02-01T00:00:00Z")

    assert not ask(["separate_provision", withdrawn, "sensitive"]).permit


def test_consent_given_again_counts(ask: Ask) -> None:
    """After a withdrawal a later yes opens again; one of the same instant does not."""
    withdrawn = separate(withdrawn_at="2026-02-01T00:00:00Z")

    assert ask([withdrawn, separate(given_at="2026-02-02T00:00:00Z"), "sensitive"]).permit
    assert not ask([withdrawn, separate(given_at="2026-02-01T00:00:00Z"), "sensitive"]).permit


def test_expiry_ends_only_its_own_consent(ask: Ask) -> None:
    """A consent that ran out says nothing about another one."""
    expired = separate(expires_at="2026-02-01T00:00:00Z")

    assert ask([expired, separate(), "sensitive"]).permit


def test_withdrawal_towards_another_partner_does_not_count(ask: Ask) -> None:
    """Each recipient has its own yes and its own no."""
    other = separate(partner="demo-cloud", withdrawn_at="2026-02-01T00:00:00Z")

    assert ask([separate(), other, "sensitive"]).permit


def test_provision_owes_consent_even_if_the_document_is_silent(
    changed: Callable[..., bytes], claim: Mapping[str, Json]
) -> None:
    """Article 23 holds without being written down."""
    silent = parse_agreement(changed("insurer", consent={"basis": "contract"}))
    compiled = compile_agreements((StandingAgreement(agreement=silent),))

    decision = decide(compiled, parse_request(claim))

    assert [reason.code for reason in decision.reasons] == ["consent.missing"]


def test_consent_without_offset_is_unevaluable(
    template: Callable[[str], bytes], claim: dict[str, Json]
) -> None:
    """A consent whose time cannot be placed opens nothing."""
    compiled = compile_agreements(
        (StandingAgreement(agreement=parse_agreement(template("insurer"))),)
    )
    request = parse_request({**claim, "subject_consents": ["sensitive", "separate_provision"]})
    naive = tuple(
        replace(fact, given_at=datetime(2026, 1, 1))  # noqa: DTZ001
        for fact in request.subject_consents
    )

    decision = decide(compiled, replace(request, subject_consents=naive))

    assert {reason.code for reason in decision.reasons} == {"rule.unevaluable"}


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ({"colour": 1}, "$"),
        ({"at": "2026-03-01"}, "$.at"),
        ({"at": None}, "$.at"),
        ({"at": "2026-03-01T00:00:00"}, "$.at"),
        ({"grade": 6}, "$.grade"),
        ({"grade": "4"}, "$.grade"),
        ({"grade": True}, "$.grade"),
        ({"actor": ""}, "$.actor"),
        ({"role": 3}, "$.role"),
        ({"fields": "lines"}, "$.fields"),
        ({"fields": ["a", "a"]}, "$.fields"),
        ({"fields": ["a"] * 301}, "$.fields"),
        ({"fields": [1]}, "$.fields[0]"),
        ({"subject_consents": ["maybe"]}, "$.subject_consents[0]"),
        ({"subject_consents": [{"kind": "general", "scope": "x"}]}, "$.subject_consents[0]"),
        ({"subject_consents": [separate(withdrawn_at="2025-01-01T00:00:00Z")]}, "$.subject_consents[0].withdrawn_at"),
        ({"staff": {"institution": "x", "registered": "yes"}}, "$.staff.registered"),
        ({"staff": {"registered": True}}, "$.staff.institution"),
        ({"staff": {"institution": "x", "registered": True, "valid_until": "soon"}}, "$.staff.valid_until"),
        ({"staff": True}, "$.staff"),
        ({"relation": "friend"}, "$.relation"),
    ],
)  # fmt: skip
def test_malformed_requests_are_refused_by_path(
    keys: Mapping[str, Json], where: str, request_json: Callable[..., dict[str, Json]]
) -> None:
    """A request is read whole or not at all."""
    with pytest.raises(AccessRequestMalformed) as caught:
        parse_request(request_json(**keys))

    assert caught.value.where == where


def test_request_must_be_an_object() -> None:
    """A list is no request."""
    with pytest.raises(AccessRequestMalformed):
        parse_request(["actor"])
