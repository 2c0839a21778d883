"""Who puts a partner agreement into force, and what is noted when it is refused?"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from jinkui.wiring.toolkit import Toolkit
from secure_records.access.agreement_register import Applied
from secure_records.audit.entry import AuditFact
from secure_records.models import Caller
from shared_kernel.errors import JinkuiError, Refused

MAY_APPLY: Final = frozenset({"security_admin", "data_protection_officer"})
"""Roles that hold this office; the system administrator is not among them."""


class NotYourOffice(Refused):
    """Agreements are put into force by the security administrator or the privacy officer."""

    code = "agreements.not_your_office"
    default_hint = "act as the security administrator or the data protection officer (--as)"


def apply_agreement(toolkit: Toolkit, caller: Caller, text: bytes, *, dry_run: bool) -> Applied:
    """Check an agreement whole and put it into force with its audit entry.

    A refusal is noted in the log, too. A dry run checks everything and writes nothing.

    Raises:
        NotYourOffice: the role may not.
        AgreementMalformed, AgreementIncomplete, AgreementVersionConflict and the like.
    """
    at = toolkit.clock.now()
    fact = AuditFact(
        at=at, actor=caller.actor, role=caller.role, action="agreement.apply", decision="done"
    )
    if caller.role not in MAY_APPLY:
        _note(toolkit, replace(fact, decision="deny", outcome=NotYourOffice.code))
        raise NotYourOffice(f"the role {caller.role} does not put agreements into force")
    if dry_run:
        with toolkit.transaction() as unit:
            applied = unit.agreements.apply(text, at=at, by=caller.actor)
            unit.connection.rollback()
        return applied
    try:
        with toolkit.transaction() as unit:
            applied = unit.agreements.apply(text, at=at, by=caller.actor)
            agreement = applied.agreement
            if not applied.already_present:
                entry = replace(
                    fact,
                    partner=agreement.partner,
                    agreement=agreement.reference,
                    details={"digest": str(agreement.digest)},
                )
                unit.log.append(entry)
    except JinkuiError as error:
        _note(toolkit, replace(fact, decision="failed", outcome=error.code))
        raise
    return applied


def _note(toolkit: Toolkit, fact: AuditFact) -> None:
    with toolkit.transaction() as unit:
        unit.log.append(fact)
