"""What went wrong, in a form that a program and a person can both act on?

Every refusal in Jinkui descends from ``JinkuiError`` and from one *verdict*
class below. The verdict decides the exit code and the HTTP status (two maps in
``jinkui``); the stable ``code`` names the rule; the ``hint`` says what to do.
Messages never carry plaintext, keys or the identity of a patient.
"""

from __future__ import annotations

from typing import ClassVar


class JinkuiError(Exception):
    """Root of everything Jinkui refuses.

    Args:
        message: One sentence for people: what, where, got what.
        hint: What to do next; replaces the default hint of the class.
        where: Place of the fault (a field, a line, a path inside a document).
    """

    code: ClassVar[str] = "jinkui.error"
    """Stable name of the rule; scripts may rely on it."""

    default_hint: ClassVar[str] = "see the documentation of this error code"
    """What to do next when the raiser knows nothing better."""

    safe_to_show: ClassVar[bool] = True
    """May an outsider read the message? If not, only ``code`` leaves the house."""

    def __init__(self, message: str, *, hint: str | None = None, where: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint if hint is not None else self.default_hint
        self.where = where


class BadInput(JinkuiError):
    """The caller handed over something malformed; nothing was done."""

    code = "input.bad"
    default_hint = "correct the input and try again"


class VerificationFailed(JinkuiError):
    """A digest, signature, tag or proof does not hold."""

    code = "verification.failed"
    default_hint = "treat the material as tampered with; keep a copy and open an incident"


class Refused(JinkuiError):
    """The request is understood and not allowed."""

    code = "refused"
    default_hint = "ask for the agreement, role or consent that would allow it"


class NotFound(JinkuiError):
    """No such thing, or none that the caller may know of."""

    code = "not_found"
    default_hint = "check the identifier"


class UpstreamFailed(JinkuiError):
    """A system outside this process failed or refused."""

    code = "upstream.failed"
    default_hint = "check that the other side is reachable, then retry"


class TimeLimitReached(JinkuiError):
    """The work was stopped at its time limit; nothing is half-done."""

    code = "time_limit"
    default_hint = "raise the limit or narrow the work"
