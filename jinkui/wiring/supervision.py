"""How is the door to the provincial platform opened?

Profile and environment come from the settings, secrets from a sealed file, rows
from the home's own transactions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from jinkui.settings.home import Home
from jinkui.wiring.toolkit import Toolkit
from jinkui.wiring.unit import Unit
from secure_records.envelope.one_use import WRAPPED_KEY, fresh_message_id, open_once, seal_once
from secure_records.keys.signing_keys import sm3_function
from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.errors import Refused, VerificationFailed
from shared_kernel.signatures import SM2_SM3, PublicKey
from supervision.adapters.https_transport import HttpsTransport
from supervision.delivery import DeskParts, SupervisionDesk
from supervision.errors import SecretMissing
from supervision.options import DeliveryOptions
from supervision.ports import Ledger
from supervision.profiles.acceptance import Environment, Setting, shipped_profile

SECRETS_FILE: Final = "platform-secrets.json"


class PlatformNotConfigured(Refused):
    """No platform address is set, so nothing can be sent."""

    code = "supervision.not_configured"
    default_hint = "fill [supervision] base_url, platform and platform_key in home.toml"


class PlatformSecretsDamaged(VerificationFailed):
    """The sealed secrets do not open."""

    code = "supervision.secrets_damaged"
    default_hint = "enter the platform's secrets again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Where messages go; usually from the settings, in a demonstration from its simulator."""

    base_url: str
    name: str
    public_key: bytes
    """64 bytes, the SM2 key of the platform's receipts."""


class HomeLedgers:
    """Gives delivery its transactions."""

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit

    @contextmanager
    def begin(self) -> Iterator[Ledger]:
        """One transaction over outbox and log."""
        with self._toolkit.transaction() as unit:
            yield ledger_of(unit)


def ledger_of(unit: Unit) -> Ledger:
    """Outbox and journal of an open transaction."""
    return Ledger(outbox=unit.outbox, journal=unit.journal)


class SealedSecrets:
    """Secrets of platform profiles, sealed under a key of the institution."""

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit
        self._path = toolkit.home.keys_folder / SECRETS_FILE

    def secret(self, name: str) -> bytes:
        """The secret called ``name``.

        Raises:
            SecretMissing: there is none.
            PlatformSecretsDamaged: it was altered or moved.
        """
        row = self._rows().get(name)
        if row is None:
            raise SecretMissing(f"the platform secret {name} is not entered", where=name)
        keys = self._toolkit.keys
        try:
            return open_once(
                keys.suite,
                keys.content_key(self._toolkit.tenant),
                WRAPPED_KEY,
                bytes.fromhex(row["message_id"]),
                commitment=bytes.fromhex(row["check"]),
                sealed=bytes.fromhex(row["sealed"]),
                aad=self._place(name),
            )
        except (KeyError, ValueError, VerificationFailed) as error:
            raise PlatformSecretsDamaged(f"the secret {name} does not open") from error

    def enter(self, secrets: Mapping[str, bytes]) -> None:
        """Seal and keep secrets beside those already there."""
        keys = self._toolkit.keys
        rows = dict(self._rows())
        for name, value in secrets.items():
            message_id = fresh_message_id(self._toolkit.entropy)
            check, sealed = seal_once(
                keys.suite,
                keys.content_key(self._toolkit.tenant),
                WRAPPED_KEY,
                message_id,
                plaintext=value,
                aad=self._place(name),
            )
            rows[name] = {
                "message_id": message_id.hex(),
                "check": check.hex(),
                "sealed": sealed.hex(),
            }
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(rows, indent=2) + "\n", encoding="ascii")
        beside.chmod(0o600)
        beside.replace(self._path)

    def _place(self, name: str) -> bytes:
        return canonical_bytes(["platform-secret", self._toolkit.tenant, name])

    def _rows(self) -> dict[str, dict[str, str]]:
        return _read_rows(self._path)


def configured_platform(home: Home) -> Platform:
    """The platform of the settings.

    Raises:
        PlatformNotConfigured: address, name or key is missing.
    """
    url, name = home.text("supervision", "base_url"), home.text("supervision", "platform")
    key = home.text("supervision", "platform_key")
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        raw = b""
    if not url or not name or not raw:
        raise PlatformNotConfigured("no platform is configured", where="[supervision]")
    return Platform(base_url=url, name=name, public_key=raw)


@contextmanager
def supervision_desk(
    toolkit: Toolkit, platform: Platform | None = None
) -> Iterator[SupervisionDesk]:
    """The desk for the configured platform, or for the one given."""
    home = toolkit.home
    where = platform or configured_platform(home)
    _, sm2 = toolkit.keys.log_signers(toolkit.tenant)
    retries = home.numbers("supervision", "retry_after_minutes")
    with HttpsTransport() as transport:
        yield SupervisionDesk(
            DeskParts(
                institution=toolkit.tenant,
                ledgers=HomeLedgers(toolkit),
                transport=transport,
                profile=shipped_profile(home.text("supervision", "profile")),
                environment=Environment(
                    setting=Setting(home.text("supervision", "setting")),
                    base_url=where.base_url,
                    platform=where.name,
                    platform_key=PublicKey(algorithm=SM2_SM3, raw=where.public_key),
                ),
                secrets=SealedSecrets(toolkit),
                signer=sm2,
                verifier=toolkit.verifier,
                clock=toolkit.clock,
                entropy=toolkit.entropy,
                sm3=sm3_function,
                options=DeliveryOptions(
                    backoff=tuple(timedelta(minutes=minutes) for minutes in retries),
                    lease=timedelta(minutes=home.number("supervision", "lease_minutes")),
                ),
            )
        )


def _read_rows(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="ascii"))
    except ValueError as error:
        raise PlatformSecretsDamaged("keys/platform-secrets.json is not JSON") from error
    if not isinstance(rows, dict):
        raise PlatformSecretsDamaged("keys/platform-secrets.json is no JSON object")
    return rows
