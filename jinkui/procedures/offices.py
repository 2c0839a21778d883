"""Whose office is it to do this?

Acts and the roles that may do them are rows of ``offices.yaml``. A denial is an entry
in the log before it is an answer. An act that is not on the list is nobody's office.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import yaml

from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.models import Caller
from shared_kernel.errors import Refused

_FILE: Final = "offices.yaml"


class NotYourOffice(Refused):
    """The role of this account does not hold the office."""

    code = "office.not_yours"
    default_hint = "act as an account that holds the office (--as); docs: jinkui/README.md"


@cache
def offices() -> dict[str, frozenset[str]]:
    """Act to the roles that may do it."""
    text = (files("jinkui.procedures") / _FILE).read_text("utf-8")
    return {act: frozenset(roles) for act, roles in yaml.safe_load(text).items()}


def suitable_role(act: str, held: Sequence[str]) -> str | None:
    """The first of the held roles that may do this; None: none of them."""
    allowed = offices().get(act, frozenset())
    return next((role for role in held if role in allowed), None)


def require_office(toolkit: Toolkit, caller: Caller, act: str) -> None:
    """Return if and only if the caller's role may do this.

    Raises:
        NotYourOffice: it may not; the denial is in the log.
    """
    if caller.partner is None and caller.role in offices().get(act, frozenset()):
        return
    with toolkit.transaction() as unit:
        unit.log.append(
            AuditFact(
                at=toolkit.clock.now(),
                actor=caller.actor,
                role=caller.role,
                partner=caller.partner,
                action=act,
                decision="deny",
                outcome=NotYourOffice.code,
            )
        )
    raise NotYourOffice(f"{act} is not the office of the role {caller.role}", where=act)
