"""What must be known about a record, beyond itself, before it may be accepted?

Gathered by the vault from registry and store, once per batch. A fact that is
missing counts against the record: what cannot be evaluated is not admitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from secure_records.models import RuleVerdict
from secure_records.registry.models import Institution, StaffMember


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionFacts:
    """The surroundings of one record."""

    tenant: str
    """Credit code under which this store runs."""

    institution: Institution | None
    """The registered institution; None: nothing is registered yet."""

    staff: Mapping[str, StaffMember]
    """By staff number; whoever the record names and is missing here is not registered."""

    revisit_proof: bool
    """A proof of re-visit is stored for this visit, or comes in the same batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Every red line the record crosses, in the order of the rows."""

    verdicts: tuple[RuleVerdict, ...]

    @property
    def refused(self) -> bool:
        """At least one of them refuses."""
        return any(verdict.refuses for verdict in self.verdicts)

    @property
    def refusals(self) -> tuple[RuleVerdict, ...]:
        """Those that refuse."""
        return tuple(verdict for verdict in self.verdicts if verdict.refuses)

    @property
    def flags(self) -> tuple[RuleVerdict, ...]:
        """Those that are only noted."""
        return tuple(verdict for verdict in self.verdicts if not verdict.refuses)
