"""How long must a record be kept, and what happens to it afterwards?

Here so far: the statutory floor. Holds, erasure with receipts and the transfer
of custody have their seams in the store and are not built.
"""

from secure_records.lifecycle.retention import (
    RetentionAnswer,
    RetentionEvent,
    RetentionRule,
    parse_events,
    retain_until,
    retention_schedule,
)

__all__ = [
    "RetentionAnswer",
    "RetentionEvent",
    "RetentionRule",
    "parse_events",
    "retain_until",
    "retention_schedule",
]
