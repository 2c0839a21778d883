"""What do our own store and daemon know about themselves, tried and not assumed?

Fills ``OwnSystemFacts`` of the classification room. What cannot be determined here
is left out and counts as unknown; null means "looked, there is none".
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from jinkui.daemon.application import LARGEST_BODY
from jinkui.daemon.headers import CONTENT_SECURITY_POLICY, HEADERS
from jinkui.procedures.passwords import SHORTEST
from jinkui.wiring.toolkit import Toolkit
from secure_records.access.internal_roles import roles_in_conflict
from secure_records.access.masking import mask_value
from secure_records.access.request import AccessRequest
from secure_records.models import Caller
from secure_records.vault_errors import RecordNotFound
from shared_kernel.canonical_json import Json

PROBE: Final = "self-assessment"
"""Account name under which the probes appear in the log."""

_NO_SUCH_RECORD: Final = "rec_" + "0" * 26
_MAGIC: Final = b"SQLite format 3"
_DAY: Final = 86_400
_SAMPLE_ID: Final = "460100199003071237"
_PRAGMAS: Final = ("secure_delete", "temp_store", "journal_mode", "synchronous", "foreign_keys")


class OwnSystem:
    """Looks at one open home."""

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit

    def store_facts(self) -> Mapping[str, Json]:
        """Facts about the record store, its keys and its log."""
        toolkit = self._toolkit
        home, now = toolkit.home, toolkit.clock.now()
        denial_logged = self._denial_leaves_an_entry()
        verdict = toolkit.verify_log()
        with toolkit.reading() as unit:
            settings = [
                f"{name}={unit.connection.exec_driver_sql(f'PRAGMA {name}').scalar()}"
                for name in _PRAGMAS
            ]
            checkpoint = unit.audit_store.latest_checkpoint()
            oldest = next(iter(unit.audit_store.entries(0, 1)), ())
            decision = toolkit.policy(unit).decide(
                AccessRequest(actor=PROBE, role="x", purpose="x", kind="prescription", at=now)
            )
        facts: dict[str, Json] = {
            "store_cipher": "sqlcipher-aes-256-cbc-hmac",
            "store_page_mac": "hmac-sha256",
            "store_settings": list(settings),
            "opens_without_key": _opens_without_key(home.records_file),
            "plaintext_found": any(_holds_plaintext(path) for path in toolkit.file_names()),
            "envelope_suites": [home.suite],
            "key_wrap_suite": home.suite,
            "root_key_kind": "passphrase-argon2id",
            "file_mode": _mode(home.records_file),
            "key_file_mode": _mode(home.keys_folder / "keys.db"),
            "log_verified": verdict.ok,
            "log_size": verdict.size,
            "log_entry_fields": ["action", "actor", "at", "decision"],
            "denials_audited": denial_logged,
            "default_decision": "permit" if decision.permit else "deny",
            "purpose_required": not decision.permit,
            "masking_active": mask_value("patient.id_no", _SAMPLE_ID) != _SAMPLE_ID,
            "backup_age_hours": None,
            "restore_tested_days": None,
            "offsite_copy_lag_minutes": None,
            "standby_count": 0,
        }
        if checkpoint is not None:
            facts["checkpoint_age_seconds"] = int((now - checkpoint.at).total_seconds())
        if oldest:
            facts["audit_oldest_days"] = (int(now.timestamp()) - oldest[0].at_us // 10**6) // _DAY
        return facts

    def daemon_facts(self) -> Mapping[str, Json]:
        """Facts about the service as it is configured and as its code answers."""
        home = self._toolkit.home
        with self._toolkit.reading() as unit:
            actors = unit.registry.actors(home.institution)
        return {
            "listen_address": home.text("daemon", "host"),
            "tls": None,
            "run_as_root": os.geteuid() == 0,
            "password_hash": "argon2id",
            "password_min_length": SHORTEST,
            "password_classes": 0,
            "password_max_days": 0,
            "second_factor": None,
            "session_idle_minutes": home.number("daemon", "session_idle_minutes"),
            "login_lockout": home.number("daemon", "login_attempts"),
            "lockout_minutes": home.number("daemon", "login_pause_minutes"),
            "roles_separated": not any(roles_in_conflict(actor.roles) for actor in actors),
            "csp": CONTENT_SECURITY_POLICY,
            "security_headers": sorted(name.decode() for name, _ in HEADERS),
            "cookie_flags": ["httponly", "samesite"],
            "no_store": (b"cache-control", b"no-store") in HEADERS,
            "body_limit_bytes": LARGEST_BODY,
            "debug_routes": 0,
            "reports_signed": True,
            "detection_rules": 0,
            "crypto_algorithms": ["sm2", "sm3", "sm4-gcm", "ed25519", "sha-256"]
            if home.suite == "gm"
            else ["aes-256-gcm", "ed25519", "sha-256", "sm2"],
        }

    def _denial_leaves_an_entry(self) -> bool:
        with self._toolkit.reading() as unit:
            before = unit.log.size()
        try:
            self._toolkit.vault.read(
                Caller(actor=PROBE, role="quality_control"), _NO_SUCH_RECORD, "quality_control"
            )
        except RecordNotFound:
            with self._toolkit.reading() as unit:
                return unit.log.size() == before + 1
        return False


def _opens_without_key(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    return True


def _holds_plaintext(path: Path) -> bool:
    data = path.read_bytes()
    return data.startswith(_MAGIC) or b"audit_entries" in data


def _mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"
