"""Whose credential is this, and how is a stolen one taken out of use?

A credential is an identifier of a token or key in the registry. Whoever presents it
acts as its account; once replaced it opens nothing, and each further attempt is an
entry in the log.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.models import Caller
from secure_records.registry.models import RegistryDocument
from shared_kernel.errors import Refused

_SUFFIX_BYTES: Final = 8


class CredentialRefused(Refused):
    """No account signs in with this credential."""

    code = "credential.refused"
    default_hint = "sign in with a credential that is in force"


def caller_by_credential(toolkit: Toolkit, credential: str, role: str | None = None) -> Caller:
    """The account behind a credential, in one of its roles.

    Raises:
        CredentialRefused: unknown, replaced, or the role is not the account's.
    """
    with toolkit.reading() as unit:
        actor = unit.registry.actor_of_credential(toolkit.tenant, credential)
    if actor is None or (role is not None and role not in actor.roles):
        with toolkit.transaction() as unit:
            unit.log.append(
                AuditFact(
                    at=toolkit.clock.now(),
                    actor="unknown" if actor is None else actor.id,
                    action="credential.use",
                    decision="deny",
                    outcome=CredentialRefused.code,
                )
            )
        raise CredentialRefused("the credential is not accepted")
    return Caller(
        actor=actor.id, role=role or actor.roles[0], partner=actor.partner, credential=credential
    )


def credential_of(toolkit: Toolkit, account: str) -> str:
    """The first credential of an account.

    Raises:
        CredentialRefused: it has none.
    """
    with toolkit.reading() as unit:
        actor = unit.registry.actor(toolkit.tenant, account)
    if actor is None or not actor.credential_ids:
        raise CredentialRefused(f"{account} has no credential", where=account)
    return actor.credential_ids[0]


def replace_credential(toolkit: Toolkit, by: str, credential: str) -> str:
    """Take a credential out of use and give its account a new one; returns the new one.

    Raises:
        CredentialRefused: no account signs in with it.
    """
    fresh = f"cred-{toolkit.entropy(_SUFFIX_BYTES).hex()}"
    with toolkit.transaction() as unit:
        actor = unit.registry.actor_of_credential(toolkit.tenant, credential)
        institution = unit.registry.institution(toolkit.tenant)
        if actor is None or institution is None:
            raise CredentialRefused("no account signs in with this credential")
        unit.registry.take_out_of_use(toolkit.tenant, credential)
        kept = tuple(item for item in actor.credential_ids if item != credential)
        changed = replace(actor, credential_ids=(fresh, *kept))
        unit.registry.enter(
            RegistryDocument(
                institution=institution, staff=(), partners=(), actors=(changed,), warnings=()
            )
        )
        unit.log.append(
            AuditFact(
                at=toolkit.clock.now(),
                actor=by,
                action="credential.replaced",
                decision="done",
                partner=actor.partner,
                details={"account": actor.id, "credential": credential},
            )
        )
    return fresh
