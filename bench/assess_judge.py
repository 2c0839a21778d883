"""How fast do facts become a verdict, and a report is recomputed?

The limit answers the same checks with what no judge can do without: one look
into the facts for every fact that a check names, and one comparison. Recorded
synthetic hosts, so that every machine judges the same.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rounds import Bench, Case, main, repeated

from classification.adapters.recorded_host import RecordedHost
from classification.assessment.judge import judge
from classification.assessment.rule_book import RuleBook
from classification.facts.collect import collect_host, facts_document
from classification.facts.models import FactsDocument
from classification.run import run_assessment
from classification.verify import verify_facts_or_report
from jinkui.wiring.assessment import catalogue, rules
from secure_records.keys.signing_keys import Ed25519Signer, Verifier, generate_ed25519, sm3_function
from shared_kernel.canonical_json import Json

CASES: Final = (
    "judge one host",
    "judge ten hosts",
    "verify a signed report: recompute everything",
)
_HOSTS: Final = Path(__file__).parents[1] / "tests" / "vectors" / "mlps" / "hosts"
_NOW: Final = datetime.fromtimestamp(1_760_000_000, UTC)


class _Clock:
    def now(self) -> datetime:
        return _NOW


def facts(hosts: int) -> FactsDocument:
    """Facts of as many recorded hosts, weak and hardened in turn."""
    names = ("hardened.json", "weak.json")
    found = [
        collect_host(RecordedHost(_HOSTS / names[n % 2]), f"host-{n}", _NOW) for n in range(hosts)
    ]
    return facts_document("bench", tuple(found), _NOW)


def cases(bench: Bench) -> Iterator[Case]:
    """No goal of the limits speaks of judging: the figures are for the reader."""
    del bench
    required, book = catalogue(), rules()
    questions = _questions(book)
    for name, hosts in zip(CASES, (1, 10), strict=False):
        document = facts(hosts)
        items = len(required.items) * hosts
        yield Case(
            case=name,
            unit="items/s",
            ours=repeated(lambda d=document: judge(d, required, book), per_call=items),
            limit=repeated(lambda d=document: _bare(d, questions), per_call=items),
        )
    signer = Ed25519Signer(generate_ed25519(os.urandom)[0])
    run = run_assessment(
        catalogue=required,
        rules=book,
        readers={"host-0": RecordedHost(_HOSTS / "hardened.json")},
        own_facts=None,
        signers=(signer,),
        hashes=(sm3_function,),
        clock=_Clock(),
        entropy=os.urandom,
        tenant="12460100000000019E",
        system="bench",
    )
    raw = run.report_bytes

    def verify() -> None:
        assert verify_facts_or_report(raw, required, book, (sm3_function,), Verifier()).ok

    yield Case(
        case=CASES[2],
        unit="reports/s",
        ours=repeated(verify),
        limit=repeated(lambda: json.loads(raw)),
    )


def _questions(book: RuleBook) -> Mapping[str, list[list[tuple[str, Json]]]]:
    """For every kind of object the facts that each check names, with what it expects."""
    found: dict[str, list[list[tuple[str, Json]]]] = {}
    for rule in book.rules:
        kind = found.setdefault(rule.kind, [])
        kind.extend(list(_named(check.condition)) for check in rule.checks)
    return found


def _named(condition: Json) -> Iterator[tuple[str, Json]]:
    if not isinstance(condition, Mapping):
        return
    name = condition.get("fact")
    if isinstance(name, str):
        yield name, next((value for key, value in condition.items() if key != "fact"), None)
        return
    for inner in condition.values():
        for part in inner if isinstance(inner, list | tuple) else [inner]:
            yield from _named(part)


def _bare(
    document: FactsDocument, questions: Mapping[str, list[list[tuple[str, Json]]]]
) -> Sequence[bool]:
    return [
        all(known.get(name) == wanted for name, wanted in check)
        for target in document.objects
        for known in (target.facts,)
        for check in questions.get(target.kind, [])
    ]


if __name__ == "__main__":
    main(CASES, cases)
