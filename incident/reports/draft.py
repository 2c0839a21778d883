"""What exactly does a report say, so that a signature over it means one thing?

A draft is immutable. Its canonical JSON is the material that people sign and that
is filed; HTML and text are only views of it. A field is either known or unknown;
unknown ones carry the instant by which the answer is promised and are never blank.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident.errors import MalformedCaseInput
from incident.workflow.events import Payload
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import Digest, sha256
from shared_kernel.instants import china_text, instant_text

TYPE = "jinkui.incident.report/1"


class Stage(StrEnum):
    """Which report of the series."""

    FIRST = "first"
    SUPPLEMENT = "supplement"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftField:
    """One thing the report says."""

    group: str
    """The content set it belongs to, e.g. ``ncir_group2``."""
    name: str
    label: str
    """In the language of the draft."""
    value: str | None
    """None: not yet known."""
    promised_by: datetime | None = None
    """When the answer is promised. Set if and only if ``value`` is None."""
    inherited: bool = False
    """Unchanged since the previous report to the same recipient."""

    def shown(self, language: str) -> str:
        """The value, or the sentence that says it is not yet known. Never blank."""
        if self.value is not None:
            return self.value
        until = "" if self.promised_by is None else china_text(self.promised_by)
        if language == "zh":
            return f"尚未查明（承诺于 {until} 前补报）"
        return f"Not yet known (promised by {until}, China time)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One report to one recipient."""

    tenant: str
    case: str
    draft_id: str
    number: str
    """Our report number, for people."""
    recipient: str
    recipient_name: str
    title: str
    stage: Stage
    language: str
    """``zh`` or ``en``."""
    made_at: datetime
    made_by: str
    """The initiator: may not release it."""
    fields: tuple[DraftField, ...]
    basis: tuple[str, ...]
    """Citations of the duties it serves, unverified ones marked."""
    previous: str | None
    """Digest of the report that this one continues."""

    def as_json(self) -> dict[str, Json]:
        """The whole report, canonical-ready."""
        return {
            "type": TYPE,
            "tenant": self.tenant,
            "case": self.case,
            "draft_id": self.draft_id,
            "number": self.number,
            "recipient": self.recipient,
            "recipient_name": self.recipient_name,
            "title": self.title,
            "stage": self.stage.value,
            "language": self.language,
            "made_at": instant_text(self.made_at),
            "made_by": self.made_by,
            "fields": [
                {
                    "group": item.group,
                    "name": item.name,
                    "label": item.label,
                    "value": item.value,
                    "promised_by": None
                    if item.promised_by is None
                    else instant_text(item.promised_by),
                    "inherited": item.inherited,
                }
                for item in self.fields
            ],
            "basis": list(self.basis),
            "previous": self.previous,
        }

    def material(self) -> bytes:
        """The bytes that are signed and filed."""
        return canonical_bytes(self.as_json())

    def digest(self) -> Digest:
        """SHA-256 of ``material``."""
        return sha256(self.material())

    def unknown(self) -> tuple[DraftField, ...]:
        """What is still open."""
        return tuple(item for item in self.fields if item.value is None)


def read_draft(payload: Payload) -> Draft:
    """A draft from its JSON.

    Raises:
        MalformedCaseInput: another type, a missing key, or a field both known and promised.
    """
    if payload.text("type") != TYPE:
        raise MalformedCaseInput("the document is not an incident report", where="type")
    fields: list[DraftField] = []
    for item in payload.children("fields"):
        field = DraftField(
            group=item.text("group"),
            name=item.text("name"),
            label=item.text("label"),
            value=item.text_or_none("value"),
            promised_by=item.instant_or_none("promised_by"),
            inherited=item.flag("inherited"),
        )
        if (field.value is None) == (field.promised_by is None):
            raise MalformedCaseInput(
                f"field {field.name} is neither known nor promised", where=field.name
            )
        fields.append(field)
    return Draft(
        tenant=payload.text("tenant"),
        case=payload.text("case"),
        draft_id=payload.text("draft_id"),
        number=payload.text("number"),
        recipient=payload.text("recipient"),
        recipient_name=payload.text("recipient_name"),
        title=payload.text("title"),
        stage=_stage(payload.text("stage")),
        language=payload.text("language"),
        made_at=payload.instant("made_at"),
        made_by=payload.text("made_by"),
        fields=tuple(fields),
        basis=payload.texts("basis"),
        previous=payload.text_or_none("previous"),
    )


def _stage(word: str) -> Stage:
    if word not in tuple(Stage):
        raise MalformedCaseInput(f"stage {word!r} is not known", where="stage")
    return Stage(word)
