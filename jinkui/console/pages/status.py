"""What is due, what is broken, what is new?

Turns a ``Status`` into words. The sentence on top says the state; colours only
repeat it. Unknown looks unknown: never green, never blank.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from classification.reports.words import CONCLUSIONS, Words
from jinkui.console.phrases import LANGUAGES, say
from jinkui.console.sessions import Session
from jinkui.procedures.status import CheckState, ClockLine, OutboxState, Status
from shared_kernel.instants import china_text, instant_text

_LOOK: Final = {
    "running": "running",
    "near": "soon",
    "overdue": "late",
    "discharged": "ok",
    "no_hours": "soon",
    "not_started": "unknown",
}
_MET: Final = "符合"
_SHORT: Final = 14
"""Identifiers up to this length are shown whole."""


def status_context(
    status: Status, session: Session, language: str, ends_at: datetime
) -> dict[str, object]:
    """Everything the template needs; no decision is left to it.

    Args:
        status: The facts.
        session: Who looks.
        language: ``zh`` or ``en``.
        ends_at: When the session ends if it is not used.
    """
    verdict, look = _log(status, language)
    log = status.log
    lines = partial(_lines, status.at, language)
    return {
        "lang": language,
        "other_lang": _other(language),
        "say": partial(say, language),
        "session": session,
        "status": status,
        "sentence": sentence(status, language),
        "lines": lines(status.running),
        "prompt": lines(status.prompt),
        "waiting": lines(status.not_started),
        "done": lines(status.discharged),
        "outbox": _outbox(status.outbox, language),
        "check": None if status.check is None else _check(status.check, language),
        "checkpoint": f"{log.checkpoint_size} · {_china(log.checkpoint_at, language)}",
        "log_verdict": verdict,
        "log_look": look,
        "at": china_text(status.at),
        "footer": say(
            language,
            "footer",
            at=china_text(status.at),
            size=log.checkpoint_size,
            root=shortened(log.root) or say(language, "never"),
        ),
        "session_end": say(language, "session_end", at=china_text(ends_at)[11:16]),
    }


def sentence(status: Status, language: str) -> str:
    """The state of the house in one sentence, most urgent first."""
    overdue = [line for line in status.running if line.state == "overdue"]
    live = [line for line in status.running if line.state != "overdue"]
    parts = []
    if overdue:
        parts.append(say(language, "sentence_overdue", count=len(overdue)))
    if live and live[0].due_at is not None:
        left = duration_text(live[0].due_at - status.at, say(language, "day"))
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
    said = say(language, "sentence_join").join(parts) + say(language, "sentence_end")
    return said[:1].upper() + said[1:]


def duration_text(value: timedelta, day: str = "d") -> str:
    """``29 d 03:15`` or ``03:15`` (hours and minutes, rounded down); never negative."""
    minutes = max(0, int(value.total_seconds() // 60))
    days, rest = divmod(minutes, 24 * 60)
    clock = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{days} {day} {clock}" if days else clock


def shortened(identifier: str) -> str:
    """An identifier with its middle left out: both ends are what people compare."""
    if len(identifier) <= _SHORT:
        return identifier
    return f"{identifier[:8]}…{identifier[-4:]}"


def _lines(
    at: datetime, language: str, lines: tuple[ClockLine, ...]
) -> tuple[dict[str, object], ...]:
    return tuple(_line(line, at, language) for line in lines)


def _line(line: ClockLine, at: datetime, language: str) -> dict[str, object]:
    look = "late" if line.late else _LOOK[line.state]
    state = say(language, f"state_{line.state}")
    if line.late and line.state == "discharged":
        state = say(language, "state_discharged_late")
    return {
        "left": _left(line, at, language),
        "recipient": line.recipient_zh if language == "zh" else line.recipient_en,
        "due": None if line.due_at is None else china_text(line.due_at),
        "due_instant": None if line.due_at is None else instant_text(line.due_at),
        "done": _china(line.discharged_at, language),
        "limit": line.limit_zh if language == "zh" else line.limit_en,
        "state": state,
        "look": look,
        "provisional": line.provisional,
        "case": line.case,
        "case_short": shortened(line.case),
        "citation": line.citation,
        "verified": line.verified,
    }


def _left(line: ClockLine, at: datetime, language: str) -> str:
    if line.due_at is None:
        return "—"
    day = say(language, "day")
    if line.due_at < at:
        return say(language, "overdue_by", left=duration_text(at - line.due_at, day))
    return duration_text(line.due_at - at, day)


def _outbox(outbox: OutboxState, language: str) -> dict[str, object]:
    return {
        "stuck_look": "late" if outbox.stuck else "ok",
        "last_receipt": _china(outbox.last_receipt_at, language),
    }


def _check(check: CheckState, language: str) -> dict[str, object]:
    words = CONCLUSIONS.get(check.conclusion, Words(check.conclusion, check.conclusion))
    known = check.conclusion in CONCLUSIONS and not check.conclusion.isascii()
    return {
        "at": china_text(check.at),
        "conclusion": words.zh if language == "zh" else words.en,
        "conclusion_look": "unknown" if not known else "ok" if check.conclusion == _MET else "late",
        "passed_look": "ok" if check.passed else "",
        "failed_look": "late" if check.failed else "ok",
        "open_look": "unknown" if check.not_evaluated else "ok",
    }


def _log(status: Status, language: str) -> tuple[str, str]:
    log = status.log
    if log.verified_ok is None:
        return say(language, "verified_unknown"), "unknown"
    at = _china(log.verified_at, language)
    if not log.verified_ok:
        return say(language, "verified_bad", at=at), "late"
    return say(language, "verified_ok", at=at, size=log.verified_size or log.size), "ok"


def _china(value: datetime | None, language: str) -> str:
    return say(language, "never") if value is None else china_text(value)


def _other(language: str) -> str:
    return LANGUAGES[1] if language == LANGUAGES[0] else LANGUAGES[0]
