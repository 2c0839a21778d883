"""How is the incident room opened over one transaction?

The head of the log is signed first, so that whatever the case asks the log can be
proven against a checkpoint. Law rows are read once per process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from incident.case_book import DeskPorts, Rulebook
from incident.desk import IncidentDesk
from incident.duties.load import load_law
from incident.options import IncidentOptions
from incident.reports.compose import Institution
from incident.reports.letters import load_letters
from incident.scoping.evidence import AccessQuery
from incident.triage.guide import load_guides
from incident.workflow.events import EventKind
from jinkui.settings.home import Home
from jinkui.wiring.toolkit import Toolkit
from jinkui.wiring.unit import Unit
from secure_records.kinds.labels import field_label, labelled_fields
from shared_kernel.errors import NotFound
from shared_kernel.instants import parse_instant

NOT_FILLED_IN: Final = "（未填写，见 home.toml [institution]）"

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Before any entry of any log."""


class NoScopeYet(NotFound):
    """Nobody has asked yet whose data this case is about."""

    code = "incident.no_scope_yet"
    default_hint = "name a suspect with --actor, --partner or --credential"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRoom:
    """The desk and the transaction it works in."""

    desk: IncidentDesk
    unit: Unit
    note: str
    """The checkpoint under which evidence is replayed."""


@cache
def rulebook() -> Rulebook:
    """Duty rows, grading guides and letters."""
    law = load_law()
    labels = {name: field_label(name) for name in labelled_fields()}
    words = {name: (label.zh, label.en) for name, label in labels.items()}
    return Rulebook(law=law, guides=load_guides(), letters=load_letters(law, words))


def reporting_institution(home: Home) -> Institution:
    """Who reports, from the settings; what is missing says so."""
    return Institution(
        name=home.institution_name,
        credit_code=home.institution,
        address=home.text("institution", "address") or NOT_FILLED_IN,
        contact=home.text("institution", "contact") or NOT_FILLED_IN,
        systems=home.text("institution", "systems") or None,
    )


def incident_options(home: Home) -> IncidentOptions:
    """The hospital's own habits."""
    return IncidentOptions(
        approval_term=timedelta(hours=home.number("incident", "approval_hours")),
        near_percent=home.number("incident", "near_percent"),
        supplement_promise=timedelta(hours=home.number("incident", "promise_hours")),
    )


def desk_in(toolkit: Toolkit, unit: Unit, note: str) -> IncidentDesk:
    """The incident desk of a transaction, with evidence under the checkpoint ``note``."""
    return IncidentDesk(
        tenant=toolkit.tenant,
        institution=reporting_institution(toolkit.home),
        rules=rulebook(),
        ports=DeskPorts(
            store=unit.cases,
            journal=unit.journal,
            clock=toolkit.clock,
            entropy=toolkit.entropy,
            evidence=toolkit.evidence(unit, note),
            verifier=toolkit.verifier,
            keys=toolkit.person_keys,
        ),
        options=incident_options(toolkit.home),
    )


def last_query(room: IncidentRoom, case: str) -> AccessQuery:
    """The question that was asked last about this case.

    Raises:
        NoScopeYet: none was asked.
    """
    room.desk.case(case)
    events = room.unit.cases.events(room.unit.tenant, case)
    for event in reversed(events):
        asked = event.payload.get("query") if event.kind is EventKind.SCOPED else None
        if isinstance(asked, Mapping):
            words = {name: value for name, value in asked.items() if isinstance(value, str)}
            return AccessQuery(
                since=parse_instant(words["since"], "since"),
                until=parse_instant(words["until"], "until"),
                actor=words.get("actor"),
                partner=words.get("partner"),
                credential=words.get("credential"),
            )
    raise NoScopeYet("the case has no scope yet", where=case)


@contextmanager
def incident_room(toolkit: Toolkit) -> Iterator[IncidentRoom]:
    """One write transaction with the incident desk over it."""
    note = toolkit.seal_log()
    with toolkit.transaction() as unit:
        yield IncidentRoom(desk=desk_in(toolkit, unit, note), unit=unit, note=note)
