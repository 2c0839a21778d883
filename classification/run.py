"""How does one assessment go from files on a host to a signed report? The front door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from classification.assessment.judge import Assessment, judge
from classification.assessment.rule_book import RuleBook
from classification.assessment.verdict_settings import VerdictSettings
from classification.assessment.verdicts import plain_numbers
from classification.catalogue.models import Catalogue
from classification.facts.collect import HOST_STEPS, collect_host, collect_own, facts_document
from classification.facts.document import REPORT_DOMAIN, seal, sign_facts
from classification.facts.models import FactsDocument, ObjectFacts
from classification.ports import HostReader, OwnSystemFacts, Progress, StoredRun
from classification.reports.document import ReportHead, report_document
from shared_kernel.canonical_json import Json
from shared_kernel.digests import HashFunction, sha256
from shared_kernel.identifiers import Entropy, new_identifier
from shared_kernel.instants import Clock, in_utc
from shared_kernel.signatures import Signer

RUN_PREFIX = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRun:
    """Everything one run produced."""

    run_id: str
    at: datetime
    facts: FactsDocument
    facts_bytes: bytes
    """The signed facts file."""
    assessment: Assessment
    report: Mapping[str, Json]
    report_bytes: bytes
    """The signed report file."""

    def stored(self, tenant: str) -> StoredRun:
        """The row to keep."""
        return StoredRun(
            tenant=tenant,
            run_id=self.run_id,
            at=self.at,
            target=self.facts.target,
            facts=self.facts_bytes,
            report=self.report_bytes,
            report_digest=str(sha256(self.report_bytes)),
            conclusion=self.assessment.verdicts.v2025.conclusion,
        )

    def summary(self, seconds: float) -> Mapping[str, object]:
        """The document of ``assess run --json``; ``seconds`` is measured by the caller."""
        coverage = self.report["coverage"]
        return {
            "run_id": self.run_id,
            "label": self.report["label"],
            "facts": {
                "digest": self.report["facts_digest"],
                "objects": [item.id for item in self.facts.objects],
            },
            "seconds": round(seconds, 3),
            "results": [result.to_json() for result in self.assessment.results],
            "coverage": coverage,
            "verdicts": plain_numbers(self.assessment.verdicts),
        }


def _silent(step: str, done: int, total: int, /) -> None:
    """Nobody watches."""
    del step, done, total


def run_assessment(
    *,
    catalogue: Catalogue,
    rules: RuleBook,
    readers: Mapping[str, HostReader],
    own_facts: OwnSystemFacts | None,
    signers: Sequence[Signer],
    hashes: Sequence[HashFunction],
    clock: Clock,
    entropy: Entropy,
    tenant: str,
    system: str,
    settings: VerdictSettings | None = None,
    progress: Progress = _silent,
) -> AssessmentRun:
    """Collect facts, judge them, sign facts and report.

    Args:
        catalogue: What is required.
        rules: How it is decided.
        readers: Host name to reader; may be empty when only our own system is looked at.
        own_facts: Our store and daemon, None to leave them out.
        signers: Sign facts and report alike.
        hashes: Hash functions beside SHA-256, in practice SM3.
        clock: Read once for collecting and judging.
        entropy: For the run id.
        tenant: Institution the run belongs to.
        system: Name of the assessed system.
        settings: Verdict settings; strict ones when None.
        progress: Told before each step.
    """
    now = in_utc(clock.now(), "now")
    total = HOST_STEPS * len(readers) + 3
    objects: list[ObjectFacts] = []
    for index, (name, reader) in enumerate(sorted(readers.items())):
        step = _Step(progress, f"{name}: ", index * HOST_STEPS, total)
        objects.append(collect_host(reader, name, now, step))
    progress("own system", total - 3, total)
    if own_facts is not None:
        objects.extend(collect_own(own_facts))
    facts = facts_document(system, tuple(objects), now)
    progress("judging", total - 2, total)
    assessment = judge(facts, catalogue, rules, settings)
    progress("signing", total - 1, total)
    head = ReportHead(
        run_id=new_identifier(RUN_PREFIX, now, entropy), at=now, tenant=tenant, system=system
    )
    report = report_document(head, facts, assessment, catalogue, rules)
    run = AssessmentRun(
        run_id=head.run_id,
        at=now,
        facts=facts,
        facts_bytes=sign_facts(facts, signers, hashes),
        assessment=assessment,
        report=report,
        report_bytes=seal(report, REPORT_DOMAIN, signers, hashes),
    )
    progress("done", total, total)
    return run


class _Step:
    """Shifts the progress of one host into the progress of the run."""

    def __init__(self, progress: Progress, prefix: str, done: int, total: int) -> None:
        self._progress, self._prefix, self._done, self._total = progress, prefix, done, total

    def __call__(self, step: str, done: int, total: int, /) -> None:
        del total
        self._progress(self._prefix + step, self._done + done, self._total)
