"""Is this line a record, and if not, what is the one thing to say about it?

Bytes in, ``NewRecord`` or one error with a stable code out. Nothing here knows
the store: whether the record is allowed is the question of ``admission``.
No message repeats a value of the line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

import orjson

from secure_records.kinds.catalogue import parse_line as parse_shape
from secure_records.kinds.identity import SubjectIdentity
from secure_records.kinds.import_line import ImportLine
from secure_records.models import NewRecord, StoreRefusal
from secure_records.vault_errors import (
    LineDuplicateKey,
    LineIdentityInIdentifier,
    LineNotJson,
    LineTooLong,
)
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput
from shared_kernel.instants import in_utc

LINE_LIMIT: Final = 1024 * 1024
"""Bytes. A long dialogue has tens of KiB; sound and pictures go beside the line."""

_DISTINCTIVE: Final = 6
"""Characters. A shorter document number occurs in running numbers by chance."""

_FRAME_IDENTIFIERS: Final = ("external_id", "visit", "clinician")
_BODY_IDENTIFIERS: Final = ("rx_no", "rx_unique_id", "record_no", "consent_no")


def parse_line(raw: bytes, number: int) -> NewRecord:
    """Read one line of an import file.

    Args:
        raw: The line, with or without its newline.
        number: Its place in the file, from 1.

    Raises:
        LineRefused: too long, not one JSON object, a key twice, or an identifier
            that carries the patient's identity.
        UnknownKind: no such record kind.
        BodyRefused: frame, identity or body have another shape (``where`` is the path).
    """
    value = _strict_json(raw)
    line = parse_shape(value)
    _require_meaningless_identifiers(line)
    return NewRecord(
        line=number,
        kind=line.kind,
        external_id=line.external_id,
        institution=line.institution,
        subject=line.subject,
        visit=line.visit,
        clinician=line.clinician,
        occurred_at=in_utc(line.occurred_at, "occurred_at"),
        body=line.body,
        media=line.media,
        digest=hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).digest(),
    )


def bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of ``file``; of one that is longer than any record only the beginning.

    The beginning is itself too long, so that the line is refused under its number.
    """
    while line := file.readline(LINE_LIMIT + 1):
        yield line
        rest = line
        while len(rest) > LINE_LIMIT and not rest.endswith(b"\n"):
            rest = file.readline(LINE_LIMIT + 1)


def read_lines(lines: Iterable[bytes]) -> Iterator[NewRecord | StoreRefusal]:
    """Every line of a file in order; blank lines are skipped but counted.

    A malformed line becomes a ``StoreRefusal``, so that the vault writes it into
    the audit log together with the lines around it.
    """
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            yield parse_line(raw, number)
        except BadInput as fault:
            yield StoreRefusal(line=number, code=fault.code, reason=str(fault))


def _require_meaningless_identifiers(line: ImportLine) -> None:
    # Identifiers stay outside the envelope, in rows and in the log: a citizen number
    # used as a visit number would name the patient to whoever reads only those.
    telling = _telling_numbers(line.subject)
    identifiers = {name: getattr(line, name) for name in _FRAME_IDENTIFIERS}
    for name in _BODY_IDENTIFIERS:
        identifiers[f"body.{name}"] = getattr(line.body, name, None) or ""
    for where, identifier in identifiers.items():
        shown = identifier.upper()  # 17 digits and "x" are the same citizen number
        if any(number in shown for number in telling):
            raise LineIdentityInIdentifier(
                f"{where}: contains a number that identifies the patient or guardian", where=where
            )


def _telling_numbers(subject: SubjectIdentity) -> tuple[str, ...]:
    numbers = [subject.phone]
    if len(subject.id_no) >= _DISTINCTIVE:
        numbers.append(subject.id_no)
    if subject.guardian is not None:
        numbers.append(subject.guardian.id_no)
        if subject.guardian.phone is not None:
            numbers.append(subject.guardian.phone)
    return tuple(numbers)


def _strict_json(raw: bytes) -> Json:
    if len(raw) > LINE_LIMIT:
        raise LineTooLong(f"the line has more than {LINE_LIMIT} bytes")
    try:
        value: Json = orjson.loads(raw)
    except orjson.JSONDecodeError as fault:
        # From None: the decoder's error carries the whole line.
        raise LineNotJson(f"not JSON at character {fault.pos}") from None
    if not isinstance(value, dict):
        raise LineNotJson("expected one JSON object")
    # orjson keeps the last of two equal keys. A second reader of the same file may
    # keep the first: an attack that shows one drug to the reviewer and stores another.
    try:
        json.loads(raw, object_pairs_hook=_refuse_twice)
    except (RecursionError, ValueError):
        # RecursionError: deeper than the second reader can follow.
        raise LineNotJson("nested too deeply, or a number without end") from None
    return value


def _refuse_twice(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise LineDuplicateKey("a key appears twice in one object")
