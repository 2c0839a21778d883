"""What would this agreement answer to this request, and why?

For people who draft agreements and for auditors: one document, one request, no
store. A document that lacks required clauses denies, because it could never
have been applied.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from secure_records.access.agreement import Agreement, StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.completeness import cited, missing_clauses
from secure_records.access.decision import decide
from secure_records.access.outcome import Decision
from secure_records.access.reasons import reason
from secure_records.access.request import AccessRequest, parse_request
from secure_records.access.vocabulary import Treatment
from shared_kernel.canonical_json import Json


def explain(agreement: Agreement, request: AccessRequest) -> Json:
    """The outward answer; without a partner in the request, the agreement's own partner asks."""
    return judge(agreement, request).as_json()


def explain_documents(agreement: bytes, request: Json) -> Json:
    """The outward answer for an agreement as YAML text and a request as JSON.

    Raises:
        AgreementMalformed: the agreement cannot be read.
        AccessRequestMalformed: the request cannot be read.
    """
    return explain(parse_agreement(agreement), parse_request(request))


def judge(agreement: Agreement, request: AccessRequest) -> Decision:
    """The decision under this one agreement."""
    asked = request
    if request.partner is None:
        asked = replace(request, partner=agreement.partner)
    gaps = missing_clauses(agreement)
    decision = decide(compile_agreements((StandingAgreement(agreement=agreement),)), asked)
    if not gaps:
        return decision
    missing = tuple(
        reason(
            "agreement.incomplete",
            clause=cited(gap),
            missing=f"{gap.asks.zh} {gap.asks.en} ({gap.path})",
        )
        for gap in gaps
    )
    return Decision(
        permit=False,
        fields=MappingProxyType(dict.fromkeys(decision.fields, Treatment.WITHHOLD)),
        reasons=missing if decision.permit else (*missing, *decision.reasons),
        agreement=agreement.reference,
        policy=str(agreement.digest),
    )
