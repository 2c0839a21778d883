"""What does the access wing need from a store?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSummary:
    """One applied version, without its text."""

    id: str
    version: int
    partner: str
    digest: str
    """``sha256:…`` over the canonical bytes of the document."""

    applied_at: datetime
    applied_by: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAgreement:
    """One applied version with the text exactly as it was handed in."""

    summary: AgreementSummary
    text: bytes


class AgreementStore(Protocol):
    """The agreements of one institution; nothing is ever deleted or replaced."""

    def apply(self, agreement: StoredAgreement) -> None:
        """Add one version; the pair of id and version is new."""
        ...

    def end(self, agreement_id: str, ended_at: datetime) -> int:
        """End every version of ``agreement_id`` that has not ended; how many that were."""
        ...

    def list(self) -> tuple[AgreementSummary, ...]:
        """Every version, by id and version."""
        ...

    def load_all(self) -> tuple[StoredAgreement, ...]:
        """Every version with its text, by id and version."""
        ...
