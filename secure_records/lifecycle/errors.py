"""When can no date of retention be given?"""

from __future__ import annotations

from secure_records.errors import SecureRecordsError
from shared_kernel.errors import BadInput


class RetentionRefused(SecureRecordsError, BadInput):
    """The class is unknown, or no event starts its clock: nothing may be destroyed."""

    code = "retention.refused"
    default_hint = "name a published class and an event that starts its clock, with its instant"
