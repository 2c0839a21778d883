"""Whom does a question about reached data name, and is that somebody we know?

A mistyped partner reaches nothing, and "nobody is affected" with proofs that hold
is the most dangerous answer that a tool can give. So a name that neither the
register nor the log knows is refused, and the case does not remember the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident.scoping.evidence import AccessQuery, BreachScope
from jinkui.wiring.incidents import BEGINNING, IncidentRoom, last_query
from shared_kernel.errors import BadInput, NotFound
from shared_kernel.instants import parse_instant

_WHO = ("actor", "partner", "credential")


class ScopeQuestionMalformed(BadInput):
    """The question names nobody, but says more than "as before"."""

    code = "incident.scope_question_malformed"
    default_hint = "name a suspect with --actor, --partner or --credential"


class SuspectUnknown(NotFound):
    """Neither the register nor the log knows this name."""

    code = "incident.suspect_unknown"
    default_hint = "`jinkui registry list` shows accounts and partners; nothing was recorded"


def scope_question(
    room: IncidentRoom, case: str, asked: Mapping[str, str | None], now: datetime
) -> AccessQuery:
    """The question that was typed, or the one that was asked last about this case.

    Args:
        room: The open incident room.
        case: Its identifier.
        asked: ``actor``, ``partner``, ``credential``, ``since``, ``until``; None: not given.
        now: The end of the window, unless another is given.

    Raises:
        ScopeQuestionMalformed: an empty name, or a window without a name.
        NoScopeYet: nobody is named, and nobody was named before.
    """
    since, until = asked["since"], asked["until"]
    if any(asked[name] == "" for name in _WHO):
        raise ScopeQuestionMalformed("a suspect's name is empty")
    if all(asked[name] is None for name in _WHO):
        if since is not None or until is not None:
            raise ScopeQuestionMalformed("a window without a suspect asks nothing")
        return last_query(room, case)
    return AccessQuery(
        since=BEGINNING if since is None else parse_instant(since, "--since"),
        until=now if until is None else parse_instant(until, "--until"),
        actor=asked["actor"],
        partner=asked["partner"],
        credential=asked["credential"],
    )


def require_known(room: IncidentRoom, query: AccessQuery, found: BreachScope) -> None:
    """Return if the log knows what was asked for, or at least the register does.

    Raises:
        SuspectUnknown: an empty answer about a name that nobody ever entered.
    """
    if found.entries:
        return
    registry, tenant = room.unit.registry, room.unit.tenant
    actor, partner, credential = query.actor, query.partner, query.credential
    unknown = {
        "actor": actor is not None and registry.actor(tenant, actor) is None,
        "partner": partner is not None and partner not in registry.partner_ids(tenant),
        "credential": credential is not None and not registry.knows_credential(tenant, credential),
    }
    for name in (name for name, is_unknown in unknown.items() if is_unknown):
        raise SuspectUnknown(f"no {name} of this name is known here", where=f"--{name}")
