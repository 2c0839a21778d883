"""How does the house check itself against level 3, so that anyone can recompute it?

Facts are collected once, read-only; rules judge them; facts and report are signed by
the log's keys, stored, and noted in the audit log. The result is a self-assessment
(自查) and never an official evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from classification.assessment.verdict_settings import VerdictSettings
from classification.reports.html import html_report
from classification.run import AssessmentRun, run_assessment
from jinkui.bridges.own_system import OwnSystem
from jinkui.system_clock import stopwatch
from jinkui.wiring.assessment import catalogue, local_readers, rules
from jinkui.wiring.toolkit import Toolkit
from secure_records.keys.signing_keys import sm3_function
from shared_kernel.errors import BadInput

FORMATS = ("html", "json")


class FormatUnknown(BadInput):
    """No report of this format is written by this version."""

    code = "assess.format_unknown"
    default_hint = "use html or json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRun:
    """A run and how long it took."""

    run: AssessmentRun
    seconds: float
    """Collecting, judging and signing."""


def assess(
    toolkit: Toolkit,
    actor: str,
    settings: VerdictSettings | None,
    progress: Callable[[str, int, int], None],
) -> TimedRun:
    """Collect, judge, sign and keep one self-assessment of this host, store and daemon."""
    began = stopwatch()
    run = run_assessment(
        catalogue=catalogue(),
        rules=rules(),
        readers=local_readers(),
        own_facts=OwnSystem(toolkit),
        signers=toolkit.keys.log_signers(toolkit.tenant),
        hashes=(sm3_function,),
        clock=toolkit.clock,
        entropy=toolkit.entropy,
        tenant=toolkit.tenant,
        system=toolkit.home.text("institution", "systems") or toolkit.home.institution_name,
        settings=settings,
        progress=progress,
    )
    stored = run.stored(toolkit.tenant)
    with toolkit.transaction() as unit:
        unit.assessments.add_run(stored)
        unit.journal.record(
            "assessment.self_check",
            {"run": run.run_id, "report": stored.report_digest, "conclusion": stored.conclusion},
            at=run.at,
            actor=actor,
        )
    return TimedRun(run=run, seconds=stopwatch() - began)


def write_report(toolkit: Toolkit, run_id: str, form: str, out: Path, language: str) -> Path:
    """Write a stored run's report; the HTML holds both languages, ``language`` first.

    Raises:
        RunUnknown: no such run.
        FormatUnknown: neither html nor json.
    """
    with toolkit.reading() as unit:
        stored = unit.assessments.run(toolkit.tenant, run_id)
    if form == "json":
        content = stored.report
    elif form == "html":
        content = html_report(stored.report, catalogue(), language).encode()
    else:
        raise FormatUnknown(f"no report format {form}", where="--format")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)
    return out
