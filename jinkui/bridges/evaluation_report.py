"""Which fields of the canonical message does an official evaluation fill?"""

from __future__ import annotations

from typing import Final

from classification.assessment.official_evaluation import OfficialEvaluation
from shared_kernel.canonical_json import Json

RESOURCE: Final = "mlps_evaluation"


def evaluation_body(result: OfficialEvaluation, report_file: str) -> dict[str, Json]:
    """Fields of ``mlps_evaluation``; ``report_file`` names the attached signed report."""
    body: dict[str, Json] = {
        "report_no": result.report_number,
        "filing_cert_no": result.filing_number,
        "system_name": result.system,
        "protection_level": str(result.level),
        "evaluator_name": result.body,
        "evaluator_cert_no": result.certificate_number,
        "template_version": result.template.value,
        "onsite_from": result.onsite_from.isoformat(),
        "onsite_to": result.onsite_to.isoformat(),
        "issued_on": result.report_date.isoformat(),
        "conclusion": result.conclusion,
        "major_risk_count": result.major_risks or 0,
        "high_count": result.high_risks,
        "medium_count": result.medium_risks,
        "low_count": result.low_risks,
        "report_file": report_file,
        "report_sm3": result.report_sm3.value.hex(),
        "next_due": result.valid_until.isoformat(),
    }
    if result.score is not None:
        body["score"] = result.score
    return body
