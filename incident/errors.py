"""What can the incident room refuse, and what should the caller do next?

One class per thing a caller can act on. Every class descends from
``IncidentError`` and from one verdict class of the shared kernel.
"""

from __future__ import annotations

from shared_kernel.errors import (
    BadInput,
    JinkuiError,
    NotFound,
    Refused,
    UpstreamFailed,
    VerificationFailed,
)


class IncidentError(JinkuiError):
    """Root of everything this room refuses."""

    code = "incident.error"


class RuleFileMalformed(IncidentError, BadInput):
    """A file of law rows is not exactly what it should be; nothing of it is used."""

    code = "incident.rule_file"
    default_hint = "correct the named row; unknown keys and repeated ids are refused on purpose"


class UnknownWord(IncidentError, BadInput):
    """An operator kind, flag, severity, metric or recipient that the law rows do not know."""

    code = "incident.unknown_word"

    def __init__(self, what: str, got: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"{what} {got[:60]!r} is not known; allowed: {', '.join(allowed)}",
            hint="use one of the allowed values",
            where=what,
        )
        self.allowed = allowed


class MalformedFact(IncidentError, BadInput):
    """A triage fact is negative, not finite, not a number or impossible in its unit."""

    code = "incident.fact"
    default_hint = "give a plain number of zero or more, in the unit of the threshold row"


class NoRulesInForce(IncidentError, BadInput):
    """No grading annex is in force at the instant asked about."""

    code = "incident.no_rules"
    default_hint = "ask about an instant at which the annex is in force"


class MalformedCaseInput(IncidentError, BadInput):
    """A case event lacks something or contradicts itself; nothing was recorded."""

    code = "incident.case_input"


class MalformedQuery(IncidentError, BadInput):
    """A question to the access log names nobody, or its window is empty."""

    code = "incident.query"
    default_hint = (
        "name an actor, a partner or a credential, and a window that ends after it starts"
    )


class CaseNotFound(IncidentError, NotFound):
    """There is no such case in this institution."""

    code = "incident.case_not_found"


class DraftNotFound(IncidentError, NotFound):
    """The case has no such draft."""

    code = "incident.draft_not_found"


class IllegalStep(IncidentError, Refused):
    """The transition table does not allow this event now; nothing was recorded."""

    code = "incident.illegal_step"
    default_hint = "look at the case's state and timeline; take the missing step first"


class CaseCannotClose(IncidentError, Refused):
    """Something is still owed: a duty with a limit, or the review of an emergency release."""

    code = "incident.cannot_close"
    default_hint = "file or prove what is listed, then close"


class GradeTooLow(IncidentError, Refused):
    """A person may grade higher than the thresholds say, never lower."""

    code = "incident.grade_too_low"
    default_hint = "correct the facts with a reason if they are wrong; the thresholds decide"


class ReleaseRefused(IncidentError, Refused):
    """The approvals at hand do not release this document."""

    code = "incident.release_refused"
    default_hint = "two persons other than the drafter sign the current digest within its term"


class ApprovalForged(IncidentError, VerificationFailed):
    """An approval's signature or key does not belong to the person it names."""

    code = "incident.approval_forged"


class FilingRefused(IncidentError, Refused):
    """This document may not be filed: not released, changed, or filed before."""

    code = "incident.filing_refused"
    default_hint = "release the exact document first; every filing binds one released digest"


class FilingRejected(IncidentError, UpstreamFailed):
    """The receiving platform rejected the report; the clock keeps running."""

    code = "incident.filing_rejected"
    default_hint = "read the platform's answer, correct, or file by hand with proof"


class HistoryBroken(IncidentError, VerificationFailed):
    """The stored events of a case do not fold: edited, missing or out of order."""

    code = "incident.history_broken"


class EventConflict(IncidentError, Refused):
    """Somebody else wrote to the case first; nothing was recorded."""

    code = "incident.conflict"
    default_hint = "read the case again and repeat the step if it is still wanted"
