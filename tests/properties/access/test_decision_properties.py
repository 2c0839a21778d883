"""More agreement never shows less; less agreement, time or consent never shows more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_records.access.agreement import (
    Agreement,
    AgreementDocument,
    Consent,
    Grant,
    Prohibition,
    StandingAgreement,
)
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import decide
from secure_records.access.outcome import Decision
from secure_records.access.request import AccessRequest, ConsentFact
from secure_records.access.vocabulary import ConsentKind, Treatment
from shared_kernel.grades import Grade

ROOT = Path(__file__).parents[3]
PHARMACY = parse_agreement((ROOT / "config/examples/agreements/pharmacy.yaml").read_bytes())

KINDS = ("prescription", "chat_transcript")
PURPOSES = ("dispensing", "delivery")
ROLES = ("pharmacist", "courier_desk")
FIELDS = ("patient.name", "lines", "dx")
SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


def some(words: tuple[str, ...], least: int = 1) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(words), min_size=least, unique=True).map(tuple)


grants = st.builds(
    Grant,
    clause=st.sampled_from(("1", "2", "3")),
    kinds=some(KINDS),
    purposes=some(PURPOSES),
    roles=some(ROLES),
    max_grade=st.integers(1, 5),
    fields=st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(Treatment), min_size=1),
    registered_staff=st.booleans(),
)
bans = st.builds(
    Prohibition,
    clause=st.just("9"),
    kinds=some(KINDS),
    fields=some(FIELDS, 0),
    purposes=some(PURPOSES, 0),
    roles=some(ROLES, 0),
)
documents = st.builds(
    lambda clauses, forbidding, consents: msgspec.structs.replace(
        PHARMACY.document,
        grants=tuple(clauses),
        prohibitions=tuple(forbidding),
        consent=Consent(requires=consents),
    ),
    st.lists(grants, max_size=4),
    st.lists(bans, max_size=2),
    st.lists(st.sampled_from(ConsentKind), unique=True, max_size=2).map(tuple),
)
instants = st.datetimes(
    min_value=PHARMACY.begins.replace(tzinfo=None) - timedelta(days=400),
    max_value=PHARMACY.ends.replace(tzinfo=None) + timedelta(days=400),
    timezones=st.just(PHARMACY.begins.tzinfo),
)
facts = st.builds(
    ConsentFact,
    kind=st.sampled_from(ConsentKind),
    given_at=st.none() | instants,
    withdrawn_at=st.none() | instants,
    expires_at=st.none() | instants,
    partner=st.sampled_from((None, "demo-pharmacy", "other")),
)
requests = st.builds(
    AccessRequest,
    actor=st.just("a"),
    role=st.sampled_from(ROLES),
    purpose=st.sampled_from(PURPOSES),
    kind=st.sampled_from(KINDS),
    at=instants,
    partner=st.just("demo-pharmacy"),
    fields=some((*FIELDS, "unheard_of"), 0),
    grade=st.sampled_from(Grade),
    subject_consents=st.lists(facts, max_size=4).map(tuple),
)


def answer(document: AgreementDocument, request: AccessRequest) -> Decision:
    return decide(compile_agreements((standing(document),)), request)


def standing(document: AgreementDocument) -> StandingAgreement:
    agreement: Agreement = replace(PHARMACY, document=document)
    return StandingAgreement(agreement=agreement)


def shows_at_most(less: Decision, more: Decision) -> bool:
    return all(
        less.treatment(name).openness <= more.treatment(name).openness
        for name in (*FIELDS, "unheard_of")
    ) and (more.permit or not less.permit)


@SETTINGS
@given(document=documents, request=requests, extra=grants)
def test_another_grant_never_shows_less(
    document: AgreementDocument, request: AccessRequest, extra: Grant
) -> None:
    """Widening never denies what was permitted."""
    wider = msgspec.structs.replace(document, grants=(*document.grants, extra))

    assert shows_at_most(answer(document, request), answer(wider, request))


@SETTINGS
@given(document=documents, request=requests, extra=bans)
def test_another_prohibition_never_shows_more(
    document: AgreementDocument, request: AccessRequest, extra: Prohibition
) -> None:
    """Narrowing never permits what was denied, and what is forbidden is not shown."""
    narrower = msgspec.structs.replace(document, prohibitions=(*document.prohibitions, extra))
    decision = answer(narrower, request)

    assert shows_at_most(decision, answer(document, request))
    reached = (
        request.kind in extra.kinds
        and (not extra.purposes or request.purpose in extra.purposes)
        and (not extra.roles or request.role in extra.roles)
    )
    if reached:
        assert decision.permit is False or extra.fields
        assert all(decision.treatment(name) is Treatment.WITHHOLD for name in extra.fields)


@SETTINGS
@given(document=documents, request=requests, which=st.integers(0, 3))
def test_withdrawing_never_shows_more(
    document: AgreementDocument, request: AccessRequest, which: int
) -> None:
    """Taking back any consent before the request cannot open anything."""
    withdrawn = tuple(
        replace(fact, withdrawn_at=request.at) if index == which else fact
        for index, fact in enumerate(request.subject_consents)
        if index != which or fact.withdrawn_at is None or fact.withdrawn_at >= request.at
    )
    if len(withdrawn) < len(request.subject_consents):
        return  # it was withdrawn earlier: moving that instant is another story

    changed = replace(request, subject_consents=withdrawn)

    assert shows_at_most(answer(document, changed), answer(document, request))


@SETTINGS
@given(document=documents, request=requests, higher=st.sampled_from(Grade))
def test_a_higher_grade_never_shows_more(
    document: AgreementDocument, request: AccessRequest, higher: Grade
) -> None:
    """More sensitive records are never easier to see."""
    raised = replace(request, grade=max(higher, request.grade))

    assert shows_at_most(answer(document, raised), answer(document, request))


@SETTINGS
@given(
    document=documents, request=requests, beyond=st.timedeltas(timedelta(0), timedelta(days=900))
)
def test_outside_the_term_everything_is_denied(
    document: AgreementDocument, request: AccessRequest, beyond: timedelta
) -> None:
    """Expired and not yet in force refuse whatever is asked."""
    late = answer(document, replace(request, at=PHARMACY.ends + beyond))
    early = answer(
        document, replace(request, at=PHARMACY.begins - beyond - timedelta(microseconds=1))
    )

    assert [reason.code for reason in late.reasons] == ["agreement.expired"]
    assert [reason.code for reason in early.reasons] == ["agreement.not_yet_in_force"]
    assert not late.permit
    assert not early.permit


@SETTINGS
@given(document=documents, request=requests)
def test_equal_questions_have_equal_answers(
    document: AgreementDocument, request: AccessRequest
) -> None:
    """Keeping plans changes no answer, and every denial says why and shows nothing."""
    compiled = compile_agreements((standing(document),))
    first = decide(compiled, request)

    assert decide(compiled, request) == first == answer(document, request)
    assert first.reasons
    if not first.permit:
        assert not first.obligations
        assert set(first.fields.values()) <= {Treatment.WITHHOLD}
