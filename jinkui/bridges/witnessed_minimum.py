"""Are the lowest key versions of this home those that the audit log witnessed?

Whoever can write to the key file could lower them and put old keys back. Raising
one is an entry in the log; what the key file says is held against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from secure_records.audit.ports import AuditStore
from secure_records.audit.trail import LARGEST_PAGE, TrailQuery, find_entries
from secure_records.keys.models import KeyKind
from shared_kernel.errors import VerificationFailed

RAISED: Final = "keys.minimum"
"""Action of the entry, and the name under which it is found again."""


class MinimumLowered(VerificationFailed):
    """The key file opens older keys than the log says it does."""

    code = "keys.minimum_lowered"
    default_hint = "an older key file was put in place: keep a copy of it and open an incident"


def require_minimum(log: AuditStore, minimum: Mapping[KeyKind, int]) -> None:
    """Return if and only if no lowest version is below what the log witnessed.

    Raises:
        MinimumLowered: names the first kind that sank.
    """
    entries = find_entries(log, TrailQuery(record=RAISED, limit=LARGEST_PAGE)).entries
    for entry in entries:
        details = entry.content.get("details")
        if entry.action != RAISED or entry.decision != "done" or not isinstance(details, Mapping):
            continue
        kind, version = KeyKind(str(details.get("kind"))), details.get("version")
        if isinstance(version, int) and minimum.get(kind, 1) < version:
            raise MinimumLowered(
                f"keys below {kind.value} version {version} would open again", where=kind.value
            )
