"""Who is at the terminal, and which home is open?

A terminal command acts as a signed-in account: ``--as``, else the home's default
actor. The account's first role counts unless ``--role`` names another of its own.
Whoever can run commands with the passphrase of a home is trusted to say who
they are; the daemon asks for a password.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import click

from jinkui.cli.entry import Invocation, StorageUnusable
from jinkui.procedures.offices import require_office, suitable_role
from jinkui.system_clock import SystemClock
from jinkui.wiring.root_file import Credentials
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.access.internal_roles import internal_roles
from secure_records.audit.entry import AuditDecision, AuditFact
from secure_records.keys.root_descriptor import RootKey
from secure_records.models import Caller
from secure_records.registry.models import Actor
from shared_kernel.errors import (
    BadInput,
    NotFound,
    Refused,
    UpstreamFailed,
    VerificationFailed,
)

_NOBODY: Final = "unknown"


class ActorUnknown(BadInput):
    """No such account in this home, or none was named."""

    code = "actor.unknown"
    default_hint = "name an account with --as; `jinkui registry list` shows them"


class RoleNotHeld(Refused):
    """The account does not hold that role."""

    code = "actor.role_not_held"
    default_hint = "name one of the account's own roles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """One command's view of the world."""

    toolkit: Toolkit
    invocation: Invocation

    @property
    def language(self) -> str:
        """``zh`` or ``en``."""
        return self.invocation.language

    def caller(self, role: str | None = None) -> Caller:
        """The signed-in account in ``role``, else in its first role.

        Raises:
            ActorUnknown: no such account.
            RoleNotHeld: it does not hold ``role``.
        """
        return self._as(self._account(), role)

    def officer(self, act: str, role: str | None = None) -> Caller:
        """The signed-in account in the role that holds an office.

        Raises:
            NotYourOffice: none of its roles does; the denial is in the log.
        """
        account = self._account()
        caller = self._as(account, role or suitable_role(act, account.roles))
        require_office(self.toolkit, caller, act)
        return caller

    def reader(self, purpose: str, role: str | None = None) -> Caller:
        """The signed-in account in the first role that may read anything for this purpose."""
        account = self._account()
        if role is None and account.partner is None:
            rows = internal_roles()
            fitting = (name for name in account.roles if name in rows)
            role = next((n for n in fitting if purpose in rows[n].purposes), None)
        return self._as(account, role)

    def _account(self) -> Actor:
        name = self.invocation.actor or self.toolkit.home.default_actor
        if not name:
            raise ActorUnknown("no account was named")
        with self.toolkit.reading() as unit:
            actor = unit.registry.actor(self.toolkit.tenant, name)
        if actor is None:
            raise ActorUnknown(f"no account {name}", where="--as")
        return actor

    def _as(self, actor: Actor, role: str | None) -> Caller:
        if role is not None and role not in actor.roles:
            raise RoleNotHeld(f"{actor.id} does not hold the role {role}", where="--role")
        return Caller(
            actor=actor.id,
            role=role or actor.roles[0],
            partner=actor.partner,
            credential=actor.credential_ids[0] if actor.credential_ids else None,
        )


@contextmanager
def terminal(*, examining: bool = False, recovered: RootKey | None = None) -> Iterator[Terminal]:
    """Open the home named by the options; sign the log's head when entries were added.

    A refusal that left no entry gets one here: code and command, never the words.

    Args:
        examining: The command looks for damage: a store that does not continue its
            anchor is opened all the same, and nothing is signed in the end.
        recovered: The root that recovery shares opened, in place of a passphrase.

    Raises:
        HomeNotFound: there is none.
        LogRolledBack: an older or another store was put in place.
        MinimumLowered: an older key file was.
    """
    invocation = click.get_current_context().find_object(Invocation)
    if invocation is None:
        raise ActorUnknown("the command was called without its options")
    clock = SystemClock()
    credentials = Credentials(
        passphrase_file=invocation.passphrase_file,
        second_passphrase_file=invocation.second_passphrase_file,
    )
    with open_toolkit(
        invocation.home, credentials, clock, os.urandom, recovered=recovered
    ) as toolkit:
        if examining:
            yield Terminal(toolkit=toolkit, invocation=invocation)
            return
        toolkit.require_anchored()
        toolkit.require_minimum()
        before = _size(toolkit)
        desk = Terminal(toolkit=toolkit, invocation=invocation)
        try:
            yield desk
        except (BadInput, NotFound, Refused, VerificationFailed, UpstreamFailed) as fault:
            if _size(toolkit) == before:
                decision: AuditDecision = "deny" if isinstance(fault, Refused) else "failed"
                _note_refusal(desk, decision, fault.code)
            raise
        except OSError:
            if _size(toolkit) == before:
                _note_refusal(desk, "failed", StorageUnusable.code)
            raise
        finally:
            if _size(toolkit) != before:
                toolkit.seal_log()


def _note_refusal(desk: Terminal, decision: AuditDecision, code: str) -> None:
    """What no room has written down: which command was refused to whom, none of its words."""
    command = click.get_current_context().command_path.split(maxsplit=1)[-1]
    with desk.toolkit.transaction() as unit:
        name = desk.invocation.actor or desk.toolkit.home.default_actor
        known = bool(name) and unit.registry.actor(desk.toolkit.tenant, name) is not None
        unit.log.append(
            AuditFact(
                at=desk.toolkit.clock.now(),
                # A made-up account name could carry anything into the log.
                actor=name if known else _NOBODY,
                action="command.refused",
                decision=decision,
                outcome=code,
                details={"command": command},
            )
        )


def _size(toolkit: Toolkit) -> int:
    with toolkit.reading() as unit:
        return unit.log.size()
