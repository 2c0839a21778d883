"""What lies in a backup, and is it still what was put there?

Each part of a backup (records, keys) is a folder with its files, ``manifest.json`` and
``manifest.note``: a signed note over the digest of the manifest, by the keys of the log.
Format and example: docs/formats/backup-v1.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from secure_records.audit.note import NoteKey, sign_note, verify_note
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import Digest, parse_digest, require_equal, sha256
from shared_kernel.errors import BadInput, NotFound, VerificationFailed
from shared_kernel.instants import instant_text, parse_instant
from shared_kernel.signatures import SignatureVerifier, Signer

FORMAT: Final = "jinkui-backup/1"
RECORDS, KEYS = "records", "keys"
MANIFEST, NOTE = "manifest.json", "manifest.note"
FILES: Final[Mapping[str, frozenset[str]]] = {
    RECORDS: frozenset(("records.db", "home.toml")),
    KEYS: frozenset(
        ("keys.db", "root.json", "root.next.json", "shares.json", "platform-secrets.json")
    ),
}
"""The only names a part may hold, but for sealed objects; none leads out of its folder."""

OBJECT: Final = re.compile(r"(media|evidence)/[0-9a-f]{2,64}/[0-9a-f]{64}(\.sealed)?\Z")
"""A sealed object beside the records: a recording, or the proof of a filing."""

NEEDED: Final[Mapping[str, frozenset[str]]] = {
    RECORDS: FILES[RECORDS],
    KEYS: frozenset(("keys.db", "root.json")),
}
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a manifest: an object takes two hundred."""

LARGEST_NOTE: Final = 65_536
"""Bytes of a signed note."""

_CHUNK: Final = 1 << 20
_NAME: Final = re.compile(r"[a-z0-9.-]{1,64}\Z")
_TEXTS: Final = ("part", "institution", "suite", "engine", "made_at", "checkpoint")

_T = TypeVar("_T")


class BackupNotFound(NotFound):
    """There is no backup in that folder."""

    code = "backup.not_found"
    default_hint = "name the folder that `jinkui backup` made"


class BackupMalformed(BadInput):
    """The manifest is none, or of a version that is not known here."""

    code = "backup.malformed"
    default_hint = "take the folder exactly as `jinkui backup` made it"


class BackupDamaged(VerificationFailed):
    """A file of the backup is not the one that was put there."""

    code = "backup.damaged"
    default_hint = "use another copy of this backup, or an earlier one; keep this one as evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFile:
    """One file of a part."""

    name: str
    size: int
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What one part of a backup says about itself."""

    part: str
    institution: str
    suite: str
    engine: str
    """Where the records lay when the backup was made."""
    made_at: datetime
    checkpoint: str
    """Signed head of the log, as it was just before the copy."""
    entries: int
    records: int
    recovery_point: datetime | None
    """Instant of the newest entry in the copy."""
    files: tuple[BackupFile, ...]

    def as_bytes(self) -> bytes:
        """The bytes that are kept and signed."""
        point = self.recovery_point
        document: dict[str, Json] = {
            "format": FORMAT,
            "part": self.part,
            "institution": self.institution,
            "suite": self.suite,
            "engine": self.engine,
            "made_at": instant_text(self.made_at),
            "checkpoint": self.checkpoint,
            "entries": self.entries,
            "records": self.records,
            "recovery_point": None if point is None else instant_text(point),
            "files": [
                {"name": file.name, "bytes": file.size, "digest": str(file.digest)}
                for file in self.files
            ],
        }
        return canonical_bytes(document)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def describe(folder: Path, names: Sequence[str]) -> tuple[BackupFile, ...]:
    """Length and digest of files as they lie there, on disk for good."""
    found = []
    for name in names:
        path = folder / name
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            os.fsync(file.fileno())
        found.append(
            BackupFile(name=name, size=path.stat().st_size, digest=Digest("sha256", digest))
        )
    return tuple(found)


def write_manifest(
    folder: Path, manifest: Manifest, origin: str, signers: Sequence[Signer]
) -> None:
    """Put manifest and signed note beside the files."""
    raw = manifest.as_bytes()
    for name, content in ((MANIFEST, raw), (NOTE, _note_text(raw, origin, signers).encode())):
        with (folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def read_manifest(folder: Path, part: str) -> tuple[Manifest, bytes]:
    """The manifest of a part, not yet believed, and its bytes.

    Raises:
        BackupNotFound: no manifest there.
        BackupMalformed: it is none, or of another part.
    """
    path = folder / MANIFEST
    if not path.is_file() or not (folder / NOTE).is_file():
        raise BackupNotFound(f"no backup of {part} in {folder.name}", where=folder.name)
    raw = _bounded(path, LARGEST)
    try:
        manifest = _manifest(json.loads(raw))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BackupMalformed("the manifest cannot be read", where=MANIFEST) from error
    if manifest.as_bytes() != raw:
        raise BackupMalformed("the manifest is not in its own form", where=MANIFEST)
    names = {file.name for file in manifest.files}
    once = len(names) == len(manifest.files)
    if part == RECORDS:
        names = {name for name in names if OBJECT.match(name) is None}
    if manifest.part != part or not once or not NEEDED[part] <= names <= FILES[part]:
        raise BackupMalformed(f"{folder.name} is not the {part} of a backup", where=folder.name)
    return manifest, raw


def require_signed(
    folder: Path, raw: bytes, keys: Sequence[NoteKey], verifier: SignatureVerifier
) -> None:
    """Return if and only if every key of the log vouches for the manifest.

    Raises:
        BackupDamaged: the note is about another manifest.
        NoteRefused, NoteMalformed: it is none of ours.
    """
    note = _bounded(folder / NOTE, LARGEST_NOTE).decode("utf-8", "replace")
    origin = keys[0].name
    signed = verify_note(note, keys, verifier, need=len(keys))
    if signed.text != _text(raw, origin):
        raise BackupDamaged("the signed note is about another manifest", where=NOTE)


def copy_checked(file: BackupFile, source: Path, target: Path, tell: Callable[[int], None]) -> None:
    """Copy one file and compare what was copied with the manifest, in one reading.

    Raises:
        BackupDamaged: missing, of another length, or other bytes.
    """
    if not source.is_file() or source.stat().st_size != file.size:
        raise BackupDamaged(f"{file.name} is missing or has another length", where=file.name)
    hasher = hashlib.sha256()
    with source.open("rb") as taken, target.open("xb") as kept:
        target.chmod(0o600)
        while chunk := taken.read(_CHUNK):
            hasher.update(chunk)
            kept.write(chunk)
            tell(len(chunk))
        kept.flush()
        os.fsync(kept.fileno())
    try:
        require_equal(file.digest.value, hasher.digest(), file.name)
    except VerificationFailed as error:
        raise BackupDamaged(f"{file.name} is not what was put there", where=file.name) from error


def _note_text(raw: bytes, origin: str, signers: Sequence[Signer]) -> str:
    return sign_note(_text(raw, origin), origin, signers)


def _text(raw: bytes, origin: str) -> str:
    return f"{FORMAT}\n{origin}\n{sha256(raw)}\n"


def _bounded(path: Path, largest: int) -> bytes:
    with path.open("rb") as file:
        raw = file.read(largest + 1)
    if len(raw) > largest:
        raise BackupMalformed(f"{path.name} is too long", where=path.name)
    return raw


def _manifest(document: Mapping[str, Json]) -> Manifest:
    """Read every member by name and type.

    Raises:
        ValueError, KeyError, TypeError: a member is missing, of another type or no value.
    """
    if document["format"] != FORMAT:
        raise ValueError("another format")
    texts = {name: _of(document[name], str) for name in _TEXTS}
    if max(map(len, texts.values())) > LARGEST_NOTE:
        raise ValueError("longer than any checkpoint")
    point = document["recovery_point"]
    return Manifest(
        part=texts["part"],
        institution=texts["institution"],
        suite=texts["suite"],
        engine=texts["engine"],
        made_at=parse_instant(texts["made_at"], "made_at"),
        checkpoint=texts["checkpoint"],
        entries=_count(document["entries"]),
        records=_count(document["records"]),
        recovery_point=None if point is None else parse_instant(_of(point, str), "recovery_point"),
        files=tuple(_file(_of(row, dict)) for row in _of(document["files"], list)),
    )


def _file(row: Mapping[str, Json]) -> BackupFile:
    name = _of(row["name"], str)
    if _NAME.match(name) is None and OBJECT.match(name) is None:
        raise ValueError("no name of a file")
    digest = parse_digest(_of(row["digest"], str), "digest")
    return BackupFile(name=name, size=_count(row["bytes"]), digest=digest)


def _of(value: object, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise TypeError(kind.__name__)
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("no count")
    return value
