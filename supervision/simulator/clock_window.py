"""Is this request recent enough?"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from supervision.simulator.enrolment import SimulatorParts
from supervision.simulator.replies import GatewayCode, refuse

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS: Final = re.compile(r"\d{1,14}\Z", re.ASCII)


def require_fresh(epoch_ms: str, parts: SimulatorParts) -> None:
    """Refuse a request from outside the clock window.

    Raises:
        Refusal: expired, or no time at all.
    """
    if _MILLISECONDS.match(epoch_ms) is None:
        raise refuse(GatewayCode.BAD_PARAMETER, "timestamp is missing")
    stated = _EPOCH + timedelta(milliseconds=int(epoch_ms))
    if abs(parts.clock.now() - stated) > parts.clock_window:
        raise refuse(GatewayCode.EXPIRED, "request has expired")
