"""Which record kinds exist, how long is each kept and how is each read?

One row per kind. A new kind is a new file with a struct, a row here and its
labels; nothing else in this room changes. The schema id carries the version a
sealed record was written under, so old records stay readable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

from secure_records.kinds import labels
from secure_records.kinds.chat_transcript import ChatTranscript
from secure_records.kinds.consent import Consent
from secure_records.kinds.errors import UnknownKind
from secure_records.kinds.identity import identity_fields, require_consistent
from secure_records.kinds.import_line import ImportLine, LineFrame
from secure_records.kinds.outpatient_record import OutpatientRecord
from secure_records.kinds.parsing import parse_struct
from secure_records.kinds.prescription import Prescription
from secure_records.kinds.revisit_proof import RevisitProof
from secure_records.kinds.schemas import line_schema
from shared_kernel.canonical_json import Json
from shared_kernel.grades import Grade

__all__ = [
    "KINDS",
    "RecordKind",
    "body_json",
    "identity_fields",
    "json_schema",
    "kind_named",
    "media_field",
    "parse_body",
    "parse_line",
    "schema_files",
    "visit_fields",
]

visit_fields: Final[tuple[str, ...]] = ("visit", "clinician", "occurred_at")
"""Names under which agreements speak of the visit."""

media_field: Final = "media"
"""Name under which agreements speak of a recording that came with a record of any kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """One row of the catalogue."""

    name: str
    schema: str
    """Name and version of the body's shape, e.g. ``prescription/1``."""

    retention_class: str
    """Class of the retention schedule and of the data key: the strictest that applies."""

    default_grade: Grade
    """Of a record in which nothing special was noticed. The grade of one record is decided
    when it is stored, by whoever the vault was given for it."""

    body: type[msgspec.Struct]

    @property
    def fields(self) -> tuple[str, ...]:
        """Top-level names of the body: what agreements name."""
        return self.body.__struct_fields__

    @property
    def all_fields(self) -> tuple[str, ...]:
        """Identity, visit and body names, in the order they are shown."""
        return (*identity_fields, *visit_fields, *self.fields)

    @property
    def agreed_fields(self) -> tuple[str, ...]:
        """What an agreement may name: all that is read, and the recording beside it."""
        return (*self.all_fields, media_field)

    @property
    def zh(self) -> str:
        """Chinese name."""
        return labels.kind_label(self.name).zh

    @property
    def en(self) -> str:
        """English name."""
        return labels.kind_label(self.name).en


def _kind(name: str, retention_class: str, body: type[msgspec.Struct]) -> RecordKind:
    return RecordKind(
        name=name,
        schema=f"{name}/1",
        retention_class=retention_class,
        default_grade=Grade.SENSITIVE,
        body=body,
    )


KINDS: Final[Mapping[str, RecordKind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            _kind("revisit_proof", "revisit_proof", RevisitProof),
            _kind("consent", "outpatient_record", Consent),
            _kind("chat_transcript", "chat_transcript", ChatTranscript),
            _kind("outpatient_record", "outpatient_record", OutpatientRecord),
            # Not the year of 处方管理办法 第五十条: an online prescription is part of the
            # visit's electronic record (监管细则 2022 第十九条), and the longest floor wins.
            # Erasing by the shorter one would tear a kept record apart.
            _kind("prescription", "outpatient_record", Prescription),
        )
    }
)
"""By name, in the order in which a visit produces them."""


def kind_named(name: str) -> RecordKind:
    """The row with this name.

    Raises:
        UnknownKind: there is none; the message lists those there are.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise UnknownKind(f"kind: expected one of {', '.join(KINDS)}", where="kind")
    return kind


def parse_body(kind: str, value: Json) -> msgspec.Struct:
    """Read the body of a record.

    Raises:
        UnknownKind: no such kind.
        BodyRefused: ``where`` is the JSON path from ``body``; no value is shown.
    """
    return parse_struct(value, kind_named(kind).body, "body")


def body_json(body: msgspec.Struct) -> Json:
    """The JSON of a parsed body; ``parse_body`` reads it back to an equal struct."""
    plain: Json = msgspec.to_builtins(body)
    return plain


def parse_line(value: Json) -> ImportLine:
    """Read one decoded line of an import file: frame, identity and body.

    Raises:
        UnknownKind: no such kind.
        BodyRefused: the frame or the body has another shape.
        IdentityRefused: a document number is wrong or contradicts its holder's data.
    """
    frame = parse_struct(value, LineFrame, "")
    kind = kind_named(frame.kind)
    require_consistent(frame.subject, "subject")
    return ImportLine(
        kind=kind.name,
        external_id=frame.external_id,
        institution=frame.institution,
        subject=frame.subject,
        visit=frame.visit,
        clinician=frame.clinician,
        occurred_at=frame.occurred_at,
        body=parse_struct(frame.body, kind.body, "body"),
        media=frame.media,
    )


def json_schema(kind: str) -> Mapping[str, Json]:
    """JSON Schema 2020-12 of one whole import line of this kind.

    Raises:
        UnknownKind: no such kind.
    """
    row = kind_named(kind)
    return line_schema(row.name, row.schema, f"{row.zh} {row.en}", row.body)


def schema_files() -> Mapping[str, bytes]:
    """What is published under ``docs/reference/json``: file name to content."""
    return MappingProxyType(
        {
            f"record-{name}.schema.json": json.dumps(
                json_schema(name), ensure_ascii=False, indent=2
            ).encode("utf-8")
            + b"\n"
            for name in KINDS
        }
    )
