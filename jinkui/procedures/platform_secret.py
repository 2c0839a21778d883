"""How does a secret of the platform enter the house, and who noted it?"""

from __future__ import annotations

from jinkui.wiring.supervision import SealedSecrets
from jinkui.wiring.toolkit import Toolkit
from supervision.profiles.acceptance import shipped_profile
from supervision.profiles.secret_shapes import require_fitting


def enter_secret(toolkit: Toolkit, actor: str, name: str, value: bytes) -> None:
    """Note it, then seal and keep it; the entry names the secret, never its bytes.

    Raises:
        SecretMissing: the profile in use declares no secret of this name.
        SecretRefused: no step that uses it could work with these bytes.
    """
    profile = shipped_profile(toolkit.home.text("supervision", "profile"))
    require_fitting(profile, name, value)
    with toolkit.transaction() as unit:
        at = toolkit.clock.now()
        unit.journal.record("supervision.secret", {"name": name}, at=at, actor=actor)
    SealedSecrets(toolkit).enter({name: value})
