"""How does an incident report become a message to the provincial platform?

Fields of the released draft become fields of the canonical resource
``security_incident_report``; the digest that people signed travels with them, so
that the signed paper and the message can be matched. What the draft does not know
is not invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from incident.reports.draft import Draft
from incident.triage.severity import Severity
from incident.workflow.case import Case
from shared_kernel.canonical_json import Json
from shared_kernel.instants import china_text

RESOURCE: Final = "security_incident_report"
_LEVELS: Final = {
    Severity.GENERAL: "general",
    Severity.RELATIVELY_MAJOR: "larger",
    Severity.MAJOR: "major",
    Severity.PARTICULARLY_MAJOR: "extra_major",
}
_UNKNOWN: Final = "尚未查明，随后补报"
_LONG: Final = {
    "impact": "impact_and_harm",
    "measures": "measures_taken",
    "trend": "trend",
    "cause": "preliminary_cause",
    "next_steps": "planned_measures",
    "scene_protection": "scene_preservation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who hands it in and who released it, as account names."""

    reporter: str
    approver: str


def report_body(case: Case, draft: Draft, who: Reporter, institution_name: str) -> dict[str, Json]:
    """Fields of the canonical resource, from a case and its released draft."""
    said: Mapping[str, str | None] = {field.name: field.value for field in draft.fields}
    scope = case.scopes[-1] if case.scopes else None
    body: dict[str, Json] = {
        "report_id": draft.number,
        "stage": {"first": "initial", "supplement": "follow_up", "closing": "final"}[
            draft.stage.value
        ],
        "org_uscc": case.tenant,
        "org_name": institution_name,
        "system_info": {"description": said.get("system_profile") or _UNKNOWN},
        "discovered_at": _platform_time(case.aware_at),
        "place": (said.get("place") or _UNKNOWN)[:100],
        "type": "数据泄露",
        "level": _LEVELS[case.assumed_severity],
        "recipients": [draft.recipient_name],
        "reporter": {"account": who.reporter},
        "other": f"签发稿 {draft.draft_id} 摘要 {draft.digest()}",
        "approver": who.approver,
    }
    for name, source in _LONG.items():
        body[name] = said.get(source) or _UNKNOWN
    if scope is not None:
        body["persons_affected"] = scope.low if scope.high is None else scope.high
        body["data_categories"] = list(scope.fields)
    return body


def _platform_time(value: datetime) -> str:
    return china_text(value)
