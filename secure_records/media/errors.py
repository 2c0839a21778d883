"""Why was a recording not taken, not kept or not handed out?"""

from __future__ import annotations

from secure_records.errors import EnvelopeRefused, SecureRecordsError
from shared_kernel.errors import BadInput, NotFound, Refused, UpstreamFailed, VerificationFailed


class MediaRefused(EnvelopeRefused):
    """The object is not the recording that was sealed for this place, or not whole."""

    code = "media.refused"
    default_hint = "keep a copy of the object and open an incident: it may be tampered with"


class MediaMalformed(MediaRefused):
    """The object does not have the shape of a sealed recording of a format known here."""

    code = "media.malformed"


class MediaFileRefused(SecureRecordsError, BadInput):
    """The file beside a line cannot be taken: its place, size or content."""

    code = "media.file_refused"
    default_hint = "put the file into the folder of the import file and name it relative to it"


class MediaTypeRefused(MediaFileRefused):
    """The declared media type is not kept, or the file does not begin like one."""

    code = "media.type_refused"
    default_hint = "declare the type that the file really has; media_types.yaml lists them"


class MediaUnavailable(SecureRecordsError, Refused):
    """This vault keeps no recordings."""

    code = "media.not_available"
    default_hint = "set [media] store in home.toml to folder or s3"


class MediaNotFound(SecureRecordsError, NotFound):
    """The record has no recording. Only said to somebody who may see recordings of it."""

    code = "media.not_found"
    default_hint = "only records that were stored with a file beside the line have one"


class MediaRangeRefused(SecureRecordsError, BadInput):
    """The range asks for bytes that the recording does not have."""

    code = "media.range_refused"
    default_hint = "write first-last in bytes from 0, for example 0-1048575"


class MediaObjectMissing(SecureRecordsError, VerificationFailed):
    """The row of a recording is there, its object is not."""

    code = "media.object_missing"
    default_hint = "restore the object from the backup of the media store and open an incident"


class MediaStoreFailed(SecureRecordsError, UpstreamFailed):
    """The object store did not do what it was asked."""

    code = "media.store_failed"
    default_hint = "check that the folder or the object store is reachable and has room"
