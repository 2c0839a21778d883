"""What does amending a record give back, and what does its history look like?

Plain values, as in ``models``: whatever may hold patient data is hidden from ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from secure_records.access.outcome import Obligation
from secure_records.access.vocabulary import Treatment
from secure_records.models import RuleVerdict
from shared_kernel.canonical_json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendReceipt:
    """The new version is in the store."""

    record: str
    version: int
    already_present: bool
    """True: the same amendment came before under this key; nothing was written."""

    changed: tuple[str, ...] = ()
    """Names of the fields that differ from the version before; empty for a repeat."""

    grade: int | None = None
    """Of the new version; never below the version before. None for a repeat."""

    flags: tuple[RuleVerdict, ...] = ()
    """Red lines that were noted and do not refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field that a version changed, as far as this caller may see it."""

    name: str
    treatment: Treatment
    """``withhold``: both values are None whatever they were."""

    before: Json = field(repr=False)
    """None: absent, or withheld."""

    after: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """One version: who wrote it, when, why, and what it changed."""

    version: int
    at: datetime
    actor: str | None
    """Account; None to partners, and where the log does not know the first version's."""

    role: str | None
    reason: str | None
    """A code of the published reasons; None for the first version."""

    changes: tuple[FieldChange, ...]
    """Empty for the first version: read it with ``version=1``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHistory:
    """Every version of one record, oldest first, for one purpose, this once."""

    id: str
    kind: str
    versions: tuple[VersionView, ...]
    obligations: tuple[Obligation, ...]
    watermark: str | None
    disclosure_id: str
