"""Who signed this text, in a form that every transparency-log tool can read?

C2SP signed-note: a text, an empty line, then one line per signature:
``— name base64(key id ‖ signature)``. Ed25519 lines have the assigned type
0x01. SM2 has no assigned type: its lines use 0xff and the long identifier below,
and tools that do not know it ignore the line, as the specification demands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from secure_records.audit.errors import NoteMalformed, NoteRefused
from shared_kernel.signatures import (
    ED25519,
    SM2_SM3,
    PublicKey,
    SignatureInvalid,
    SignatureVerifier,
    Signer,
)

SM2_TYPE: Final = b"\xffjinkui/signed-note/sm2-sm3/gmt-0009-der/default-id"
"""Type of SM2 lines: GB/T 32918.2 over the note text with the default identifier,
DER signature (GM/T 0009), public key as 64 bytes x ‖ y."""

LINES_AT_MOST: Final = 64
"""Signature lines read from a note; the specification wants at least 16. Counted
before any signature is checked, or a long note could keep a verifier busy for hours."""

_DASH: Final = "\u2014 "
_ID_BYTES: Final = 4
_TYPES: Final[Mapping[str, bytes]] = {ED25519: b"\x01", SM2_SM3: SM2_TYPE}
_KEY_BYTES: Final[Mapping[str, int]] = {ED25519: 32, SM2_SM3: 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """A public key under the name it signs notes with."""

    name: str
    """For a log: its origin line."""

    public_key: PublicKey

    @property
    def key_id(self) -> bytes:
        """Four bytes; a hint for finding the key, not a fingerprint to trust."""
        return hashlib.sha256(self.name.encode() + b"\n" + _typed(self.public_key)).digest()[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    """One signature line."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedNote:
    """A note taken apart; nothing is believed before ``verify_note``."""

    text: str
    """Signed text, with its final newline."""

    lines: tuple[NoteLine, ...]

    def signed_by(self, key: NoteKey) -> bool:
        """Does a line claim to be this key's?"""
        return any(line.name == key.name and line.key_id == key.key_id for line in self.lines)


def sign_note(text: str, name: str, signers: Sequence[Signer]) -> str:
    """The whole note: ``text`` and a line of each signer under ``name``.

    Raises:
        NoteMalformed: ``text`` or ``name`` may not stand in a note.
    """
    _require_text(text)
    _require_name(name)
    return f"{text}\n" + "".join(_line(text, name, signer) for signer in signers)


def add_signatures(note: str, name: str, signers: Sequence[Signer]) -> str:
    """``note`` with further lines over the same text; the old lines stay as they are."""
    text = parse_note(note).text
    return note + "".join(_line(text, name, signer) for signer in signers)


def parse_note(note: str) -> SignedNote:
    """Take a note apart, strictly.

    Raises:
        NoteMalformed: any deviation. Skipping a bad line instead would let
            unsigned text ride inside a note that verifies.
    """
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise NoteMalformed("a note is a text, an empty line and signature lines")
    text += "\n"
    _require_text(text)
    rows = tail[:-1].split("\n")
    if len(rows) > LINES_AT_MOST:
        raise NoteMalformed(f"the note has {len(rows)} signature lines, the limit is 64")
    return SignedNote(text=text, lines=tuple(_parse_line(row) for row in rows))


def verify_note(
    note: str, keys: Sequence[NoteKey], verifier: SignatureVerifier, *, need: int = 1
) -> SignedNote:
    """The parsed note, if and only if trusted keys vouch for it.

    Lines of unknown keys are ignored. A line of a known key must hold, even if
    others do: a note with one false line was touched. At least ``need`` different
    keys must have signed.

    Raises:
        NoteMalformed: no note.
        NoteRefused: a false line, or fewer than ``need`` true ones.
    """
    parsed = parse_note(note)
    message = parsed.text.encode()
    vouched = set()
    for line in parsed.lines:
        for key in keys:
            if line.name != key.name or line.key_id != key.key_id:
                continue
            try:
                verifier.verify(key.public_key, message, line.value)
            except SignatureInvalid as error:
                raise NoteRefused(f"the {key.public_key.algorithm} signature is false") from error
            vouched.add((key.name, key.public_key.algorithm, key.public_key.raw))
    if len(vouched) < max(need, 1):
        raise NoteRefused(f"{len(vouched)} trusted keys signed the note, {max(need, 1)} are needed")
    return parsed


def vkey_text(key: NoteKey) -> str:
    """The verifier key in C2SP form: ``name+key id+base64(type ‖ key)``."""
    _require_name(key.name)
    encoded = base64.b64encode(_typed(key.public_key)).decode()
    return f"{key.name}+{key.key_id.hex()}+{encoded}"


def parse_vkey(text: str) -> NoteKey:
    """Read a verifier key.

    Raises:
        NoteMalformed: another shape, an unknown type or a key id that does not fit.
    """
    parts = text.split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 - name, id, key
        raise NoteMalformed("a verifier key reads name+id+key")
    name, key_id, encoded = parts
    _require_name(name)
    typed = _base64(encoded, "the verifier key")
    for algorithm, kind in _TYPES.items():
        raw = typed[len(kind) :]
        if typed.startswith(kind) and len(raw) == _KEY_BYTES[algorithm]:
            key = NoteKey(name=name, public_key=PublicKey(algorithm=algorithm, raw=raw))
            if key.key_id.hex() != key_id:
                raise NoteMalformed("the key id does not belong to this name and key")
            return key
    raise NoteMalformed("the verifier key has an unknown type or length")


def _typed(key: PublicKey) -> bytes:
    if len(key.raw) != _KEY_BYTES.get(key.algorithm):
        raise NoteMalformed(f"no note can be signed with this {key.algorithm} key")
    return _TYPES[key.algorithm] + key.raw


def _line(text: str, name: str, signer: Signer) -> str:
    key_id = NoteKey(name=name, public_key=signer.public_key).key_id
    value = base64.b64encode(key_id + signer.sign(text.encode())).decode()
    return f"{_DASH}{name} {value}\n"


def _parse_line(row: str) -> NoteLine:
    name, gap, encoded = row.removeprefix(_DASH).partition(" ")
    if not row.startswith(_DASH) or not gap:
        raise NoteMalformed("a signature line reads: em dash, name, base64")
    _require_name(name)
    value = _base64(encoded, "a signature line")
    if len(value) <= _ID_BYTES:
        raise NoteMalformed("a signature line is shorter than a key id and a signature")
    return NoteLine(name=name, key_id=value[:_ID_BYTES], value=value[_ID_BYTES:])


def _base64(text: str, what: str) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteMalformed(f"{what} is not standard base64") from error
    # Without this, spare bits at the end would give one signature several spellings.
    if base64.b64encode(value).decode() != text:
        raise NoteMalformed(f"{what} is not canonical base64")
    return value


def _require_text(text: str) -> None:
    if not text.endswith("\n") or not text.strip("\n"):
        raise NoteMalformed("the text of a note ends in a newline and is not empty")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NoteMalformed("a note is valid UTF-8") from error
    if any(character < " " and character != "\n" for character in text):
        raise NoteMalformed("a note holds no control characters")


def _require_name(name: str) -> None:
    if not name or "+" in name or not name.isprintable() or any(c.isspace() for c in name):
        raise NoteMalformed("a key name has no spaces, no plus and is not empty")
