"""How does a secret of the platform enter the house, and who noted it?"""

from __future__ import annotations

from jinkui.wiring.supervision import SealedSecrets
from jinkui.wiring.toolkit import Toolkit
from shared_kernel.errors import BadInput


class SecretEmpty(BadInput):
    """A secret without bytes protects nothing."""

    code = "supervision.secret_empty"
    default_hint = "hand over the file that the platform gave you"


def enter_secret(toolkit: Toolkit, actor: str, name: str, value: bytes) -> None:
    """Note it, then seal and keep it; the entry names the secret, never its bytes.

    Raises:
        SecretEmpty: there are none.
    """
    if not value:
        raise SecretEmpty(f"the secret {name} is empty", where=name)
    with toolkit.transaction() as unit:
        at = toolkit.clock.now()
        unit.journal.record("supervision.secret", {"name": name}, at=at, actor=actor)
    SealedSecrets(toolkit).enter({name: value})
