"""Which HTTP answer does an outsider get for this refusal?

RFC 9457 problem details. The one map from verdicts to status codes. A refusal
that is not safe to show leaves the house as its code only; anything unknown is
a bare 500.
"""

from __future__ import annotations

from typing import Final

from jinkui.console.sessions import NotSignedIn
from shared_kernel.canonical_json import Json
from shared_kernel.errors import (
    BadInput,
    JinkuiError,
    NotFound,
    Refused,
    TimeLimitReached,
    UpstreamFailed,
    VerificationFailed,
)

MEDIA_TYPE: Final = "application/problem+json"

BY_VERDICT: Final[tuple[tuple[type[JinkuiError], int], ...]] = (
    (NotSignedIn, 401),
    (BadInput, 400),
    (VerificationFailed, 422),
    (Refused, 403),
    (NotFound, 404),
    (UpstreamFailed, 502),
    (TimeLimitReached, 503),
)
DEFECT: Final = 500


def status_code(error: JinkuiError) -> int:
    """The HTTP status of this refusal."""
    for verdict, status in BY_VERDICT:
        if isinstance(error, verdict):
            return status
    return DEFECT


def problem(error: JinkuiError) -> dict[str, Json]:
    """The problem document."""
    document: dict[str, Json] = {
        "type": f"urn:jinkui:{error.code}",
        "title": error.code,
        "status": status_code(error),
    }
    if error.safe_to_show:
        document |= {"detail": str(error), "hint": error.hint}
    return document
