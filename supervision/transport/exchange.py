"""What exactly goes over the wire, and what came back?

Values only; ``supervision.ports.Transport`` carries them and
``supervision.adapters.https_transport`` is the carrier for HTTPS.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRequest:
    """A request ready to be sent, byte for byte."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    """In sending order, names as the platform spells them."""

    body: bytes
    timeout_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A complete reply."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
