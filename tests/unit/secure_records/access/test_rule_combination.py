"""Several clauses serve one view: the widest fields, the strictest duties, no borrowed condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import decide
from secure_records.access.request import StaffStanding, parse_request
from secure_records.access.rule_set import Conditions
from secure_records.access.vocabulary import Relation, Treatment
from shared_kernel.canonical_json import Json


def grant(clause: str, **keys: Json) -> dict[str, Json]:
    return {
        "clause": clause,
        "kinds": ["prescription"],
        "purposes": ["dispensing"],
        "roles": ["pharmacist"],
        "max_grade": 4,
        **keys,
    }


def test_two_clauses_serve_the_wider_field_under_the_smaller_cap(
    changed: Callable[..., bytes], request_json: Callable[..., Mapping[str, Json]]
) -> None:
    """The most open treatment wins, and the view owes every duty of both clauses."""
    text = changed(
        "pharmacy",
        grants=[
            grant("1", fields={"dx": "mask"}, obligations={"row_cap": 30, "watermark": True}),
            grant("2", fields={"dx": "clear", "lines": "clear"}, obligations={"row_cap": 90}),
        ],
    )
    compiled = compile_agreements((StandingAgreement(agreement=parse_agreement(text)),))

    decision = decide(compiled, parse_request(request_json(partner="demo-pharmacy", fields=[])))

    assert decision.treatment("dx") is Treatment.CLEAR
    assert decision.row_cap == 30
    assert len(decision.obligations) == 2
    assert decision.clauses[:2] == ("pharmacy-dispensing@1 1", "pharmacy-dispensing@1 2")


def test_fields_of_a_staff_clause_need_the_staff(
    changed: Callable[..., bytes], request_json: Callable[..., Mapping[str, Json]]
) -> None:
    """Who is not proven to be staff gets the unconditional clause only, not a mixture."""
    text = changed(
        "pharmacy",
        grants=[
            grant("1", fields={"dx": "clear"}),
            grant("2", fields={"lines": "clear"}, registered_staff=True),
        ],
    )
    compiled = compile_agreements((StandingAgreement(agreement=parse_agreement(text)),))
    request = parse_request(request_json(partner="demo-pharmacy", fields=["dx", "lines"]))
    proven = replace(request, staff=StaffStanding(institution="demo-pharmacy", registered=True))

    assert decide(compiled, request).treatment("lines") is Treatment.WITHHOLD
    assert decide(compiled, request).treatment("dx") is Treatment.CLEAR
    assert decide(compiled, proven).treatment("lines") is Treatment.CLEAR
    assert decide(compiled, proven).treatment("dx") is Treatment.CLEAR


def test_registration_ends_at_its_instant(
    template: Callable[[str], bytes], request_json: Callable[..., Mapping[str, Json]]
) -> None:
    """A registration holds until its end, exclusively."""
    compiled = compile_agreements(
        (StandingAgreement(agreement=parse_agreement(template("pharmacy"))),)
    )
    request = parse_request(request_json(partner="demo-pharmacy"))

    def permit(left: timedelta) -> bool:
        staff = StaffStanding(institution="x", registered=True, valid_until=request.at + left)
        return decide(compiled, replace(request, staff=staff)).permit

    assert permit(timedelta(microseconds=1))
    assert not permit(timedelta(0))


def test_conditions_are_met_only_by_what_meets_them() -> None:
    """A clause for the treating clinician never joins an answer that asks for no relation."""
    treating = Conditions(relation=Relation.TREATING)

    assert Conditions().within(treating)
    assert treating.within(treating)
    assert not treating.within(Conditions())
    assert not treating.within(Conditions(relation=Relation.SELF))
    assert not Conditions(registered_staff=True).within(treating)
