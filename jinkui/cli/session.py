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

import click

from jinkui.cli.entry import Invocation
from jinkui.settings.home import read_home
from jinkui.system_clock import SystemClock
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.models import Caller
from shared_kernel.errors import BadInput, Refused


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
        """The signed-in account in one of its roles.

        Raises:
            ActorUnknown: no such account.
            RoleNotHeld: it does not hold ``role``.
        """
        name = self.invocation.actor or self.toolkit.home.default_actor
        if not name:
            raise ActorUnknown("no account was named")
        with self.toolkit.reading() as unit:
            actor = unit.registry.actor(self.toolkit.tenant, name)
        if actor is None:
            raise ActorUnknown(f"no account {name}", where="--as")
        if role is not None and role not in actor.roles:
            raise RoleNotHeld(f"{name} does not hold the role {role}", where="--role")
        credential = actor.credential_ids[0] if actor.credential_ids else None
        return Caller(
            actor=actor.id,
            role=role or actor.roles[0],
            partner=actor.partner,
            credential=credential,
        )


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Open the home named by the options; sign the log's head when entries were added.

    Raises:
        HomeNotFound: there is none.
    """
    invocation = click.get_current_context().find_object(Invocation)
    if invocation is None:
        raise ActorUnknown("the command was called without its options")
    read_home(invocation.home)
    clock = SystemClock()
    with open_toolkit(invocation.home, invocation.passphrase_file, clock, os.urandom) as toolkit:
        before = _size(toolkit)
        try:
            yield Terminal(toolkit=toolkit, invocation=invocation)
        finally:
            if _size(toolkit) != before:
                toolkit.seal_log()


def _size(toolkit: Toolkit) -> int:
    with toolkit.reading() as unit:
        return unit.log.size()
