"""Which files beside a record are taken, and does this one begin as it claims?

Rows of ``media_types.yaml``. The comparison of first bytes catches the wrong file
and the wrong label; it does not make a file harmless for whoever plays it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import msgspec
import yaml

from secure_records.media.errors import MediaTypeRefused

LOOKED_AT: Final = 16
"""Bytes from the front that are enough for every row."""

_OF_THE_RECORD: Final = "record"


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: str
    retention: str
    begins: tuple[str, ...]


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rows: tuple[_Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaType:
    """One row."""

    name: str
    retention: str | None
    """Retention class; None: that of the record."""

    begins: tuple[tuple[tuple[int, bytes], ...], ...]
    """Alternatives; of one, every place must hold its bytes."""

    def class_for(self, of_record: str) -> str:
        """Retention class of such a file beside a record of class ``of_record``."""
        return self.retention or of_record

    def fits(self, start: bytes) -> bool:
        """Whether a file may begin like this."""
        return any(
            all(start[at : at + len(sign)] == sign for at, sign in signs) for signs in self.begins
        )


@cache
def media_types() -> Mapping[str, MediaType]:
    """Every row by its type."""
    text = files("secure_records.media").joinpath("media_types.yaml").read_bytes()
    document = msgspec.convert(yaml.safe_load(text), _Document)
    return MappingProxyType({row.type: _read(row) for row in document.rows})


def require_media_type(name: str) -> MediaType:
    """The row of this type.

    Raises:
        MediaTypeRefused: there is none.
    """
    found = media_types().get(name)
    if found is None:
        raise MediaTypeRefused(
            "media.media_type: not a type that is kept",
            hint=f"use one of: {', '.join(media_types())}",
            where="media.media_type",
        )
    return found


def _read(row: _Row) -> MediaType:
    begins = []
    for alternative in row.begins:
        signs = []
        for sign in alternative.split():
            at, _, digits = sign.partition(":")
            signs.append((int(at), bytes.fromhex(digits)))
        begins.append(tuple(signs))
    retention = None if row.retention == _OF_THE_RECORD else row.retention
    return MediaType(name=row.type, retention=retention, begins=tuple(begins))
