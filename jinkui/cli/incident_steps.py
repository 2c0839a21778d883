"""What else happens to a case: facts, notices, handling, proof, review, closing, timeline?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from incident.notices.deliveries import DeliveryChannel
from incident.workflow.events import EventKind
from jinkui.cli.incident_output import assignment, case_document
from jinkui.cli.output import print_json, print_table, talk
from jinkui.cli.session import terminal
from jinkui.procedures.filing_proofs import hand_out_proof, keep_proof
from jinkui.procedures.notify_individuals import notify_individuals
from jinkui.wiring.incidents import incident_room
from shared_kernel.canonical_json import Json
from shared_kernel.instants import china_text, instant_text, parse_instant


def _record(case: str, kind: EventKind, payload: dict[str, Json], *, as_json: bool) -> int:
    with terminal() as desk:
        actor = desk.officer("incident.work").actor
        with incident_room(desk.toolkit) as room:
            after = room.desk.record(case, kind, payload, actor=actor)
    if as_json:
        print_json(case_document(after))
    else:
        talk(f"{kind.value}: {after.case} is {after.state.value}")
    return 0


@click.command("state")
@click.argument("case")
@click.argument("facts", nargs=-1, required=True, metavar="FIELD=TEXT…")
@click.option("--json", "as_json", is_flag=True)
def state_command(case: str, facts: tuple[str, ...], *, as_json: bool) -> int:
    """State facts for the reports of CASE; later drafts are prefilled with them."""
    values: dict[str, Json] = dict(assignment(text) for text in facts)
    return _record(case, EventKind.FACTS_STATED, {"values": values}, as_json=as_json)


@click.command("handled")
@click.argument("case")
@click.option("--at", help="When handling was completed; default: now.")
@click.option("--json", "as_json", is_flag=True)
def handled_command(case: str, at: str | None, *, as_json: bool) -> int:
    """Handling of CASE is completed: the clock of the closing report starts."""
    with terminal() as desk:
        when = desk.toolkit.clock.now() if at is None else parse_instant(at, "--at")
    payload: dict[str, Json] = {"handled_at": instant_text(when)}
    return _record(case, EventKind.HANDLED, payload, as_json=as_json)


@click.command("prove")
@click.argument("case")
@click.argument("rule_id")
@click.argument("proof", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--at", help="When it was done; default: now.")
@click.option("--json", "as_json", is_flag=True)
def prove_command(case: str, rule_id: str, proof: Path, at: str | None, *, as_json: bool) -> int:
    """An internal act that RULE_ID asks for was done; PROOF is the evidence."""
    with terminal() as desk:
        desk.officer("incident.work")
        when = desk.toolkit.clock.now() if at is None else parse_instant(at, "--at")
        with incident_room(desk.toolkit) as room:
            room.desk.case(case)
        kept = keep_proof(desk.toolkit, case, proof)
    payload: dict[str, Json] = {
        "rule_id": rule_id,
        "done_at": instant_text(when),
        "proof_name": kept.name,
        "proof_digest": kept.digest,
    }
    return _record(case, EventKind.ACTION_PROVEN, payload, as_json=as_json)


@click.command("evidence")
@click.argument("case")
@click.argument("digest")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--json", "as_json", is_flag=True)
def evidence_command(case: str, digest: str, out: Path, *, as_json: bool) -> int:
    """Write the kept proof DIGEST of CASE to a new file; the timeline names the digests."""
    with terminal() as desk:
        actor = desk.officer("incident.read").actor
        path = hand_out_proof(desk.toolkit, actor, case, digest, out)
    if as_json:
        print_json({"case": case, "digest": digest, "path": str(path)})
    else:
        talk(f"written: {path}")
    return 0


@click.command("review")
@click.argument("case")
@click.argument("draft")
@click.option("--outcome", required=True, help="What the review of the single release found.")
@click.option("--json", "as_json", is_flag=True)
def review_command(case: str, draft: str, outcome: str, *, as_json: bool) -> int:
    """Review an emergency release of DRAFT; not by the person who released it."""
    payload: dict[str, Json] = {"draft_id": draft, "outcome": outcome}
    return _record(case, EventKind.RELEASE_REVIEWED, payload, as_json=as_json)


@click.command("notify")
@click.argument("case")
@click.argument("draft")
@click.option(
    "--channel",
    type=click.Choice([c.value for c in DeliveryChannel]),
    default="app",
    show_default=True,
)
@click.option("--dry-run", is_flag=True, help="Count the persons, record nothing.")
@click.option("--json", "as_json", is_flag=True)
def notify_command(case: str, draft: str, channel: str, *, dry_run: bool, as_json: bool) -> int:
    """Hand the released notice DRAFT to a channel for every person of the last scope."""
    with terminal() as desk:
        actor = desk.officer("incident.work").actor
        batch = notify_individuals(
            desk.toolkit, case, draft, actor, DeliveryChannel(channel), dry_run=dry_run
        )
    document: dict[str, Json] = {
        "batch_id": batch.batch_id,
        "persons": batch.persons,
        "to_guardians": batch.to_guardians,
        "recorded": not dry_run,
    }
    if as_json:
        print_json(document)
    else:
        print_table("notices", ("what", "value"), [(k, str(v)) for k, v in document.items()])
    return 0


@click.command("close")
@click.argument("case")
@click.option("--reason", required=True)
@click.option("--json", "as_json", is_flag=True)
def close_command(case: str, reason: str, *, as_json: bool) -> int:
    """Close CASE; refused while a duty with a limit or a review is still owed."""
    with terminal() as desk:
        actor = desk.officer("incident.work").actor
        with incident_room(desk.toolkit) as room:
            after = room.desk.close(case, actor=actor, reason=reason)
    if as_json:
        print_json(case_document(after))
    else:
        talk(f"closed: {after.case}")
    return 0


@click.command("timeline")
@click.argument("case")
@click.option("--json", "as_json", is_flag=True)
def timeline_command(case: str, *, as_json: bool) -> int:
    """Everything that happened to CASE, in the order in which it happened."""
    with terminal() as desk:
        desk.officer("incident.read")
        with incident_room(desk.toolkit) as room:
            entries = room.desk.timeline(case)
    if as_json:
        print_json({"timeline": [entry.as_json() for entry in entries]})
        return 0
    zh = desk.language == "zh"
    rows = [(china_text(e.event_at), e.actor, e.zh if zh else e.en, e.note or "") for e in entries]
    print_table("timeline", ("at (China)", "by", "what", "note"), rows)
    return 0


MORE_STEPS: Final = (
    state_command,
    handled_command,
    prove_command,
    evidence_command,
    review_command,
    notify_command,
    close_command,
    timeline_command,
)
