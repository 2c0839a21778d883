"""What can be wrong with a record before anybody asks whether it is allowed?"""

from __future__ import annotations

from secure_records.errors import SecureRecordsError
from shared_kernel.errors import BadInput


class UnknownKind(SecureRecordsError, BadInput):
    """No record kind has this name."""

    code = "records.unknown_kind"
    default_hint = "use a kind of the catalogue; docs/reference/records.md lists them"


class BodyRefused(SecureRecordsError, BadInput):
    """A value has another shape than its kind demands; ``where`` is its JSON path."""

    code = "records.body_refused"
    default_hint = "compare with the published schema of this kind"


class IdentityRefused(BodyRefused):
    """The identity block contradicts itself or its document number is not one."""

    code = "records.identity_refused"
    default_hint = "copy the document number again from the document itself"
