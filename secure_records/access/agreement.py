"""What did the parties write down, clause by clause?

The structs mirror the YAML document one to one (see
``docs/reference/agreements.md``); ``Agreement`` adds what follows from it: the
term as instants and the digest of its canonical bytes. No decisions here. An
unknown key is refused everywhere, for it might have been meant as a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from secure_records.access.vocabulary import AgreementKind, ConsentKind, Treatment
from shared_kernel.canonical_json import Json
from shared_kernel.digests import Digest

SCHEMA: TypeAlias = Literal["jinkui.agreement/1"]

Slug: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,64}$(?!\n)")]
Word: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")]
FieldName: TypeAlias = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}(?:\.[a-z0-9_]{1,64}){0,3}$(?!\n)")
]
Prose: TypeAlias = Annotated[str, Meta(min_length=1, max_length=2000)]
ClauseNumber: TypeAlias = Annotated[str, Meta(min_length=1, max_length=40)]
Words: TypeAlias = Annotated[tuple[Word, ...], Meta(max_length=200)]
SomeWords: TypeAlias = Annotated[tuple[Word, ...], Meta(min_length=1, max_length=200)]
Permission: TypeAlias = Literal["forbidden", "with_consent"]


class Title(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text in both languages."""

    zh: Prose
    en: Prose


class Discloser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The institution whose records these are."""

    name: Prose
    credit_code: str


class Partner(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who receives."""

    id: Slug
    """Name of the partner in requests and tokens."""

    name: Prose
    credit_code: str
    contact: Prose | None = None
    """Owed to the person before provision (PIPL art. 23)."""


class Term(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the agreement holds.

    ``from`` is inclusive. A date is its whole day in China time: ``until`` a date
    runs through the end of that day; ``until`` an instant ends at that instant.
    """

    begins: str = field(name="from")
    until: str
    clause: ClauseNumber = "term"


class Obligations(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the receiver owes for what this clause shows."""

    watermark: bool = False
    row_cap: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    """Most records in one answer."""

    notice: Prose | None = None
    """Text that must stand on every view."""

    view_only: bool = False


class Grant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clause that allows."""

    clause: ClauseNumber
    kinds: SomeWords
    purposes: SomeWords
    roles: SomeWords
    max_grade: Annotated[int, Meta(ge=1, le=5)]
    """Highest grade (inclusive) this clause reaches."""

    fields: Annotated[dict[FieldName, Treatment], Meta(min_length=1, max_length=300)]
    """Field not named here: withheld."""

    obligations: Obligations = Obligations()
    registered_staff: bool = False
    """Only for a person proven to be on the register of a party."""


class Prohibition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clause that forbids, whatever any grant says.

    An empty list means every one. With ``fields``, only these fields are
    withheld; without, the whole record is refused.
    """

    clause: ClauseNumber
    kinds: Words = ()
    fields: Annotated[tuple[FieldName, ...], Meta(max_length=300)] = ()
    purposes: Words = ()
    roles: Words = ()


class Consent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """On what legal basis, and which yes of the person is needed."""

    basis: Word | None = None
    requires: Annotated[tuple[ConsentKind, ...], Meta(max_length=4)] = ()
    clause: ClauseNumber = "consent"


class Duties(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rights and duties of both sides."""

    discloser: Prose | None = None
    partner: Prose | None = None


class AgreementDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The document as written. What the law demands may still be absent here."""

    schema: SCHEMA
    id: Slug
    version: Annotated[int, Meta(ge=1, le=1_000_000)]
    kind: AgreementKind
    title: Title
    discloser: Discloser
    partner: Partner
    term: Term
    purposes: SomeWords
    roles: SomeWords
    grants: Annotated[tuple[Grant, ...], Meta(max_length=500)]
    prohibitions: Annotated[tuple[Prohibition, ...], Meta(max_length=500)] = ()
    consent: Consent = Consent()
    methods: Annotated[tuple[Prose, ...], Meta(max_length=50)] = ()
    security_measures: Annotated[tuple[Prose, ...], Meta(max_length=100)] = ()
    duties: Duties = Duties()
    supervision: Prose | None = None
    sub_entrustment: Permission | None = None
    onward_transfer: Permission | None = None
    return_or_delete: Prose | None = None
    impact_assessment: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    """Reference of the assessment that was made before."""

    incident_notice: Prose | None = None
    traceability: Prose | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A readable agreement."""

    document: AgreementDocument
    source: Mapping[str, Json]
    """The document as parsed JSON: what ``digest`` covers."""

    begins: datetime
    """UTC, inclusive."""

    ends: datetime
    """UTC, exclusive."""

    digest: Digest
    """SHA-256 over the RFC 8785 bytes of ``source``: comments and layout do not count."""

    @property
    def id(self) -> str:
        """Slug of the agreement, the same for all its versions."""
        return self.document.id

    @property
    def version(self) -> int:
        """From 1, rising."""
        return self.document.version

    @property
    def partner(self) -> str:
        """Slug of the partner."""
        return self.document.partner.id

    @property
    def reference(self) -> str:
        """``id@version``, as decisions and the audit log name it."""
        return f"{self.document.id}@{self.document.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingAgreement:
    """An agreement that was applied, and perhaps ended before its term."""

    agreement: Agreement
    ended_at: datetime | None = None
    """From this instant on nothing more is disclosed under it."""
