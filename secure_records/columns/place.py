"""To which table, column, row and patient does a sealed value belong?

The place is part of what the cipher authenticates, so a ciphertext that is
copied into another row, column or table does not open there. It is written as
JSON, never joined with a separator: two places never give the same text. Keys
keep their type; a UUID is its 32 hex digits, because engines without such a type
store it so.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import orjson

from secure_records.columns.errors import PlaceIncomplete, ValueRefused
from secure_records.columns.rule import FieldRule, Holds
from secure_records.envelope.context import EnvelopeContext
from secure_records.errors import EnvelopeMalformed

KIND: Final = "column"
TEXT_PREFIX: Final = "jk1."
_TEXT: Final = re.compile(r"jk1\.[A-Za-z0-9_-]+\Z")
_WHOLE_TABLE: Final = "table:"
_VERSION: Final = 1

Value: TypeAlias = Any
"""What the field holds: text, bytes, or a JSON value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One cell."""

    table: str
    """With its schema, if the table has one."""

    column: str
    key: tuple[object, ...]
    """Values of the primary key, in the order of the table."""

    subject: str | None
    """Value of the column that names the patient; None: the field has none."""

    @property
    def owner(self) -> str:
        """Whose data key seals it."""
        return f"{_WHOLE_TABLE}{self.table}" if self.subject is None else self.subject

    def context(self, tenant: str, rule: FieldRule, key_id: str) -> EnvelopeContext:
        """What is authenticated with the value."""
        return EnvelopeContext(
            tenant=tenant,
            subject=self.owner,
            record=orjson.dumps([self.table, self.column, *self.key]).decode(),
            version=_VERSION,
            schema=f"{KIND}-{rule.holds}/1",
            kind=KIND,
            grade=rule.grade,
            key_id=key_id,
        )


def place_of(
    table: str,
    column: str,
    rule: FieldRule,
    key_names: Sequence[str],
    row: Mapping[str, object],
) -> Place:
    """The cell of ``column`` in ``row``, which holds at least key and subject by column name.

    Raises:
        PlaceIncomplete: a part of the key or the subject is missing or has no fixed form.
    """
    if not key_names:
        raise PlaceIncomplete(f"{table} has no primary key", where=f"{table}.{column}")
    key = tuple(_fixed(table, name, row.get(name)) for name in key_names)
    if rule.subject is None:
        return Place(table=table, column=column, key=key, subject=None)
    subject = str(_fixed(table, rule.subject, row.get(rule.subject)))
    if not subject or subject.startswith(_WHOLE_TABLE):
        raise PlaceIncomplete(
            f"{table}.{rule.subject} names no subject", where=f"{table}.{rule.subject}"
        )
    return Place(table=table, column=column, key=key, subject=subject)


def _fixed(table: str, column: str, value: object) -> object:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise PlaceIncomplete(
        f"{table}.{column} is missing, or of a type that has no fixed form",
        where=f"{table}.{column}",
    )


def value_bytes(holds: Holds, value: Value, where: str) -> bytes:
    """The plaintext of a value.

    Raises:
        ValueRefused: another type than the field holds.
    """
    if holds == "text" and isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            # From None: the codec's message quotes the text.
            raise ValueRefused(f"{where}: the text holds a lone surrogate", where=where) from None
    if holds == "bytes" and isinstance(value, bytes):
        return value
    if holds == "json":
        try:
            return orjson.dumps(value)
        except TypeError:
            raise ValueRefused(f"{where}: expected a JSON value", where=where) from None
    raise ValueRefused(f"{where}: expected {holds}", where=where)


def value_of(holds: Holds, plaintext: bytes) -> Value:
    """The value of a plaintext that was authenticated as one of this kind."""
    if holds == "text":
        return plaintext.decode()
    return plaintext if holds == "bytes" else orjson.loads(plaintext)


def as_text(envelope: bytes) -> str:
    """The envelope as a text column holds it."""
    return TEXT_PREFIX + urlsafe_b64encode(envelope).rstrip(b"=").decode("ascii")


def looks_sealed(text: str) -> bool:
    """Has this text the shape of a sealed one? It says nothing about whether it opens."""
    return _TEXT.match(text) is not None


def from_text(text: str) -> bytes:
    """The envelope in a text.

    Raises:
        EnvelopeMalformed: it has another shape, or another spelling of the same bytes.
    """
    if not looks_sealed(text):
        raise EnvelopeMalformed("the text is no sealed value", where="column")
    body = text.removeprefix(TEXT_PREFIX)
    try:
        envelope = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError as error:
        raise EnvelopeMalformed("the text is no sealed value", where="column") from error
    if as_text(envelope) != text:
        raise EnvelopeMalformed("the text is no sealed value", where="column")
    return envelope
