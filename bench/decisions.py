"""How many access decisions a second, and does their number of agreements matter?

The limit is one look-up of a finished answer in a dictionary. The peer does by
plain indexed Python what a decision is about: role, purpose, kind, grade, term
and prohibitions, with the clause in the answer. Repeated questions find their
plan; first-time questions make it.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations, cycle
from time import perf_counter
from typing import Final

import msgspec
from rounds import Bench, Case, Contender, installed, main, repeated, whole

from jinkui.settings.home import config_text
from secure_records.access.agreement import Agreement, StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import CompiledRules, compile_agreements
from secure_records.access.decision import decide
from secure_records.access.request import AccessRequest
from shared_kernel.grades import Grade

NUMBERS: Final = (10, 1000)
INDEXED: Final = "plain indexed rules"
CEDAR: Final = "cedarpy, handles"
CASBIN: Final = "casbin Enforcer"
CASES: Final = (
    *(f"repeated question, {number} agreements" for number in NUMBERS),
    "repeated question, 1000 agreements beside 10",
    *(f"first-time question, {number} agreements" for number in NUMBERS),
    "make ready 1000 agreements",
)
GOAL_A_SECOND: Final = 300_000
_GOALS: Final = {10: {CEDAR: 15.0, CASBIN: 20.0}, 1000: {CEDAR: 240.0}}
_AT: Final = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
_FIELDS: Final = ("patient.name", "patient.id_no", "patient.sex", "visit", "dx", "lines", "review")


def agreements(number: int) -> tuple[StandingAgreement, ...]:
    """The published pharmacy agreement, with as many different partners."""
    template = parse_agreement(config_text("examples/agreements/pharmacy.yaml").encode())
    return tuple(StandingAgreement(agreement=_renamed(template, n)) for n in range(number))


def _renamed(template: Agreement, number: int) -> Agreement:
    document = template.document
    partner = msgspec.structs.replace(document.partner, id=f"pharmacy-{number}")
    changed = msgspec.structs.replace(document, id=f"dispensing-{number}", partner=partner)
    return replace(template, document=changed)


def question(number: int, fields: tuple[str, ...] = _FIELDS[:3]) -> AccessRequest:
    """The pharmacist of one partner asks for a prescription."""
    return AccessRequest(
        actor="pharmacist-7",
        role="pharmacist",
        partner=f"pharmacy-{number}",
        purpose="dispensing",
        kind="prescription",
        fields=fields,
        grade=Grade(4),
        at=_AT,
    )


def cases(bench: Bench) -> Iterator[Case]:
    """G10 of the limits."""
    compiled = {number: compile_agreements(agreements(number)) for number in NUMBERS}
    for number in NUMBERS:
        yield Case(
            case=f"repeated question, {number} agreements",
            unit="decisions/s",
            ours=_asking(compiled[number], number),
            limit=_looked_up(compiled[number], number),
            peers={
                INDEXED: _indexed(number),
                **installed(
                    {CEDAR: lambda n=number: _cedar(n), CASBIN: lambda n=number: _casbin(n)}
                ),
            },
            goal_ours=GOAL_A_SECOND,
            goal_times_peer=_GOALS[number],
        )
    yield Case(
        case="repeated question, 1000 agreements beside 10",
        unit="decisions/s",
        ours=_asking(compiled[1000], 1000),
        limit=_asking(compiled[10], 10),
        goal_of_limit=0.8,
    )
    questions = bench.pace.sized(2000, 400)
    for number in NUMBERS:
        yield Case(
            case=f"first-time question, {number} agreements",
            unit="decisions/s",
            ours=_first_time(number, questions),
            limit=_looked_up(compiled[number], number),
            peers={INDEXED: _indexed(number)},
        )
    standing = agreements(1000)
    rows = [(one.agreement.document.partner.id, one) for one in standing]
    yield Case(
        case="make ready 1000 agreements",
        unit="agreements/s",
        ours=repeated(lambda: compile_agreements(standing), per_call=1000),
        limit=repeated(lambda: dict(rows), per_call=1000),
        goal_ours=1000,
    )


def _asking(rules: CompiledRules, number: int) -> Contender:
    requests = [question(n % number) for n in range(1000)]
    assert decide(rules, requests[0]).permit
    assert not decide(rules, replace(requests[0], kind="chat_transcript")).permit

    def run() -> None:
        for request in requests:
            decide(rules, request)

    return repeated(run, per_call=len(requests))


def _looked_up(rules: CompiledRules, number: int) -> Contender:
    requests = [question(n % number) for n in range(1000)]
    answers = {(r.partner, r.kind, r.purpose, r.role): decide(rules, r) for r in requests}

    def run() -> None:
        for r in requests:
            answers[r.partner, r.kind, r.purpose, r.role]

    return repeated(run, per_call=len(requests))


def _indexed(number: int) -> Contender:
    begins, ends = datetime(2025, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    rules = {
        (f"pharmacy-{n}", "prescription", "dispensing", "pharmacist"): (
            *(begins, ends, 4, frozenset({"chat_transcript"}), frozenset(_FIELDS)),
            f"dispensing-{n}@1 第三条第一款",
        )
        for n in range(number)
    }
    requests = [question(n % number) for n in range(1000)]

    def allowed(r: AccessRequest) -> tuple[bool, str]:
        found = rules.get((str(r.partner), r.kind, r.purpose, r.role))
        if found is None:
            return False, "role.not_agreed"
        starts, stops, grade, banned, fields, clause = found
        if not starts <= r.at < stops:
            return False, "agreement.expired"
        if r.grade > grade or r.kind in banned or not fields.issuperset(r.fields):
            return False, clause
        return True, clause

    def run() -> None:
        for request in requests:
            allowed(request)

    assert allowed(requests[0])[0]
    return repeated(run, per_call=len(requests))


def _first_time(number: int, most: int) -> Contender:
    """Questions nobody asked before: each round starts from newly compiled rules."""
    choices = [c for size in (1, 2, 3, 4) for c in combinations(_FIELDS, size)]
    partners = cycle(range(number))
    requests = [question(next(partners), choices[n % len(choices)]) for n in range(most)]
    distinct = list({(r.partner, r.fields): r for r in requests}.values())
    standing = agreements(number)

    def job() -> tuple[int, float]:
        rules = compile_agreements(standing)
        began = perf_counter()
        for request in distinct:
            decide(rules, request)
        return len(distinct), perf_counter() - began

    return whole(job)


def _cedar(number: int) -> Contender:
    import cedarpy  # noqa: PLC0415

    policies = cedarpy.PolicySet.from_str(
        "\n".join(
            f'permit(principal in Role::"role{n}", action == Action::"read",'
            f' resource in Kind::"kind{n}") when {{ context.purpose == "dispensing" }};'
            for n in range(number)
        )
    )
    rows = []
    for n in range(number):
        role, kind = {"type": "Role", "id": f"role{n}"}, {"type": "Kind", "id": f"kind{n}"}
        rows += [{"uid": uid, "attrs": {}, "parents": []} for uid in (role, kind)]
        user, record = {"type": "User", "id": f"u{n}"}, {"type": "Record", "id": f"r{n}"}
        rows.append({"uid": user, "attrs": {}, "parents": [role]})
        rows.append({"uid": record, "attrs": {}, "parents": [kind]})
    entities = cedarpy.Entities.from_json_str(json.dumps(rows))
    turns = cycle(range(number))

    def ask() -> bool:
        n = next(turns)
        request = {
            "principal": f'User::"u{n}"',
            "action": 'Action::"read"',
            "resource": f'Record::"r{n}"',
            "context": {"purpose": "dispensing"},
        }
        return bool(cedarpy.is_authorized(request, policies, entities).allowed)

    assert ask()
    return repeated(ask)


_CASBIN_MODEL: Final = """[request_definition]
r = sub, obj, act, purpose
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.obj == p.obj && r.act == p.act && r.purpose == "dispensing" && g(r.sub, p.sub)
"""


def _casbin(number: int) -> Contender:
    import casbin  # noqa: PLC0415

    model = casbin.Enforcer.new_model(text=_CASBIN_MODEL)
    logging.getLogger("casbin").setLevel(logging.WARNING)  # it logs every decision
    enforcer = casbin.Enforcer(model)
    enforcer.add_policies([[f"role{n}", f"kind{n}", "read"] for n in range(number)])
    enforcer.add_grouping_policies([[f"u{n}", f"role{n}"] for n in range(number)])
    turns = cycle(range(number))

    def ask() -> bool:
        n = next(turns)
        return bool(enforcer.enforce(f"u{n}", f"kind{n}", "read", "dispensing"))

    assert ask()
    return repeated(ask)


if __name__ == "__main__":
    main(CASES, cases)
