"""What can be wrong with the list of institutions, staff, partners and accounts?"""

from __future__ import annotations

from secure_records.errors import SecureRecordsError
from shared_kernel.errors import BadInput


class RegistryRefused(SecureRecordsError, BadInput):
    """The registry document is malformed; nothing of it was taken over."""

    code = "registry.refused"
    default_hint = "correct the named entry and hand in the whole document again"


class NumberRefused(SecureRecordsError, BadInput):
    """A number of the registry fails its own check character or shape."""

    code = "registry.number_refused"
    default_hint = "compare the number with the certificate it was copied from"
