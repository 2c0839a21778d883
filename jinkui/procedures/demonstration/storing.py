"""Path 1 and 2: how is a visit stored, and what does a partner get to see?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from jinkui.procedures.credentials import caller_by_credential, credential_of
from jinkui.procedures.demonstration.stage import (
    BAD_LINES,
    CLAIMS_EXAMINER,
    INTAKE,
    PHARMACIST,
    Stage,
)
from jinkui.procedures.demonstration.telling import Chapter, Line
from jinkui.procedures.import_records import ImportSummary, import_file
from jinkui.system_clock import stopwatch
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.trail import LARGEST_PAGE, TrailQuery, find_entries
from secure_records.models import Caller, RecordView
from shared_kernel.errors import JinkuiError

_SAMPLE: Final = 3
_MASKED: Final = ("patient.name", "patient.id_no")
_MASKS: Final = ("＊", "*")
_WITHHELD: Final = "records.withheld"
"""The one answer a refused partner gets."""

_FORBIDDEN: Final = "kind.forbidden"
_EXPIRED: Final = "agreement.expired"

INSURER: Final = Caller(actor=CLAIMS_EXAMINER, role="claims_examiner", partner="demo-insurer")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecords:
    """Identifiers that the later paths use."""

    prescriptions: tuple[str, ...]
    transcripts: tuple[str, ...]
    visits: tuple[str, ...]
    """Outpatient records."""


def store(stage: Stage, advance: Callable[[int], None]) -> tuple[Chapter, StoredRecords]:
    """Import the synthetic hospital through the same door as a real one."""
    began = stopwatch()
    toolkit = stage.toolkit
    caller = Caller(actor=INTAKE, role="records_officer")
    first = import_file(toolkit, caller, stage.input_file, advance)
    again = import_file(toolkit, caller, stage.input_file, advance)
    toolkit.seal_log()
    stored = _identifiers(toolkit)
    chapter = Chapter(
        zh="存得住：就诊记录加密入库",
        en="Stored: visits enter encrypted",
        lines=_stored_lines(stage, first, again),
        seconds=stopwatch() - began,
    )
    return chapter, stored


def _stored_lines(stage: Stage, first: ImportSummary, again: ImportSummary) -> tuple[Line, ...]:
    patients = len(stage.hospital.patients)
    total = first.accepted + first.already_present
    good = _lines_of(stage.input_file) - first.refused
    codes = sorted({error.code for error in first.errors})
    rate = int((total + first.refused) / first.seconds) if first.seconds else 0
    return (
        Line(
            f"入库 {first.accepted} 份，先前已有 {first.already_present} 份"
            f"（{patients} 名合成患者；每份一密，SM4-GCM；{rate} 份/秒）",
            f"{first.accepted} records stored, {first.already_present} were there "
            f"({patients} synthetic patients; one key each, SM4-GCM; {rate}/s)",
            ok=(first.accepted if stage.fresh else total) == good > 0,
        ),
        Line(
            f"拒收 {first.refused} 行，逐行说明原因：{'、'.join(codes)}",
            f"{first.refused} lines refused, each with its reason: {', '.join(codes)}",
            ok=first.refused == BAD_LINES,
        ),
        Line(
            f"同一文件再次导入：新增 {again.accepted} 份，{again.already_present} 份认出已在库中",
            f"the same file again: {again.accepted} new, {again.already_present} known already",
            ok=again.accepted == 0
            and again.already_present == total
            and again.errors == first.errors,
        ),
    )


def _lines_of(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def read(stage: Stage, stored: StoredRecords) -> Chapter:
    """A pharmacy reads what its agreement allows and is refused the rest."""
    began = stopwatch()
    toolkit = stage.toolkit
    pharmacy = caller_by_credential(toolkit, credential_of(toolkit, PHARMACIST))
    views = [_ask(toolkit, pharmacy, r, "dispensing") for r in stored.prescriptions[:_SAMPLE]]
    seen = [view for view in views if isinstance(view, RecordView)]
    denied = [_ask(toolkit, pharmacy, r, "dispensing") for r in stored.transcripts[:_SAMPLE]]
    why_denied = _logged_reasons(toolkit, PHARMACIST, len(denied))
    expired = [_ask(toolkit, INSURER, r, "claims_settlement") for r in stored.visits[:_SAMPLE]]
    why_expired = _logged_reasons(toolkit, CLAIMS_EXAMINER, len(expired))
    toolkit.seal_log()
    verdict = toolkit.verify_log()
    name = str(seen[0].body.get("patient.name", "")) if seen else ""
    number = str(seen[0].body.get("patient.id_no", "")) if seen else ""
    return Chapter(
        zh="看得准：合作方只见协议所许",
        en="Read: a partner sees what its agreement says",
        lines=(
            Line(
                f"示范药房凭协议读取处方 {len(seen)} 份，姓名、证件号已遮蔽（{name}，{number}）",
                f"the pharmacy read {len(seen)} prescriptions, name and ID masked "
                f"({name}, {number})",
                ok=len(seen) == _SAMPLE and all(_is_masked(view) for view in seen),
            ),
            Line(
                f"药房索取图文问诊记录 {len(denied)} 次，全部拒绝"
                f"（日志所记理由：{_told(why_denied)}）",
                f"{len(denied)} requests for chat transcripts, all refused (reason in the log: "
                f"{_told(why_denied)})",
                ok=_all_refused(denied, why_denied, _FORBIDDEN),
            ),
            Line(
                f"协议已到期的保险公司请求 {len(expired)} 次，全部拒绝"
                f"（日志所记理由：{_told(why_expired)}）",
                f"{len(expired)} requests under an expired agreement, all refused (reason in "
                f"the log: {_told(why_expired)})",
                ok=_all_refused(expired, why_expired, _EXPIRED),
            ),
            Line(
                f"审计日志 {verdict.size} 条，全量核验{'通过' if verdict.ok else '不通过'}"
                "（RFC 6962 树，检查点由 Ed25519 与 SM2 双签）",
                f"audit log of {verdict.size} entries, full verification "
                f"{'passed' if verdict.ok else 'FAILED'} (RFC 6962 tree, checkpoints signed "
                "with Ed25519 and SM2)",
                ok=verdict.ok,
            ),
        ),
        seconds=stopwatch() - began,
    )


def _ask(toolkit: Toolkit, caller: Caller, record: str, purpose: str) -> RecordView | JinkuiError:
    try:
        return toolkit.vault.read(caller, record, purpose)
    except JinkuiError as error:
        # Refusals are what is to be shown; the caller counts them.
        return error


def _is_masked(view: RecordView) -> bool:
    """Are name and number declared masked, and do they look it?"""
    return set(_MASKED) <= set(view.masked) and all(
        any(mask in str(view.body.get(name, "")) for mask in _MASKS) for name in _MASKED
    )


def _all_refused(
    answers: list[RecordView | JinkuiError], logged: tuple[tuple[str, ...], ...], reason: str
) -> bool:
    """Was every request refused in the one way, and for exactly this reason?"""
    return (
        len(answers) == _SAMPLE
        and all(isinstance(one, JinkuiError) and one.code == _WITHHELD for one in answers)
        and logged == ((reason,),) * len(answers)
    )


def _told(logged: tuple[tuple[str, ...], ...]) -> str:
    return "、".join(dict.fromkeys(name for reasons in logged for name in reasons)) or "—"


def _logged_reasons(toolkit: Toolkit, actor: str, count: int) -> tuple[tuple[str, ...], ...]:
    """What the log says about the newest refusals; the partner itself is not told."""
    if not count:
        return ()
    query = TrailQuery(actor=actor, decision="deny", limit=count, newest_first=True)
    with toolkit.reading() as unit:
        entries = find_entries(unit.audit_store, query).entries
    found: list[tuple[str, ...]] = []
    for entry in entries:
        details = entry.content.get("details")
        reasons = details.get("reasons") if isinstance(details, dict) else None
        found.append(tuple(str(r) for r in reasons) if isinstance(reasons, list) else ())
    return tuple(found)


def _identifiers(toolkit: Toolkit) -> StoredRecords:
    found: dict[str, list[str]] = {}
    query = TrailQuery(action="record.stored", limit=LARGEST_PAGE)
    with toolkit.reading() as unit:
        while True:
            page = find_entries(unit.audit_store, query)
            for entry in page.entries:
                if entry.record is not None:
                    found.setdefault(entry.kind or "", []).append(entry.record)
            if page.next_cursor is None:
                break
            query = replace(query, cursor=page.next_cursor)
    return StoredRecords(
        prescriptions=tuple(found.get("prescription", ())),
        transcripts=tuple(found.get("chat_transcript", ())),
        visits=tuple(found.get("outpatient_record", ())),
    )
