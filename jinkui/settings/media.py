"""Where does this home keep recordings, and with which credential?

The section ``[media]`` of the settings, and for an object store the file that
holds its credential: a secret has no place in ``home.toml``.
"""

from __future__ import annotations

import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jinkui.settings.home import Home, SettingsRefused

STORES: Final = ("folder", "s3", "none")
_MEBIBYTE: Final = 1024 * 1024
_LARGEST_MEBIBYTES: Final = 64 * 1024
"""Beyond this an upload has more parts than S3 takes."""

_LOOPBACK: Final = frozenset(("127.0.0.1", "::1", "localhost"))
_LARGEST_FILE: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStoreSettings:
    """An S3-compatible server."""

    endpoint: str
    bucket: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSettings:
    """What is kept where."""

    folder: Path | None
    """Set if recordings lie in the home."""

    object_store: ObjectStoreSettings | None
    """Set if they lie on a server; neither: none are kept."""

    largest_bytes: int


def media_settings(home: Home) -> MediaSettings:
    """The section ``[media]``, checked.

    Raises:
        SettingsRefused: a setting is missing, out of its set, or the credential lies open.
    """
    store = home.text("media", "store")
    if store not in STORES:
        raise SettingsRefused(
            f"media.store must be one of {', '.join(STORES)}", where="media.store"
        )
    mebibytes = home.number("media", "largest_mebibytes")
    if not 0 < mebibytes <= _LARGEST_MEBIBYTES:
        raise SettingsRefused(
            f"media.largest_mebibytes lies between 1 and {_LARGEST_MEBIBYTES}",
            where="media.largest_mebibytes",
        )
    return MediaSettings(
        folder=home.folder / "media" if store == "folder" else None,
        object_store=_object_store(home) if store == "s3" else None,
        largest_bytes=mebibytes * _MEBIBYTE,
    )


def _object_store(home: Home) -> ObjectStoreSettings:
    endpoint, bucket = home.text("media", "endpoint"), home.text("media", "bucket")
    parts = urlsplit(endpoint)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not safe or not parts.hostname or parts.username is not None:
        raise SettingsRefused(
            "media.endpoint must be https://host[:port]; http is for the loopback address",
            where="media.endpoint",
        )
    if not bucket:
        raise SettingsRefused("media.bucket is empty", where="media.bucket")
    credential = _credential(home)
    return ObjectStoreSettings(
        endpoint=endpoint,
        bucket=bucket,
        region=home.text("media", "region"),
        access_key_id=credential["access_key_id"],
        secret_access_key=credential["secret_access_key"],
    )


def _credential(home: Home) -> dict[str, str]:
    where = "media.credentials_file"
    path = home.folder / home.text("media", "credentials_file")
    if not path.is_file():
        raise SettingsRefused("media.credentials_file names no file", where=where)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsRefused(
            "media.credentials_file is readable by others",
            hint="chmod 600 the file",
            where=where,
        )
    with path.open("rb") as file:
        raw = file.read(_LARGEST_FILE)
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # From None: the parser's message quotes the line.
        raise SettingsRefused("media.credentials_file is not TOML", where=where) from None
    found: dict[str, str] = {}
    for name in ("access_key_id", "secret_access_key"):
        value = document.get(name)
        if not isinstance(value, str) or not value:
            raise SettingsRefused(f"media.credentials_file has no {name}", where=where)
        found[name] = value
    return found
