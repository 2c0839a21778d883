"""Is the policy that was compiled a moment ago still the one in force?

Every transaction asks: an agreement that ended a moment ago has ended. Asking
costs one small query; reading and compiling happen only when a version was
applied or ended since.
"""

from __future__ import annotations

from secure_records.access.agreement_register import AgreementRegister
from secure_records.access.decision import AccessPolicy
from secure_records.access.ports import AgreementSummary


class PolicyCache:
    """The newest compiled policy of one institution; lives as long as the process."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: tuple[tuple[AgreementSummary, ...], frozenset[str], AccessPolicy] | None = None

    def policy(
        self, register: AgreementRegister, known_partners: frozenset[str] = frozenset()
    ) -> AccessPolicy:
        """The policy of what ``register`` holds in its transaction.

        Raises:
            AgreementTampered: a stored text is not the one that was applied.
        """
        kept, summaries = self._kept, register.list()
        if kept is not None and kept[0] == summaries and kept[1] == known_partners:
            return kept[2]
        policy = register.policy(known_partners)
        # One assignment of one tuple: threads see the old policy or the new, never a mixture.
        self._kept = (summaries, known_partners, policy)
        return policy
