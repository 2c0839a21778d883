"""May this request be answered, with which fields, and which clauses say so?

1. Find the plan of the question and the segment of its instant (term, kinds,
   purposes, roles, grade, prohibitions: all settled there).
2. Check what depends on the person: consents, standing of staff, relation.
3. The most open permission whose conditions hold is the answer; otherwise deny
   with every condition that failed.

What cannot be evaluated denies. Pure: the instant is part of the request.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from secure_records.access.candidates import Candidate
from secure_records.access.compiled import CompiledRules
from secure_records.access.outcome import Decision, Reason
from secure_records.access.reasons import reason
from secure_records.access.request import AccessRequest, ConsentFact, StaffStanding
from secure_records.access.rule_set import ConsentNeed
from secure_records.access.vocabulary import Treatment
from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.digests import sha256


def decide(compiled: CompiledRules, request: AccessRequest) -> Decision:
    """Answer ``request``; never raises for what a request may contain."""
    key = (
        request.partner,
        request.kind,
        request.purpose,
        request.role,
        request.grade,
        request.fields,
    )
    plan = compiled.plan(key)
    if request.at.tzinfo is None:
        # Without an offset the instant is nowhere: no term can be checked.
        return _refused(plan.segments[0].denial, (reason("rule.unevaluable", what="at"),))
    segment = plan.at(request.at)
    if segment.immediate is not None and request.staff is None:
        return segment.immediate
    if not segment.candidates:
        return segment.denial
    failures: list[Reason] = []
    for candidate in segment.candidates:
        unmet = _unmet(candidate, request)
        if not unmet:
            return candidate.decision
        failures.extend(unmet)
    return _refused(segment.candidates[0].decision, tuple(dict.fromkeys(failures)))


class AccessPolicy:
    """One front for both: partners by their agreements, the hospital by its roles."""

    __slots__ = ("_agreements", "_internal", "digest")

    def __init__(self, agreements: CompiledRules, internal: CompiledRules) -> None:
        self._agreements = agreements
        self._internal = internal
        self.digest = str(sha256(canonical_bytes([agreements.digest, internal.digest])))
        """Digest of every rule in force or not: changes when any of them changes."""

    def decide(self, request: AccessRequest) -> Decision:
        """Answer a partner by its agreements, anybody else by the internal roles."""
        if request.partner is None:
            return decide_internal(self._internal, request)
        return decide(self._agreements, request)


def decide_internal(roles: CompiledRules, request: AccessRequest) -> Decision:
    """Answer somebody inside the hospital; a request that names a partner is denied there."""
    return decide(roles, request)


def _refused(template: Decision, reasons: tuple[Reason, ...]) -> Decision:
    withheld = MappingProxyType(dict.fromkeys(template.fields, Treatment.WITHHOLD))
    return replace(
        template,
        permit=False,
        fields=withheld,
        unnamed=Treatment.WITHHOLD,
        obligations=(),
        reasons=reasons,
    )


def _unmet(candidate: Candidate, request: AccessRequest) -> list[Reason]:
    found: list[Reason] = []
    for need in candidate.consents:
        code = consent_fault(need, request)
        if code is not None:
            word = need.kind.value
            law = need.law if code == "consent.missing" else None
            what = f"consent {word}"
            found.append(reason(code, clause=need.clause, law=law, consent=word, what=what))
    conditions = candidate.conditions
    staff = request.staff
    if staff is not None:
        # Known to be off the register denies even where a clause does not ask for it.
        found.extend(_staff_faults(staff, request))
        if conditions.institutions and staff.institution not in conditions.institutions:
            found.append(reason("staff.wrong_institution"))
    elif conditions.registered_staff:
        found.append(reason("staff.unknown"))
    if conditions.relation is not None and request.relation is not conditions.relation:
        found.append(reason("relation.unproven", relation=conditions.relation.value))
    return found


def _staff_faults(staff: StaffStanding, request: AccessRequest) -> list[Reason]:
    if not staff.registered:
        return [reason("staff.not_registered")]
    if staff.valid_until is None:
        return []
    if staff.valid_until.tzinfo is None:
        return [reason("rule.unevaluable", what="staff.valid_until")]
    return [reason("staff.lapsed")] if staff.valid_until <= request.at else []


def consent_fault(need: ConsentNeed, request: AccessRequest) -> str | None:
    """None if a yes of this kind holds; else the code of what is wrong with it.

    ``consent.missing``, ``consent.withdrawn``, ``consent.expired``, or
    ``rule.unevaluable`` where an instant has no offset.

    A withdrawal ends every matching consent that was given no later than it: who
    takes back the consent to one recipient cannot be served under an older general
    one. Consent given again afterwards counts. An expiry ends only its own consent.
    """
    at = request.at
    withdrawn_last: datetime | None = None
    given_last: datetime | None = None
    given_sometime = expired = False
    for fact in request.subject_consents:
        if not _concerns(fact, need, request):
            continue
        given, withdrawn, expires = fact.given_at, fact.withdrawn_at, fact.expires_at
        if not (_placed(given) and _placed(withdrawn) and _placed(expires)):
            return "rule.unevaluable"
        if withdrawn is not None and withdrawn <= at:
            if withdrawn_last is None or withdrawn > withdrawn_last:
                withdrawn_last = withdrawn
        elif expires is not None and expires <= at:
            expired = True
        elif given is None:
            given_sometime = True
        elif given <= at and (given_last is None or given > given_last):
            given_last = given
    if withdrawn_last is not None:
        again = given_last is not None and given_last > withdrawn_last
        return None if again else "consent.withdrawn"
    if given_sometime or given_last is not None:
        return None
    return "consent.expired" if expired else "consent.missing"


def _placed(instant: datetime | None) -> bool:
    return instant is None or instant.tzinfo is not None


def _concerns(fact: ConsentFact, need: ConsentNeed, request: AccessRequest) -> bool:
    return (
        fact.kind is need.kind
        and (fact.partner is None or fact.partner in need.recipients)
        and (fact.purpose is None or fact.purpose == request.purpose)
    )
