"""How does a person work a case from the terminal, under the law's clock?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click

from incident.duties.applicability import circumstances
from incident.duties.deadlines import duties_due, duties_json
from incident.reports.draft import Stage
from incident.reports.filing import HandProof
from incident.triage.grading import grade as grade_facts
from incident.triage.grading import proposal_json
from incident.triage.severity import parse_severity
from jinkui.cli.incident_output import (
    assignment,
    case_document,
    print_clocks,
    print_duties,
)
from jinkui.cli.incident_steps import MORE_STEPS
from jinkui.cli.json_files import read_json
from jinkui.cli.output import print_json, print_table, talk
from jinkui.cli.session import terminal
from jinkui.procedures.filing_proofs import keep_proof
from jinkui.procedures.incident_papers import require_writable, write_papers
from jinkui.procedures.release_signing import sign_release
from jinkui.procedures.scope_question import require_known, scope_question
from jinkui.system_clock import SystemClock
from jinkui.wiring.incidents import incident_room, rulebook
from jinkui.wiring.toolkit import Toolkit
from shared_kernel.errors import BadInput
from shared_kernel.instants import instant_text, parse_instant

_LARGEST_FACTS = 1024 * 1024


class FactsUnreadable(BadInput):
    """The facts file is not a JSON object of metric to number."""

    code = "incident.facts_unreadable"
    default_hint = 'write a JSON object such as {"pi_leaked_persons": 1200}'


@click.group()
def incident() -> None:
    """Breaches: from the first sign to the last receipt, on the law's clock."""


@incident.command("duties")
@click.option("--operator", "operators", multiple=True, required=True, help="Repeat for several.")
@click.option("--severity", required=True)
@click.option("--flag", "flags", multiple=True, help="Repeat for several.")
@click.option("--aware-at", required=True, help="RFC 3339 with offset.")
@click.option("--handled-at", help="RFC 3339 with offset.")
@click.option("--json", "as_json", is_flag=True)
def duties_command(
    operators: tuple[str, ...],
    severity: str,
    flags: tuple[str, ...],
    aware_at: str,
    handled_at: str | None,
    *,
    as_json: bool,
) -> int:
    """Who must be told what by when. Pure: needs no home."""
    law = rulebook().law
    facts = circumstances(
        law.vocabulary, operators=operators, severity=parse_severity(severity), flags=flags
    )
    dues = duties_due(
        law,
        facts,
        aware_at=parse_instant(aware_at, "--aware-at"),
        handled_at=None if handled_at is None else parse_instant(handled_at, "--handled-at"),
    )
    if as_json:
        print_json(duties_json(law, dues))
    else:
        print_duties(dues)
    return 0


@incident.command("grade")
@click.argument("facts", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--at", help="Which day's thresholds; default: now.")
@click.option("--case", help="Also decide the grade of this case.")
@click.option("--decide", help="A higher level than the tool proposes, with --reason.")
@click.option("--reason", default="", help="Why this level.")
@click.option("--json", "as_json", is_flag=True)
def grade_command(
    facts: Path,
    at: str | None,
    case: str | None,
    decide: str | None,
    reason: str,
    *,
    as_json: bool,
) -> int:
    """Propose a level from FACTS, a JSON object of metric to number. Pure without --case."""
    if case is not None and not reason.strip():
        raise click.UsageError("--case needs --reason: a decision is a person's, with its reason")
    measures = _facts(facts)
    instant = SystemClock().now() if at is None else parse_instant(at, "--at")
    proposal = grade_facts(rulebook().guides, measures, instant)
    document: dict[str, object] = proposal_json(proposal)
    if case is not None:
        level = None if decide is None else parse_severity(decide)
        with terminal() as desk:
            actor = desk.officer("incident.work").actor
            with incident_room(desk.toolkit) as room:
                after, _ = room.desk.grade(
                    case, actor=actor, facts=measures, reason=reason, decided=level
                )
        document = {**document, "case": case_document(after)}
    if as_json:
        print_json(document)
        return 0
    rows = [
        (
            str(c.threshold.metric),
            f">= {c.threshold.value}",
            str(c.value),
            c.threshold.severity.word,
        )
        for c in proposal.criteria
    ]
    print_table(
        f"proposed: {proposal.severity.word} {proposal.severity.zh}",
        ("metric", "threshold", "value", "level"),
        rows,
    )
    return 0


@incident.command("open")
@click.option("--summary", required=True, help="One sentence; no patient data.")
@click.option("--source", default="person", show_default=True, help="How it came to us.")
@click.option("--reporter", default="", help="Who noticed; default: the account.")
@click.option("--flag", "flags", multiple=True, help="Repeat for several.")
@click.option("--operator", "operators", multiple=True, help="Default: from the settings.")
@click.option("--aware-at", help="If earlier than now; RFC 3339 with offset.")
@click.option("--json", "as_json", is_flag=True)
def open_command(
    summary: str,
    source: str,
    reporter: str,
    flags: tuple[str, ...],
    operators: tuple[str, ...],
    aware_at: str | None,
    *,
    as_json: bool,
) -> int:
    """Open a case. Awareness is now; every duty and its clock is printed at once."""
    with terminal() as desk:
        actor = desk.officer("incident.open").actor
        kinds = operators or tuple(desk.toolkit.home.text("incident", "operators").split())
        with incident_room(desk.toolkit) as room:
            case = room.desk.open(
                actor=actor,
                summary=summary,
                source=source,
                reporter=reporter or actor,
                operators=kinds,
                flags=flags,
                aware_at=None if aware_at is None else parse_instant(aware_at, "--aware-at"),
            )
            clocks = room.desk.duties(case.case)
    if as_json:
        print_json({**case_document(case), "clocks": [clock.as_json() for clock in clocks]})
    else:
        talk(f"case {case.case}; aware at {instant_text(case.aware_at)}")
        print_clocks(clocks, desk.toolkit.clock.now(), desk.language)
    return 0


@incident.command("status")
@click.option("--json", "as_json", is_flag=True)
def status_command(*, as_json: bool) -> int:
    """Every clock of every open case, soonest first."""
    with terminal() as desk:
        desk.officer("incident.read")
        with incident_room(desk.toolkit) as room:
            clocks = room.desk.status()
    if as_json:
        print_json({"clocks": [clock.as_json() for clock in clocks]})
    else:
        print_clocks(clocks, desk.toolkit.clock.now(), desk.language)
    return 0


@incident.command("scope")
@click.argument("case")
@click.option("--actor", help="Account whose accesses count.")
@click.option("--partner", help="Partner whose accesses count.")
@click.option("--credential", help="Token, key or session id.")
@click.option("--since", help="Inclusive; default: the beginning of the log.")
@click.option("--until", help="Exclusive; default: now.")
@click.option("--json", "as_json", is_flag=True)
def scope_command(case: str, *, as_json: bool, **asked: str | None) -> int:
    """Count whose data was reached, replayed from verified log entries.

    Without --actor, --partner or --credential the last question of CASE is asked again.
    """
    with terminal() as desk:
        actor = desk.officer("incident.work").actor
        with incident_room(desk.toolkit) as room:
            query = scope_question(room, case, asked, desk.toolkit.clock.now())
            after, found = room.desk.scope(case, actor=actor, query=query)
            require_known(room, query, found)
    document = {**found.as_json(), "case": after.case}
    if as_json:
        print_json(document)
        return 0
    print_table("scope", ("what", "value"), [(key, str(value)) for key, value in document.items()])
    return 0


@incident.command("draft")
@click.argument("case")
@click.option("--recipient", required=True, help="As in the letters: e.g. provincial_cac.")
@click.option("--stage", type=click.Choice([s.value for s in Stage]), default=Stage.FIRST.value)
@click.option("--answer", "answers", multiple=True, metavar="FIELD=TEXT")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for papers.")
@click.option("--json", "as_json", is_flag=True)
def draft_command(
    case: str,
    recipient: str,
    stage: str,
    answers: tuple[str, ...],
    out: Path | None,
    *,
    as_json: bool,
) -> int:
    """Write the report for one recipient, prefilled from the case."""
    given = dict(assignment(text) for text in answers)
    with terminal() as desk:
        actor = desk.officer("incident.work").actor
        folder = out or desk.toolkit.home.folder / "out" / case
        require_writable(folder)
        with incident_room(desk.toolkit) as room:
            draft = room.desk.draft(
                case,
                actor=actor,
                recipient=recipient,
                stage=Stage(stage),
                language=desk.language,
                answers=given,
            )
        papers = write_papers(folder, draft, desk.toolkit.home.institution_name, None)
    document = {
        "draft_id": draft.draft_id,
        "digest": str(draft.digest()),
        "recipient": draft.recipient,
        "unknown": [field.name for field in draft.unknown()],
        "papers": [str(path) for path in papers],
    }
    if as_json:
        print_json(document)
    else:
        print_table("draft", ("what", "value"), [(k, str(v)) for k, v in document.items()])
    return 0


@incident.command("release")
@click.argument("case")
@click.argument("draft")
@click.option("--emergency", help="Single release near a deadline: the reason. Reviewed later.")
@click.option("--json", "as_json", is_flag=True)
def release_command(case: str, draft: str, emergency: str | None, *, as_json: bool) -> int:
    """Sign DRAFT as this account; the second person's signature releases it."""
    with terminal() as desk:
        actor = desk.officer("incident.release").actor
        signed = sign_release(desk.toolkit, case, draft, actor, emergency)
    document = {
        "draft_id": draft,
        "digest": signed.approval.digest,
        "approvals": list(signed.approvers),
        "released": signed.release is not None,
    }
    if as_json:
        print_json(document)
    else:
        talk("released" if signed.release else "signed; one more person must sign")
    return 0


@incident.command("file")
@click.argument("case")
@click.argument("draft")
@click.option("--proof", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--channel", default="by-hand", show_default=True, help="hotline, website, counter …")
@click.option("--submitted-at", help="When it was handed in; default: now.")
@click.option("--platform", is_flag=True, help="File to the provincial platform.")
@click.option("--json", "as_json", is_flag=True)
def file_command(
    case: str,
    draft: str,
    proof: Path | None,
    channel: str,
    submitted_at: str | None,
    *,
    platform: bool,
    as_json: bool,
) -> int:
    """Hand in a released DRAFT: by hand with --proof FILE, or with --platform."""
    if (proof is None) == (not platform):
        raise click.UsageError("give either --proof FILE or --platform")
    from jinkui.procedures.file_report import file_to_platform  # noqa: PLC0415 - HTTP only if used

    with terminal() as desk:
        toolkit, actor = desk.toolkit, desk.officer("incident.work").actor
        if platform:
            filing = file_to_platform(toolkit, case, draft, actor)
        else:
            at = toolkit.clock.now()
            when = at if submitted_at is None else parse_instant(submitted_at, "--submitted-at")
            with incident_room(toolkit) as room:
                room.desk.case(case)
                by = _proof(toolkit, case, proof, channel, when)
                filing = room.desk.file(case, draft, actor=actor, by=by)
    if as_json:
        print_json(filing.as_json())
    else:
        talk(f"filed by {filing.channel} at {instant_text(filing.submitted_at)}")
    return 0


def _proof(toolkit: Toolkit, case: str, path: Path | None, channel: str, at: datetime) -> HandProof:
    if path is None:
        raise click.UsageError("--proof is missing")
    kept = keep_proof(toolkit, case, path)
    return HandProof(name=kept.name, digest=kept.digest, channel=channel, submitted_at=at)


def _facts(path: Path) -> Mapping[str, int | float]:
    value = read_json(path, _LARGEST_FACTS)
    if not isinstance(value, dict):
        raise FactsUnreadable("the facts file is no JSON object", where=path.name)
    return value


for _command in MORE_STEPS:
    incident.add_command(_command)
