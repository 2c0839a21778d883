"""What can the secure record store refuse, and which rule did each refusal enforce?

The root of this domain's errors, and those of the envelope, the keys and the
stores. The audit, access and registry wings keep theirs beside their rules.

A refusal to open says *that* the material does not hold, never *why*: a reason
would tell a forger which check to work on next (a decryption oracle).
"""

from __future__ import annotations

from shared_kernel.errors import (
    BadInput,
    JinkuiError,
    NotFound,
    Refused,
    TimeLimitReached,
    UpstreamFailed,
    VerificationFailed,
)


class SecureRecordsError(JinkuiError):
    """Root of everything this domain refuses."""

    code = "secure_records.error"


class UnknownSuite(SecureRecordsError, BadInput):
    """No algorithm suite has this name or code."""

    code = "envelope.unknown_suite"
    default_hint = "use gm (SM4, SM3, SM2) or intl (AES-256, SHA-256, Ed25519)"


class ContextRefused(SecureRecordsError, BadInput):
    """A sealing context lacks a part or holds one that cannot be bound."""

    code = "envelope.context"
    default_hint = "give every part of the context: non-empty text, version from 1"


class PlaintextTooLong(SecureRecordsError, BadInput):
    """The record is larger than one envelope holds."""

    code = "envelope.too_long"
    default_hint = "send audio, video and scans as media, not inside the record"


class EnvelopeRefused(SecureRecordsError, VerificationFailed):
    """The sealed bytes do not belong to this key and this context, or were altered."""

    code = "envelope.refused"
    default_hint = "keep a copy of the stored bytes and open an incident: they may be tampered with"


class EnvelopeMalformed(EnvelopeRefused):
    """The bytes do not have the shape of an envelope of a format known here."""

    code = "envelope.malformed"


class KeyMalformed(SecureRecordsError, BadInput):
    """Key material has the wrong length or lies outside its range."""

    code = "keys.malformed"
    default_hint = "take keys from the key ring only"


class WrappedKeyRefused(SecureRecordsError, VerificationFailed):
    """A wrapped key does not open in its place: altered, or moved from another row."""

    code = "keys.wrapped_refused"
    default_hint = "restore the key file from its newest backup and open an incident"


class KeyNotFound(SecureRecordsError, NotFound):
    """No live key has this identifier: never made here, or destroyed."""

    code = "keys.not_found"
    default_hint = "under a destroyed key data stays closed for ever; is this its own home?"


class TenantNotOpened(SecureRecordsError, NotFound):
    """The institution has no keys in this home."""

    code = "keys.tenant_not_opened"
    default_hint = "register the institution first"


class KeySlotTaken(SecureRecordsError, Refused):
    """Another process wrote a key into the same place first."""

    code = "keys.slot_taken"
    default_hint = "try again"


class ParentKeyRetired(SecureRecordsError, Refused):
    """The key that should wrap a new row was replaced by a rotation; nothing was written."""

    code = "keys.parent_retired"
    default_hint = "try again: the next attempt wraps under the new key"


class KeyVersionRetired(SecureRecordsError, Refused):
    """The key is older than the lowest version that this home still opens."""

    code = "keys.version_retired"
    default_hint = (
        "a row from before the last rotation was put back: keep a copy and open an incident; "
        "`jinkui keys status` shows the lowest version"
    )


class MinimumRefused(SecureRecordsError, Refused):
    """The lowest version that opens cannot be set to this."""

    code = "keys.minimum_refused"
    default_hint = "finish the rotation first; the lowest version only ever rises"


class RotationUnfinished(SecureRecordsError, Refused):
    """Another rotation has begun and not ended; a home has at most one at a time."""

    code = "keys.rotation_unfinished"
    default_hint = "run the unfinished rotation again, it goes on where it stopped"


class SharesMalformed(SecureRecordsError, BadInput):
    """These are not recovery shares of one set, or not enough of them."""

    code = "keys.shares_malformed"
    default_hint = "bring as many shares of one set as it asks for, each with its person's key"


class ShareRefused(SecureRecordsError, Refused):
    """A share or private key does not open: another person's, or altered."""

    code = "keys.share_refused"
    default_hint = "check that share, private key and passphrase belong to one person"


class SharesStale(SecureRecordsError, Refused):
    """The shares open a root that this home has left behind."""

    code = "keys.shares_stale"
    default_hint = "bring the shares that were made after the last rotation of the root"


class RootChanged(SecureRecordsError, Refused):
    """The root was replaced while this process was running, and it cannot open the new one."""

    code = "keys.root_changed"
    default_hint = "start the program again with the passphrase of the home"


class RootLocked(SecureRecordsError, Refused):
    """The root key does not open: wrong passphrase, or an altered descriptor."""

    code = "keys.root_locked"
    default_hint = "enter the passphrase of this home; nobody can recover a lost one"


class RootDescriptorRefused(SecureRecordsError, BadInput):
    """The root descriptor lacks a part, or its parameters are too weak for this profile."""

    code = "keys.root_descriptor"
    default_hint = "restore the descriptor that was written when this home was made"


class StoreLocked(SecureRecordsError, Refused):
    """The file is no store, or not one of this key."""

    code = "store.locked"
    default_hint = "check that the store file and the key file belong to the same home"


class StoreSettingsRefused(SecureRecordsError, Refused):
    """The engine does not hold a protective setting; nothing is served without it."""

    code = "store.settings"
    default_hint = "install the SQLCipher wheel that the lock file names"


class SharingNotInstalled(SecureRecordsError, Refused):
    """Recovery shares need a library that is an extra of the package."""

    code = "keys.sharing_not_installed"
    default_hint = "pip install 'jinkui[shares]'"


class RowTaken(SecureRecordsError, Refused):
    """A row of this key is there already. The message shows neither key nor values."""

    code = "store.row_taken"
    default_hint = "somebody else stored the same thing meanwhile; ask again"


class StoreBusy(SecureRecordsError, TimeLimitReached):
    """Another process kept the write lock beyond the waiting time."""

    code = "store.busy"
    default_hint = "try again; if it persists, look for a second daemon on the same home"


class StoreDamaged(SecureRecordsError, VerificationFailed):
    """A page of the store fails its authentication code or its structure check."""

    code = "store.damaged"
    default_hint = "stop writing, keep a copy of the file, restore the newest verified backup"


class StoreUnreachable(SecureRecordsError, UpstreamFailed):
    """The database server does not answer, or went away; nothing was committed."""

    code = "store.unreachable"
    default_hint = "check that the database server runs and can be reached from here, then retry"


class StoreAddressRefused(SecureRecordsError, BadInput):
    """The address of the database is none, or would send records in clear."""

    code = "store.address"
    default_hint = (
        "write a libpq address; a server elsewhere needs sslmode=verify-full and sslrootcert=FILE"
    )


class StoreValueRefused(SecureRecordsError, BadInput):
    """The engine cannot keep this value."""

    code = "store.value"
    default_hint = "remove control characters; nothing was stored"
