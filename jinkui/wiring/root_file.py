"""Where does the root of this home lie, and how is it replaced without a moment of doubt?

``keys/root.json`` is replaced as a whole: written beside, forced to the disk, renamed.
While the root is being rotated, ``keys/root.next.json`` holds the coming one: the
rows of the key file change in one transaction, and from then on it is the one that
opens them, whether or not the renaming still happened. So at every instant one of
the two files opens what the key file holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinkui.settings.home import Home
from secure_records.errors import RootDescriptorRefused
from secure_records.keys.root_descriptor import RootKey, descriptor_generation, open_root
from secure_records.keys.root_providers import (
    PassphraseProvider,
    RootProvider,
    TwoPersonProvider,
)
from shared_kernel.canonical_json import Json
from shared_kernel.errors import NotFound

ROOT_FILE: Final = "root.json"
NEXT_FILE: Final = "root.next.json"
DEMO_FILE: Final = "passphrase"
_LARGEST_PASSPHRASE: Final = 4096
_LARGEST_DESCRIPTOR: Final = 64 * 1024
_READINGS: Final = 3
"""Another process may rename one file while we look at the other."""


class PassphraseMissing(NotFound):
    """The file with the root passphrase is not there."""

    code = "home.passphrase_missing"
    default_hint = "name the file with --passphrase-file or JINKUI_PASSPHRASE_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where that lies which opens the root. Paths only: secrets are read when they are needed."""

    passphrase_file: Path | None = None
    second_passphrase_file: Path | None = None
    """The second person's, in a home that needs two."""


class RootFile:
    """The descriptors of one home.

    Args:
        home: Folder and profile.
        credentials: What opens them.
    """

    def __init__(self, home: Home, credentials: Credentials) -> None:
        self._home = home
        self._credentials = credentials
        self.path = home.keys_folder / ROOT_FILE
        self.next_path = home.keys_folder / NEXT_FILE

    def provider(self, credentials: Credentials | None = None) -> RootProvider:
        """The provider that these credentials (else those of the home) speak for.

        Raises:
            PassphraseMissing: no passphrase file.
        """
        given = credentials or self._credentials
        profile = self._home.profile
        first = given.passphrase_file
        if first is None and profile == "demo":
            first = self._home.keys_folder / DEMO_FILE
        if first is None:
            raise PassphraseMissing("no file with the root passphrase was named")
        if given.second_passphrase_file is None:
            return PassphraseProvider(read_passphrase(first), profile=profile)
        second = read_passphrase(given.second_passphrase_file)
        return TwoPersonProvider(read_passphrase(first), second, profile=profile)

    def use(self, credentials: Credentials) -> None:
        """From here on the descriptor opens with these."""
        self._credentials = credentials

    def open(self) -> RootKey:
        """The root of ``root.json``.

        Raises:
            RootDescriptorRefused, RootLocked, PassphraseMissing: it does not open.
        """
        return open_root(read_descriptor(self.path), self.provider())

    def open_generation(self, generation: int) -> RootKey:
        """The root that the rows of the key file hang on, be it the present or the coming one.

        Raises:
            RootDescriptorRefused: neither file holds it.
        """
        for _ in range(_READINGS):
            for path in (self.path, self.next_path):
                if path.is_file():
                    descriptor = read_descriptor(path)
                    if descriptor_generation(descriptor) == generation:
                        return open_root(descriptor, self.provider())
        raise RootDescriptorRefused(
            f"the key file hangs on root {generation}, keys/root.json holds another",
            hint="restore keys/root.json and keys/keys.db from the same backup",
            where=str(self.path),
        )

    def write(self, descriptor: Mapping[str, Json]) -> None:
        """Put a descriptor in the place of ``root.json``, durably, all of it or nothing."""
        write_private(self.path, descriptor)

    def write_next(self, descriptor: Mapping[str, Json]) -> None:
        """Keep the descriptor of the coming root, durably."""
        write_private(self.next_path, descriptor)

    def promote(self) -> None:
        """The coming root is the present one from here on."""
        self.next_path.replace(self.path)
        _settle(self.path.parent)


def read_passphrase(path: Path) -> bytes:
    """The passphrase in a file, without line ends.

    Raises:
        PassphraseMissing: no such file.
    """
    if not path.is_file():
        raise PassphraseMissing(f"no passphrase file at {path}", where=str(path))
    with path.open("rb") as file:
        return file.read(_LARGEST_PASSPHRASE).strip(b"\r\n")


def read_descriptor(path: Path) -> Mapping[str, Json]:
    """The JSON object in a descriptor file.

    Raises:
        RootDescriptorRefused: absent, too large or no JSON object.
    """
    if not path.is_file():
        raise RootDescriptorRefused(f"the home has no keys/{path.name}", where=str(path))
    with path.open("rb") as file:
        raw = file.read(_LARGEST_DESCRIPTOR)
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RootDescriptorRefused(f"keys/{path.name} is not JSON", where=str(path)) from error
    if not isinstance(document, dict):
        raise RootDescriptorRefused(f"keys/{path.name} is no JSON object", where=str(path))
    return document


def write_private(path: Path, document: Mapping[str, Json]) -> None:
    """A JSON file for its owner only: written beside, forced to the disk, renamed."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(json.dumps(document, indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """Force the names in a folder to the disk, too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
