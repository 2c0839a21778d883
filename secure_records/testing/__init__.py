"""How does a program that embeds the vault test itself against a real one?

``temporary_vault`` gives a whole vault on real encrypted files in a folder that
disappears, with a clock that stands still and seeded randomness;
``synthetic_lines`` gives records that it accepts. For tests only: the root key
is known to everybody, and nothing of the product imports this package.
"""

from secure_records.testing.determinism import FixedClock, SeededEntropy
from secure_records.testing.room import VaultRoom, temporary_vault
from secure_records.testing.synthetic import (
    INSTITUTION,
    registry_document,
    synthetic_lines,
    synthetic_patient,
)

__all__ = [
    "INSTITUTION",
    "FixedClock",
    "SeededEntropy",
    "VaultRoom",
    "registry_document",
    "synthetic_lines",
    "synthetic_patient",
    "temporary_vault",
]
