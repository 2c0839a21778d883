"""Why did the front door not take this line, or not hand out this record?

The errors of intake and vault. Shapes of bodies and identities are refused by
``kinds``; sealed bytes by ``envelope``; both under the same root.
"""

from __future__ import annotations

from secure_records.errors import SecureRecordsError
from shared_kernel.errors import BadInput, NotFound, Refused, VerificationFailed


class LineRefused(SecureRecordsError, BadInput):
    """An import line is no record at all."""

    code = "line.refused"
    default_hint = "compare the line with the published schema of its kind"


class LineTooLong(LineRefused):
    """The line is longer than any record may be."""

    code = "line.too_long"
    default_hint = "put large audio or video beside the line, under media.path"


class LineNotJson(LineRefused):
    """The line is not exactly one JSON object in UTF-8."""

    code = "line.not_json"
    default_hint = "write one JSON object a line, in UTF-8, with a newline after it"


class LineDuplicateKey(LineRefused):
    """An object of the line has the same key twice: two readers could disagree about it."""

    code = "line.duplicate_key"


class LineIdentityInIdentifier(LineRefused):
    """An identifier of the line carries a number that identifies the patient or guardian.

    Identifiers are stored in clear: they would undo the sealing of the identity.
    """

    code = "line.identity_in_identifier"
    default_hint = "use identifiers that say nothing about the patient"


class SearchRefused(SecureRecordsError, BadInput):
    """The search names no indexed field, or a value that the field cannot take."""

    code = "search.refused"
    default_hint = "search by id_no, phone or name_birth (written as name|birth date)"


class IndexColumnRefused(SecureRecordsError, Refused):
    """The values of this column would be readable from the frequency of their terms."""

    code = "index.column_refused"
    default_hint = "search by a value that few patients share, or by a compound of two"


class RotationRefused(SecureRecordsError, BadInput):
    """There is no such index column to rotate."""

    code = "index.rotation_refused"
    default_hint = "name one of the searchable columns"


class RequestRefused(SecureRecordsError, BadInput):
    """A read or search asks in a form that cannot be decided."""

    code = "records.request_refused"
    default_hint = "name a purpose, and only fields that this kind of record has"


class RecordNotFound(SecureRecordsError, NotFound):
    """No such record. Only said to somebody inside the institution."""

    code = "records.not_found"


class RecordWithheld(SecureRecordsError, Refused):
    """To a partner: no such record, or none that it may know of. Both are this one answer."""

    code = "records.withheld"
    default_hint = "ask the hospital; its audit log holds the reason"


class RecordMisplaced(SecureRecordsError, VerificationFailed):
    """The sealed content and the row that holds it contradict each other."""

    code = "records.misplaced"


class VersionConflict(SecureRecordsError, Refused):
    """The record has moved on since the caller read it; nothing was written."""

    code = "records.version_conflict"
    default_hint = "read the newest version, and decide again whether it needs this change"


class AmendmentRefused(SecureRecordsError, Refused):
    """The new version does not belong to this record, or crosses a red line."""

    code = "records.amendment_refused"
    default_hint = "compare the file with the stored record; another patient is another record"

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        rules: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.rules = rules
        """The red lines that it crosses, by id."""


class NothingChanged(SecureRecordsError, BadInput):
    """The new version says what the newest one says already."""

    code = "records.nothing_changed"
    default_hint = "nothing needs to be amended"


class IdempotencyConflict(SecureRecordsError, Refused):
    """The idempotency key was used for another amendment."""

    code = "records.idempotency_conflict"
    default_hint = "a new amendment takes a new key"


class HistoryContradicted(SecureRecordsError, VerificationFailed):
    """The sealed versions of a record and the log do not tell the same story."""

    code = "records.history_contradicted"
    default_hint = "keep a copy of the home and open an incident: jinkui incident open"
