"""Which exit code does a script see for this outcome?

The one map from verdicts to exit codes. A verdict class that is missing here
fails a test.
"""

from __future__ import annotations

from typing import Final

from shared_kernel.errors import (
    BadInput,
    JinkuiError,
    NotFound,
    Refused,
    TimeLimitReached,
    UpstreamFailed,
    VerificationFailed,
)

DONE: Final = 0
UNEXPECTED: Final = 1
"""A defect of Jinkui itself; please report it."""
USAGE: Final = 2
PARTLY_CONFORM: Final = 10
NOT_CONFORM: Final = 11
GAPS: Final = 12

BY_VERDICT: Final[tuple[tuple[type[JinkuiError], int], ...]] = (
    (BadInput, USAGE),
    (VerificationFailed, 3),
    (Refused, 4),
    (NotFound, 5),
    (UpstreamFailed, 6),
    (TimeLimitReached, 7),
)


def exit_code(error: JinkuiError) -> int:
    """The code of this refusal; a refusal without verdict class counts as a defect."""
    for verdict, code in BY_VERDICT:
        if isinstance(error, verdict):
            return code
    return UNEXPECTED
