"""What stands in the report, from which every printed form is derived?

One JSON document. It repeats the facts in full, so that anybody with this program
can recompute every line of it. Its label says 自查 (self-assessment): it is not,
and must never pass for, the report of a licensed evaluation body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from classification.assessment.judge import Assessment, judge
from classification.assessment.models import OPEN_OUTCOMES, ItemResult, Outcome
from classification.assessment.rollup import assumed, rolled_up
from classification.assessment.rule_book import RuleBook
from classification.assessment.verdict_settings import settings_from
from classification.assessment.verdicts import exact_json
from classification.catalogue.models import Catalogue, ControlItem
from classification.errors import ReportRefused
from classification.facts.document import parse_facts
from classification.facts.models import FactsDocument
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import sha256
from shared_kernel.instants import instant_text, parse_instant

REPORT_FORMAT: Final = "jinkui-assessment/1"
LABEL_ZH: Final = "自查 – 非等级测评"
LABEL_EN: Final = "Self-assessment – not an official MLPS evaluation"
_THOUSAND: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportHead:
    """What the report says about itself."""

    run_id: str
    at: datetime
    tenant: str
    system: str
    """Name of the assessed system, as filed."""


def report_document(
    head: ReportHead,
    facts: FactsDocument,
    assessment: Assessment,
    catalogue: Catalogue,
    rules: RuleBook,
) -> Mapping[str, Json]:
    """Put the report together; pure, so that verification can do it again."""
    body = facts.to_json()
    by_item: dict[str, list[ItemResult]] = {}
    for result in assessment.results:
        by_item.setdefault(result.item, []).append(result)
    return {
        "format": REPORT_FORMAT,
        "label": LABEL_ZH,
        "label_en": LABEL_EN,
        "run_id": head.run_id,
        "assessed_at": instant_text(head.at),
        "tenant": head.tenant,
        "system": head.system,
        "edition": catalogue.edition,
        "engine": {"catalogue": catalogue.digest, "rules": rules.digest},
        "facts_digest": str(sha256(canonical_bytes(body))),
        "facts": body,
        "settings": assessment.settings.to_json(),
        "coverage": {
            "items": assessment.coverage.items,
            "evaluated": assessment.coverage.evaluated,
            "partly_evaluated": assessment.coverage.partly_evaluated,
            "not_evaluated": assessment.coverage.not_evaluated,
            "objects": assessment.coverage.objects,
        },
        "verdicts": exact_json(assessment.verdicts),
        "categories": _categories(catalogue, by_item),
        "items": [
            {
                "id": item.id,
                "outcome": assessment.rolled[item.id].value,
                "automation": rules.automation(item.id).value,
                "importance": item.importance.value,
            }
            for item in catalogue.items
        ],
        "results": [result.to_json() for result in assessment.results],
    }


def recomputed_report(
    stated: Mapping[str, Json], catalogue: Catalogue, rules: RuleBook
) -> Mapping[str, Json]:
    """The report as it must read, given only its head, its facts and its settings.

    Raises:
        ReportRefused: a part that is needed for recomputing is missing or malformed.
        FactsRefused: the facts inside are malformed.
    """
    facts_json, settings_json = stated.get("facts"), stated.get("settings")
    if not isinstance(facts_json, Mapping) or not isinstance(settings_json, Mapping):
        raise ReportRefused("the report lacks its facts or its settings", where="facts")
    facts = parse_facts(facts_json)
    settings = settings_from({name: str(value) for name, value in settings_json.items()})
    head = ReportHead(
        run_id=_text(stated, "run_id"),
        at=parse_instant(_text(stated, "assessed_at"), "assessed_at"),
        tenant=_text(stated, "tenant"),
        system=_text(stated, "system"),
    )
    return report_document(head, facts, judge(facts, catalogue, rules, settings), catalogue, rules)


def _text(stated: Mapping[str, Json], key: str) -> str:
    value = stated.get(key)
    if not isinstance(value, str):
        raise ReportRefused(f"{key} is no text", where=key)
    return value


def _categories(catalogue: Catalogue, by_item: Mapping[str, Sequence[ItemResult]]) -> list[Json]:
    """One row per category: counts, and the conformity rate from below and above (per mille)."""
    grouped: dict[str, list[ControlItem]] = {}
    for item in catalogue.items:
        grouped.setdefault(item.category, []).append(item)
    rows: list[Json] = []
    for category, items in grouped.items():
        outcomes = [[result.outcome for result in by_item[item.id]] for item in items]
        rolled = [rolled_up(one) for one in outcomes]
        rows.append(
            {
                "id": category,
                "zh": items[0].category_zh,
                "en": items[0].category_en,
                "items": len(items),
                "findings": sum(
                    1
                    for one in outcomes
                    if Outcome.NOT_EVALUATED is rolled_up(one)
                    and any(o in {Outcome.FAIL, Outcome.PARTIAL} for o in one)
                ),
                **{
                    outcome.value: rolled.count(outcome)
                    for outcome in Outcome
                    if outcome not in OPEN_OUTCOMES | {Outcome.WAIVED}
                },
                "not_evaluated": rolled.count(Outcome.NOT_EVALUATED),
                "rate_low_permille": _permille(outcomes, Outcome.FAIL),
                "rate_high_permille": _permille(outcomes, Outcome.PASS),
            }
        )
    return rows


def _permille(outcomes: Sequence[Sequence[Outcome]], assumption: Outcome) -> int | None:
    units = [rolled_up(assumed(one, assumption)) for one in outcomes]
    base = [unit for unit in units if unit is not Outcome.NOT_APPLICABLE]
    if not base:
        return None
    return int(Fraction(_THOUSAND * base.count(Outcome.PASS), len(base)))
