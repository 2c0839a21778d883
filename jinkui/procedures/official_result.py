"""How does the official evaluation result get to the province, and never ours in its place?

The official evaluation (等级测评) is the work of a licensed body: its own object with
body, certificate, filing number, conclusion and the signed report bound by SM3. Only
that object becomes a message. A self-assessment (自查) has no way into this file.
"""

from __future__ import annotations

from pathlib import Path

from classification.assessment.official_evaluation import (
    OfficialEvaluation,
    parse_official_evaluation,
)
from jinkui.bridges.evaluation_report import RESOURCE, evaluation_body
from jinkui.procedures.input_files import read_file, read_text_file
from jinkui.wiring.supervision import Platform, ledger_of, supervision_desk
from jinkui.wiring.toolkit import Toolkit
from secure_records.keys.signing_keys import sm3_function
from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.digests import require_equal
from shared_kernel.errors import BadInput
from supervision.messages.message import Attachment, Provenance

_LARGEST_DESCRIPTION = 64 * 1024
_LARGEST_REPORT = 20 * 1024 * 1024
_PDF = b"%PDF-"


class OfficialFileRefused(BadInput):
    """The report is not what a licensed body signs."""

    code = "official.file_refused"
    default_hint = "hand over the signed report as a PDF"


def import_official(
    toolkit: Toolkit, actor: str, description: Path, report: Path
) -> OfficialEvaluation:
    """Take in an official evaluation with its signed report.

    Raises:
        FileTooLarge, FileNotRegular, FileNotUtf8: no file of this sort.
        OfficialEvaluationRefused: a field is missing, unknown or impossible.
        DigestMismatch: the report is not the file that the description binds.
        RunImmutable: an evaluation of this report number is already kept.
    """
    result = parse_official_evaluation(read_text_file(description, _LARGEST_DESCRIPTION))
    attachment = official_attachment(report)
    require_equal(result.report_sm3.value, sm3_function(attachment.content), "the signed report")
    document = canonical_bytes(dict(result.to_json()))
    at = toolkit.clock.now()
    with toolkit.transaction() as unit:
        unit.assessments.add_official(toolkit.tenant, result.report_number, document, at)
        unit.journal.record(
            "assessment.official_imported",
            {"report_number": result.report_number, "report_sm3": str(result.report_sm3)},
            at=at,
            actor=actor,
        )
    return result


def official_attachment(report: Path) -> Attachment:
    """The signed report as an attachment."""
    content = read_file(report, _LARGEST_REPORT)
    if not content.startswith(_PDF):
        # Our own reports are HTML and JSON: a self-assessment cannot be handed in as this one.
        raise OfficialFileRefused("the report is no PDF", where=report.name)
    return Attachment(name=report.name, media_type="application/pdf", content=content)


def send_official(
    toolkit: Toolkit,
    actor: str,
    report_number: str,
    attachment: Attachment,
    *,
    dry_run: bool = False,
    platform: Platform | None = None,
) -> str | None:
    """Freeze the official result as a message in the outbox; returns its message id.

    The same result gives the same message, however often it is submitted. A dry run
    checks everything and returns None.

    Raises:
        RunUnknown: no official evaluation of this number was taken in.
        BodyInvalid, AttachmentRefused: the message would not be complete.
    """
    with toolkit.reading() as unit:
        stored = unit.assessments.official(toolkit.tenant, report_number)
    result = parse_official_evaluation(stored.decode())
    body = evaluation_body(result, attachment.name)
    provenance = Provenance(
        source_system="licensed-evaluation-body", collector="official-import", operator=actor
    )
    with supervision_desk(toolkit, platform) as desk, toolkit.transaction() as unit:
        message = desk.submit(
            RESOURCE, body, (attachment,), provenance=provenance, within=ledger_of(unit)
        )
        if dry_run:
            unit.connection.rollback()
            return None
    return message
