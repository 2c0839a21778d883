"""Who puts a partner agreement into force, and what is noted when it is refused?"""

from __future__ import annotations

from dataclasses import replace

from jinkui.procedures.offices import require_office
from jinkui.wiring.toolkit import Toolkit
from secure_records.access.agreement_register import Applied
from secure_records.audit.entry import AuditFact
from secure_records.models import Caller
from shared_kernel.errors import JinkuiError


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
    require_office(toolkit, caller, "agreement.apply")
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
                    record=agreement.id,
                    details={"digest": str(agreement.digest)},
                )
                unit.log.append(entry)
    except JinkuiError as error:
        _note(toolkit, replace(fact, decision="failed", outcome=error.code))
        raise
    return applied


def end_agreement(toolkit: Toolkit, caller: Caller, agreement: str, *, dry_run: bool) -> int:
    """End every version of an agreement now, with its audit entry; how many that were.

    Raises:
        NotYourOffice: the role may not.
        UnknownAgreement: there is none of this id.
    """
    require_office(toolkit, caller, "agreement.end")
    at = toolkit.clock.now()
    with toolkit.transaction() as unit:
        ended = unit.agreements.end(agreement, at=at)
        if dry_run:
            unit.connection.rollback()
            return ended
        unit.log.append(
            AuditFact(
                at=at,
                actor=caller.actor,
                role=caller.role,
                action="agreement.end",
                decision="done",
                record=agreement,
                details={"agreement": agreement, "versions": ended},
            )
        )
    return ended


def _note(toolkit: Toolkit, fact: AuditFact) -> None:
    with toolkit.transaction() as unit:
        unit.log.append(fact)
