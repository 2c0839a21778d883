"""Which choices of the operator does the record store know?

Values only; ``jinkui/settings`` reads them from file and environment. No number
of the law stands here.
"""

from __future__ import annotations

from dataclasses import dataclass

from secure_records.envelope.suites import GM, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultOptions:
    """Operator choices of one store."""

    suite: Suite = GM
    """Algorithms for what is sealed from now on; older envelopes name their own."""

    intake_roles: frozenset[str] = frozenset(
        {"clinician", "physician", "pharmacist", "records_officer", "intake_service"}
    )
    """Roles inside the hospital that may hand in records."""

    search_limit: int = 100
    """Most hits on one page."""

    search_candidates: int = 200
    """Most patients one search may touch: a wider one is a census, not a search."""
