"""Which object store does this home's vault write recordings to?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jinkui.settings.home import Home, SettingsRefused
from jinkui.settings.media import ObjectStoreSettings, media_settings
from secure_records.adapters.import_folder import BesideFile
from secure_records.adapters.media_folder import MediaFolder
from secure_records.adapters.sql_media_rows import SqlMediaRows
from secure_records.envelope.suites import Suite, mac
from secure_records.keys.key_ring import KeyRing
from secure_records.media.ports import ImportFolder, MediaObjects
from secure_records.vault_parts import MediaParts

_PREFIX: Final = b"media-prefix/1"
_PREFIX_DIGITS: Final = 32


def media_parts(home: Home, keys: KeyRing, suite: Suite) -> MediaParts | None:
    """What the vault needs for recordings; None: this home keeps none.

    Raises:
        SettingsRefused: the section [media] does not hold, or the extra for S3 is missing.
    """
    settings = media_settings(home)
    objects: MediaObjects
    if settings.folder is not None:
        objects = MediaFolder(settings.folder)
    elif settings.object_store is not None:
        objects = _object_store(settings.object_store, home_prefix(home, keys, suite))
    else:
        return None
    return MediaParts(objects=objects, rows=SqlMediaRows, largest_bytes=settings.largest_bytes)


def home_prefix(home: Home, keys: KeyRing, suite: Suite) -> str:
    """Under which name this home's objects lie in a bucket that several may share.

    Keyed, so that it does not name the institution, and the same for as long as its
    keys live: whatever else lies in the bucket is no orphan of this home.
    """
    code = mac(suite, keys.content_key(home.institution), _PREFIX)
    return code.hex()[:_PREFIX_DIGITS]


def beside(file: Path) -> ImportFolder:
    """The files beside an import file."""
    return BesideFile(file.absolute().parent)


def _object_store(settings: ObjectStoreSettings, prefix: str) -> MediaObjects:
    try:
        # An extra: sixteen megabytes that a home with a folder does not need.
        from secure_records.adapters.media_s3 import S3Media, S3Place  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SettingsRefused(
            'media.store is "s3" and obstore is not installed',
            hint="pip install 'jinkui[s3]'",
            where="media.store",
        ) from error
    return S3Media(
        S3Place(
            endpoint=settings.endpoint,
            bucket=settings.bucket,
            prefix=prefix,
            region=settings.region,
            access_key_id=settings.access_key_id,
            secret_access_key=settings.secret_access_key,
        )
    )
