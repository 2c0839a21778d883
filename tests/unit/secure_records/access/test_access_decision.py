"""Default deny, a prohibition wins, and each answer names its clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import CompiledRules, compile_agreements
from secure_records.access.decision import decide
from secure_records.access.outcome import Decision
from secure_records.access.request import parse_request
from secure_records.access.vocabulary import ObligationKind, Treatment
from shared_kernel.canonical_json import Json
from shared_kernel.instants import parse_instant

Ask = Callable[..., Decision]


@pytest.fixture
def compiled(template: Callable[[str], bytes]) -> CompiledRules:
    """The published templates, all applied."""
    names = ("pharmacy", "insurer", "cloud_operator", "medical_alliance")
    return compile_agreements(
        (StandingAgreement(agreement=parse_agreement(template(name))) for name in names),
        frozenset({"idle-partner"}),
    )


@pytest.fixture
def ask(compiled: CompiledRules, request_json: Callable[..., Mapping[str, Json]]) -> Ask:
    """Ask as the pharmacist of the demo pharmacy, with some keys replaced."""
    return lambda **keys: decide(
        compiled, parse_request(request_json(**{"partner": "demo-pharmacy", **keys}))
    )


def codes(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons}


def test_pharmacy_sees_name_and_number_masked(ask: Ask) -> None:
    """The demo pharmacy reads a prescription with masked name and identity number."""
    decision = ask()

    assert decision.permit
    assert decision.fields == {
        "patient.name": Treatment.MASK,
        "patient.id_no": Treatment.MASK,
        "lines": Treatment.CLEAR,
    }
    assert decision.clauses == ("pharmacy-dispensing@1 第三条第一款",)
    assert decision.row_cap == 50
    assert ObligationKind.WATERMARK in {duty.kind for duty in decision.obligations}


def test_pharmacy_is_refused_chat_transcripts(ask: Ask) -> None:
    """A forbidden kind is refused with the clause that forbids it."""
    decision = ask(kind="chat_transcript", fields=[])

    assert not decision.permit
    assert codes(decision) == {"kind.forbidden"}
    assert decision.clauses == ("pharmacy-dispensing@1 第四条第一款",)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"at": "2024-12-31T23:59:59+08:00"}, "agreement.not_yet_in_force"),
        ({"at": "2029-01-01T00:00:00+08:00"}, "agreement.expired"),
        ({"at": "2029-01-01T00:00:00+08:00", "kind": "chat_transcript"}, "agreement.expired"),
        ({"purpose": "quality_control"}, "purpose.not_agreed"),
        ({"purpose": "profit"}, "purpose.unknown"),
        ({"purpose": "research"}, "kind.forbidden"),
        ({"role": "manager"}, "role.not_agreed"),
        ({"role": "courier_desk"}, "combination.not_agreed"),
        ({"kind": "outpatient_record"}, "kind.not_agreed"),
        ({"grade": 5}, "grade.too_high"),
        ({"grade": None}, "grade.too_high"),
        ({"partner": "stranger"}, "partner.unknown"),
        ({"partner": "idle-partner"}, "no_agreement"),
        ({"partner": "demo-insurer"}, "purpose.not_agreed"),
        ({"fields": ["patient.ethnic"]}, "field.forbidden"),
        ({"fields": ["provenance"]}, "field.not_agreed"),
        ({"staff": {"institution": "x", "registered": False}}, "staff.not_registered"),
        (
            {"staff": {"institution": "x", "registered": True, "valid_until": "2026-02-28"}},
            "staff.lapsed",
        ),
    ],
)
def test_each_refusal_has_its_code(keys: Mapping[str, Json], code: str, ask: Ask) -> None:
    """Every denial says which rule denied, in both languages, with a clause or the law."""
    decision = ask(**keys)

    assert not decision.permit
    assert code in codes(decision)
    assert all(reason.text and reason.text_en and reason.clause for reason in decision.reasons)
    assert set(decision.fields.values()) <= {Treatment.WITHHOLD}
    assert decision.unnamed is Treatment.WITHHOLD


@pytest.mark.parametrize(
    ("at", "permit"),
    [
        ("2025-01-01T00:00:00+08:00", True),
        ("2024-12-31T23:59:59.999999+08:00", False),
        ("2028-12-31T23:59:59.999999+08:00", True),
        ("2029-01-01T00:00:00+08:00", False),
        ("2028-12-31T16:00:00Z", False),
    ],
)
def test_term_holds_from_first_to_last_moment(at: str, permit: bool, ask: Ask) -> None:
    """The first day begins and the last day ends at midnight in China."""
    assert ask(at=at).permit is permit


def test_field_nobody_agreed_on_is_withheld_and_the_rest_served(ask: Ask) -> None:
    """One field too many does not refuse the request, it is only not shown."""
    decision = ask(fields=["lines", "provenance", "history"])

    assert decision.permit
    assert decision.treatment("lines") is Treatment.CLEAR
    assert decision.treatment("provenance") is Treatment.WITHHOLD
    assert {"field.not_agreed", "field.forbidden"} <= codes(decision)


def test_no_fields_means_all_that_the_clauses_name(ask: Ask) -> None:
    """An open request gets the agreed fields and nothing beside them."""
    decision = ask(fields=[])

    assert decision.treatment("lines") is Treatment.CLEAR
    assert decision.treatment("history") is Treatment.WITHHOLD
    assert decision.treatment("anything_new") is Treatment.WITHHOLD


def test_operator_needs_registered_staff_of_the_partner(ask: Ask) -> None:
    """Where a clause asks for registered staff, an unproven or foreign person is refused."""
    keys: dict[str, Json] = {
        "partner": "demo-cloud", "role": "operator", "purpose": "operation_support",
        "fields": ["visit"],
    }  # fmt: skip
    own = {"institution": "91440300MA5F00003G", "registered": True}

    assert ask(**keys, staff=own).permit
    assert codes(ask(**keys, staff=None)) == {"staff.unknown"}
    assert codes(ask(**keys, staff={**own, "institution": "elsewhere"})) == {
        "staff.wrong_institution"
    }


def test_ended_agreement_shows_nothing_more(template: Callable[[str], bytes], request_json: Callable[..., Mapping[str, Json]]) -> None:  # fmt: skip
    """From the instant of ending on, everything is refused; before it, nothing changes."""
    ended = parse_instant("2026-03-01T00:00:00Z", "ended")
    standing = StandingAgreement(agreement=parse_agreement(template("pharmacy")), ended_at=ended)
    compiled = compile_agreements((standing,))
    request = parse_request(request_json(partner="demo-pharmacy"))

    assert codes(decide(compiled, replace(request, at=ended))) == {"agreement.terminated"}
    before = parse_instant("2026-02-28T23:59:59Z", "before")
    assert decide(compiled, replace(request, at=before)).permit


def test_newest_begun_version_speaks_alone(changed: Callable[..., bytes], request_json: Callable[..., Mapping[str, Json]]) -> None:  # fmt: skip
    """A new version replaces the old one when it begins; the old one does not revive after it."""
    second = changed("pharmacy", version=2, term={"from": "2026-02-01", "until": "2026-02-28"})
    compiled = compile_agreements(
        StandingAgreement(agreement=parse_agreement(text)) for text in (second, changed("pharmacy"))
    )

    def ask(at: str) -> Decision:
        return decide(compiled, parse_request(request_json(partner="demo-pharmacy", at=at)))

    assert ask("2026-01-31T12:00:00+08:00").agreement == "pharmacy-dispensing@1"
    assert ask("2026-02-15T12:00:00+08:00").agreement == "pharmacy-dispensing@2"
    assert codes(ask("2026-03-15T12:00:00+08:00")) == {"agreement.expired"}


def test_prohibition_of_another_agreement_wins(changed: Callable[..., bytes], request_json: Callable[..., Mapping[str, Json]]) -> None:  # fmt: skip
    """What one agreement in force with a partner forbids, no other one allows."""
    other = changed(
        "pharmacy", id="pharmacy-other", prohibitions=[{"clause": "9", "fields": ["lines"]}]
    )
    compiled = compile_agreements(
        StandingAgreement(agreement=parse_agreement(text)) for text in (changed("pharmacy"), other)
    )

    decision = decide(
        compiled, parse_request(request_json(partner="demo-pharmacy", fields=["lines"]))
    )

    assert not decision.permit
    assert "pharmacy-other@1 9" in decision.clauses


def test_instant_without_offset_denies_and_says_so(compiled: CompiledRules, request_json: Callable[..., Mapping[str, Json]]) -> None:  # fmt: skip
    """What cannot be evaluated is refused, not guessed."""
    request = parse_request(request_json(partner="demo-pharmacy"))

    decision = decide(compiled, replace(request, at=datetime(2026, 3, 1)))  # noqa: DTZ001

    assert codes(decision) == {"rule.unevaluable"}
    assert not decision.permit


def test_echoed_words_are_short_and_printable(ask: Ask) -> None:
    """Words of a request that end in logs carry no control characters."""
    [reason] = [
        item for item in ask(role="a\n" + "b" * 150).reasons if item.code == "role.not_agreed"
    ]

    assert "\n" not in reason.text
    assert len(reason.text) < 120
