"""What was decided, for which reasons, and what does the receiver owe?

Values only. A decision is complete in itself: it can be written into the audit
log, shown to a person and applied to a view without looking anything up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from secure_records.access.vocabulary import ObligationKind, Treatment
from shared_kernel.canonical_json import Json
from shared_kernel.citations import Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that decided."""

    code: str
    """Stable, e.g. ``agreement.expired``; all codes are rows of ``law/reasons.yaml``."""

    clause: str
    """Clause of the agreement (``id@version 3.1``), else the law; empty if neither decides."""

    text: str
    """For people, Chinese."""

    text_en: str
    law: Citation | None = None
    """The law behind it, with ``verified``."""

    def as_json(self) -> Json:
        """The outward form."""
        row: dict[str, Json] = {
            "code": self.code,
            "clause": self.clause,
            "text": self.text,
            "text_en": self.text_en,
        }
        if self.law is not None:
            row["law"] = {"citation": self.law.text(), "verified": self.law.verified}
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What comes with the permission."""

    kind: ObligationKind
    clause: str
    rows: int | None = None
    """``row_cap``: most records in one answer."""

    text: str | None = None
    """``notice``: what must stand on the view."""

    def as_json(self) -> Json:
        """The outward form."""
        row: dict[str, Json] = {"kind": self.kind.value, "clause": self.clause}
        if self.rows is not None:
            row["rows"] = self.rows
        if self.text is not None:
            row["text"] = self.text
        return row


def joined(duties: Iterable[Obligation]) -> tuple[Obligation, ...]:
    """Obligations of several permissions that serve one answer, each once.

    Of several row caps the smallest stays: an answer that keeps it keeps them all.
    """
    given = tuple(duties)
    caps = sorted(
        (duty for duty in given if duty.rows is not None), key=lambda duty: duty.rows or 0
    )
    return (*caps[:1], *dict.fromkeys(duty for duty in given if duty.rows is None))


_NONE: Mapping[str, Treatment] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to one access request. Shared between equal requests: never altered."""

    permit: bool
    fields: Mapping[str, Treatment] = field(default_factory=lambda: _NONE)
    """Every field that was asked for; if none was named, every field the clauses name."""

    unnamed: Treatment = Treatment.WITHHOLD
    """Fields not in ``fields``. Other than ``withhold`` only for roles inside the hospital."""

    obligations: tuple[Obligation, ...] = ()
    reasons: tuple[Reason, ...] = ()
    agreement: str | None = None
    """``id@version`` that permitted, or whose rules denied; None inside the hospital."""

    policy: str = ""
    """Digest of the rules that decided."""

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that decided, each once, for the audit entry."""
        return tuple(dict.fromkeys(reason.clause for reason in self.reasons if reason.clause))

    @property
    def row_cap(self) -> int | None:
        """Most records in one answer; None: no limit agreed."""
        caps = [duty.rows for duty in self.obligations if duty.rows is not None]
        return min(caps, default=None)

    def treatment(self, name: str) -> Treatment:
        """What happens to the field ``name``; withheld unless permitted."""
        return self.fields.get(name, self.unnamed) if self.permit else Treatment.WITHHOLD

    def as_json(self) -> Json:
        """The outward form, keys as published."""
        return {
            "decision": "permit" if self.permit else "deny",
            "fields": {name: self.treatment(name).value for name in self.fields},
            "obligations": [duty.as_json() for duty in self.obligations],
            "reasons": [reason.as_json() for reason in self.reasons],
            "agreement": self.agreement,
            "policy": self.policy,
        }
