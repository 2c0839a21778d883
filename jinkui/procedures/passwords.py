"""How does an account get a console password, and does one fit?

Argon2id through argon2-cffi; the hash lives in the encrypted registry. A name
that does not exist costs the same time as a wrong password.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.registry.models import RegistryDocument
from shared_kernel.errors import BadInput, NotFound

SHORTEST: Final = 12
"""Characters; our own choice."""

_HASHER: Final = PasswordHasher()
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA"
    "$Z3V6emxlZ3V6emxlZ3V6emxlZ3V6emxlZ3V6emxlZ3U"
)
"""A well-formed hash of nothing: verifying against it takes as long as against a real one."""


class PasswordTooShort(BadInput):
    """The password is shorter than the house allows."""

    code = "password.too_short"
    default_hint = f"use at least {SHORTEST} characters"


class AccountUnknown(NotFound):
    """No such account."""

    code = "password.account_unknown"
    default_hint = "`jinkui registry list` shows the accounts"


def set_password(toolkit: Toolkit, by: str, account: str, password: str) -> None:
    """Give an account a console password, with its audit entry.

    Raises:
        PasswordTooShort: fewer characters than ``SHORTEST``.
        AccountUnknown: no such account.
    """
    if len(password) < SHORTEST:
        raise PasswordTooShort(f"the password has fewer than {SHORTEST} characters")
    with toolkit.transaction() as unit:
        actor = unit.registry.actor(toolkit.tenant, account)
        institution = unit.registry.institution(toolkit.tenant)
        if actor is None or institution is None:
            raise AccountUnknown(f"no account {account}", where=account)
        changed = replace(actor, password_hash=_HASHER.hash(password))
        unit.registry.enter(
            RegistryDocument(
                institution=institution, staff=(), partners=(), actors=(changed,), warnings=()
            )
        )
        details = {"account": account}
        at = toolkit.clock.now()
        unit.log.append(
            AuditFact(
                at=at, actor=by, action="account.password_set", decision="done", details=details
            )
        )


def password_fits(stored: str | None, password: str) -> bool:
    """Does it fit? Costs the same whether or not there is a hash."""
    try:
        _HASHER.verify(stored or _NOBODY, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return stored is not None
