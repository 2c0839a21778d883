"""Whose signature is this?

The incident room asks which keys belong to a person; the key ring knows the
public halves of the personal keys it holds.
"""

from __future__ import annotations

from secure_records.keys.key_ring import KeyRing
from shared_kernel.signatures import PublicKey


class PersonalKeys:
    """Fills ``PersonKeys`` from the key ring."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def keys_of(self, tenant: str, person: str) -> tuple[PublicKey, ...]:
        """Keys registered for this person; empty for a stranger."""
        return tuple(
            held.key for held in self._keys.public_keys(tenant) if person and held.owner == person
        )
