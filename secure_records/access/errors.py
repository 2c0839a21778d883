"""Which requests and agreements does the access wing refuse?"""

from __future__ import annotations

from secure_records.errors import SecureRecordsError
from shared_kernel.errors import BadInput, NotFound, Refused, VerificationFailed


class AccessDocumentMalformed(SecureRecordsError, BadInput):
    """A YAML document is not readable: syntax, size, depth, duplicate or unknown key."""

    code = "access.document_malformed"
    default_hint = "compare the document with the templates in config/examples/agreements"


class AgreementMalformed(AccessDocumentMalformed):
    """The document is YAML, but not an agreement."""

    code = "agreement.malformed"


class AgreementNamesUnknown(AgreementMalformed):
    """The agreement names record kinds or fields that do not exist here.

    A misspelt prohibition would forbid nothing, and nobody would notice.
    """

    code = "agreement.unknown_name"
    default_hint = "use the kinds and fields of the published record schemas"


class AgreementIncomplete(SecureRecordsError, Refused):
    """The agreement lacks what the law makes the parties agree on; all of it is listed.

    ``missing`` holds the identifiers of the required clauses, in document order.
    """

    code = "agreement.incomplete"
    default_hint = "add every clause that is listed, raise the version, and apply again"

    def __init__(self, message: str, *, missing: tuple[str, ...]) -> None:
        super().__init__(message, where="agreement")
        self.missing = missing


class AgreementVersionConflict(SecureRecordsError, Refused):
    """This version was already applied with other content, or a newer one was."""

    code = "agreement.version_conflict"
    default_hint = "raise the version of the document above the newest applied version"


class AgreementPartnerChanged(SecureRecordsError, Refused):
    """A new version may not move an agreement to another partner."""

    code = "agreement.partner_changed"
    default_hint = "give the agreement with the other partner its own id"


class AgreementTampered(SecureRecordsError, VerificationFailed):
    """The stored text no longer has the digest under which it was applied."""

    code = "agreement.tampered"


class UnknownAgreement(SecureRecordsError, NotFound):
    """No agreement has this id here."""

    code = "agreement.unknown"
    default_hint = "list the agreements"


class AccessRequestMalformed(SecureRecordsError, BadInput):
    """The request lacks a part, or holds one that cannot be read."""

    code = "access_request.malformed"
    default_hint = "see docs/reference/agreements.md for the shape of a request"


class AccessDenied(SecureRecordsError, Refused):
    """The decision was to deny.

    ``reasons`` holds the stable codes of the decision, e.g. ``agreement.expired``.
    """

    code = "access.denied"

    def __init__(self, message: str, *, reasons: tuple[str, ...]) -> None:
        super().__init__(message)
        self.reasons = reasons
