"""What goes in through the front door, and what comes out of it?

Plain values, no behaviour. Nothing here prints patient data: ``NewRecord`` and
``RecordView`` hide their content from ``repr``, because a representation ends
up in logs and tracebacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from secure_records.access.outcome import Obligation
from secure_records.kinds.identity import SubjectIdentity
from secure_records.kinds.import_line import MediaReference
from shared_kernel.canonical_json import Json
from shared_kernel.citations import Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """On whose account something is asked, as the sign-in established it."""

    actor: str
    """Account id of the registry."""

    role: str
    partner: str | None = None
    """Partner id if the account belongs to an outside organisation."""

    on_behalf: str | None = None
    """Who the actor acts for; written into the log as it stands, so never a patient's name."""

    credential: str | None = None
    """Identifier of the token or key that signed in; a stolen one is traced by it."""

    subject: str | None = None
    """``sub_…`` if the caller is the patient or the guardian, signed in as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """One record that asks to be stored; shape and identity are already checked."""

    line: int
    """Line of the import file, from 1; for library callers the place in the batch."""

    kind: str
    external_id: str
    institution: str
    subject: SubjectIdentity = field(repr=False)
    visit: str
    clinician: str
    occurred_at: datetime
    """In UTC."""

    body: msgspec.Struct = field(repr=False)
    media: MediaReference | None = field(default=None, repr=False)
    digest: bytes = field(repr=False)
    """SHA-256 of the whole line as sorted JSON: says whether a repeat is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVerdict:
    """One red line that this record crosses."""

    rule: str
    """Stable id of the row, e.g. ``rx.special_drugs``."""

    refuses: bool
    """False: the record is stored and the verdict is noted."""

    citation: Citation
    zh: str
    en: str
    fix_zh: str
    fix_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReceipt:
    """The record is in the store."""

    line: int
    record: str
    """``rec_…``."""

    already_present: bool
    """True: the same line was stored before; nothing was written."""

    flags: tuple[RuleVerdict, ...] = ()
    """Red lines that were noted and do not refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRefusal:
    """The record is not in the store; the refusal is in the audit log."""

    line: int
    code: str
    """``line.not_json``, ``records.conflict``, ``admission.rx.special_drugs`` …"""

    reason: str
    """For people; names places and rules, never a value of the line."""

    verdicts: tuple[RuleVerdict, ...] = ()
    """The red lines, if admission refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """What one caller may see of one record, for one purpose, this once."""

    id: str
    kind: str
    version: int
    body: Mapping[str, Json] = field(repr=False)
    """Served fields by agreement name: ``patient.name``, ``visit``, ``dx`` …"""

    masked: tuple[str, ...]
    withheld: tuple[str, ...]
    obligations: tuple[Obligation, ...]
    """What the receiver owes, each with its clause; ``as_json`` is the outward form.
    Nobody inside the institution owes any: that is an agreement's matter."""

    watermark: str | None
    """Must be visible wherever the view is shown; None: none is owed."""

    disclosure_id: str
    """``dis_…``: the same in the audit entry."""

    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecord:
    """One hit of a search: enough to ask for it, and no more."""

    id: str
    kind: str
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """Hits the caller may know of, newest first."""

    records: tuple[FoundRecord, ...]
    next_cursor: str | None
    """Hand it back for the next page; None: this was the last."""

    obligations: tuple[Obligation, ...]
    """What is owed for the records on this page, and the row cap that cut it."""

    watermark: str | None
    disclosure_id: str
