"""Which yes and which end of it does a stored consent stand for?

Turns consent records of a patient into the facts that the access policy weighs.
Pure. What the record does not say is not assumed: a scope row holds for its own
kind, purpose and recipient, and for nothing beside them.
"""

from __future__ import annotations

from secure_records.access.request import ConsentFact
from secure_records.access.vocabulary import ConsentKind
from secure_records.kinds.consent import Consent, ConsentScope


def consent_facts(consent: Consent) -> tuple[ConsentFact, ...]:
    """One fact per scope row, and one more where the guardian said yes.

    An expired consent ends by itself; it takes no other consent with it.
    """
    return tuple(
        ConsentFact(
            kind=kind,
            given_at=consent.given_at,
            expires_at=consent.expires_at,
            partner=scope.partner,
            purpose=scope.purpose,
        )
        for scope in consent.scope
        for kind in _kinds(consent, scope)
    )


def _kinds(consent: Consent, scope: ConsentScope) -> tuple[ConsentKind, ...]:
    said = ConsentKind(scope.kind)
    return (said, ConsentKind.GUARDIAN) if consent.given_by == "guardian" else (said,)
