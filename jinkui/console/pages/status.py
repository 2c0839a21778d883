"""What is due, what is broken, what is new?

Turns a ``Status`` into words. The sentence on top says the state; colours only
repeat it. Unknown looks unknown: never green, never blank.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from jinkui.console.phrases import LANGUAGES, say
from jinkui.console.sessions import Session
from jinkui.procedures.status import ClockLine, Status
from shared_kernel.instants import china_text

_LOOK: Final = {
    "running": "unknown",
    "near": "soon",
    "overdue": "late",
    "discharged": "ok",
    "no_hours": "soon",
    "not_started": "unknown",
}


def status_context(status: Status, session: Session, language: str) -> dict[str, object]:
    """Everything the template needs; no decision is left to it."""
    verdict, look = _log(status, language)
    discharged = [line for line in status.clocks if line.due_at and line.state == "discharged"]
    log = status.log
    checkpoint_at = _china(log.checkpoint_at, language)
    return {
        "lang": language,
        "other_lang": _other(language),
        "say": lambda key: say(language, key),
        "session": session,
        "status": status,
        "sentence": sentence(status, language),
        "lines": [_line(line, status.at, language) for line in (*status.running, *discharged)],
        "prompt": [_line(line, status.at, language) for line in status.prompt],
        "last_receipt": _china(status.outbox.last_receipt_at, language),
        "check_at": _china(status.check.at if status.check else None, language),
        "checkpoint": f"{log.checkpoint_size} · {checkpoint_at}",
        "log_verdict": verdict,
        "log_look": look,
        "footer": say(language, "footer", at=china_text(status.at), size=log.checkpoint_size),
    }


def sentence(status: Status, language: str) -> str:
    """The state of the house in one sentence, most urgent first."""
    overdue = [line for line in status.running if line.state == "overdue"]
    live = [line for line in status.running if line.state != "overdue"]
    parts = []
    if overdue:
        parts.append(say(language, "sentence_overdue", count=len(overdue)))
    if live and live[0].due_at is not None:
        left = duration_text(live[0].due_at - status.at)
        parts.append(say(language, "sentence_clocks", count=len(live), left=left))
    if not parts:
        parts.append(say(language, "sentence_clocks_none"))
    if status.prompt:
        parts.append(say(language, "sentence_prompt", count=len(status.prompt)))
    if status.outbox.stuck:
        parts.append(say(language, "sentence_stuck", count=status.outbox.stuck))
    key = {True: "sentence_log_ok", False: "sentence_log_bad", None: "sentence_log_unknown"}
    parts.append(say(language, key[status.log.verified_ok]))
    if status.check is None:
        parts.append(say(language, "sentence_check_none"))
    else:
        failed, unknown = status.check.failed, status.check.not_evaluated
        parts.append(say(language, "sentence_check", failed=failed, unknown=unknown))
    return say(language, "sentence_join").join(parts) + say(language, "sentence_end")


def duration_text(value: timedelta) -> str:
    """``29 d 03:15`` or ``03:15`` (hours and minutes, rounded down); never negative."""
    minutes = max(0, int(value.total_seconds() // 60))
    days, rest = divmod(minutes, 24 * 60)
    clock = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{days} d {clock}" if days else clock


def _line(line: ClockLine, at: datetime, language: str) -> dict[str, object]:
    left = "—"
    if line.due_at is not None and line.state != "discharged":
        if line.due_at < at:
            left = say(language, "overdue_by", left=duration_text(at - line.due_at))
        else:
            left = duration_text(line.due_at - at)
    return {
        "left": left,
        "recipient": line.recipient_zh if language == "zh" else line.recipient_en,
        "due": china_text(line.due_at) if line.due_at else "—",
        "limit": line.limit_zh if language == "zh" else line.limit_en,
        "state": say(language, f"state_{line.state}"),
        "look": _LOOK[line.state],
        "case": line.case,
        "case_short": f"{line.case[:8]}…{line.case[-4:]}",
        "citation": line.citation,
        "verified": line.verified,
    }


def _log(status: Status, language: str) -> tuple[str, str]:
    if status.log.verified_ok is None:
        return say(language, "verified_unknown"), "unknown"
    key, look = ("verified_ok", "ok") if status.log.verified_ok else ("verified_bad", "late")
    return f"{say(language, key)} · {_china(status.log.verified_at, language)}", look


def _china(value: datetime | None, language: str) -> str:
    return say(language, "never") if value is None else china_text(value)


def _other(language: str) -> str:
    return LANGUAGES[1] if language == LANGUAGES[0] else LANGUAGES[0]
