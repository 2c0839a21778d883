"""Which institutions does the simulated platform know, with which dummy credentials?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock
from shared_kernel.signatures import PublicKey, SignatureVerifier, Signer
from supervision.simulator.awkwardness import CALM, AwkwardPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """One institution's test credentials; a field left out closes that door."""

    institution: str
    public_key: PublicKey
    """Verifies the signatures of the exchange form."""

    exchange_key: bytes
    """16 bytes, shared."""

    app_key: str = ""
    sm4_key: bytes = b""
    """Scheme A: 16 bytes."""

    sm4_iv: bytes = b""
    aes_key: bytes = b""
    """Scheme B."""

    hmac_secret: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorParts:
    """What the simulated platform is made of."""

    platform: str
    """Its name; the exchange form signs it in."""

    enrolled: tuple[Enrolled, ...]
    signer: Signer
    """Its own SM2 key: signs receipts."""

    verifier: SignatureVerifier
    clock: Clock
    entropy: Entropy
    plan: AwkwardPlan = CALM
    clock_window: timedelta = timedelta(minutes=15)
    """Older or newer requests are refused as expired."""

    state_file: Path | None = None
    """JSON Lines of what was stored; memory only if not given."""

    def by_institution(self, institution: str) -> Enrolled | None:
        """The enrolled institution with this code."""
        return next((item for item in self.enrolled if item.institution == institution), None)

    def by_app_key(self, app_key: str) -> Enrolled | None:
        """The enrolled institution with this application key."""
        if not app_key:
            return None
        return next((item for item in self.enrolled if item.app_key == app_key), None)
