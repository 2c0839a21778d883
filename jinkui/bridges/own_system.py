"""What do our own store and daemon know about themselves, tried and not assumed?

Fills ``OwnSystemFacts`` of the classification room. What cannot be determined here
is left out and counts as unknown; null means "looked, there is none".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from jinkui.bridges import probes
from jinkui.daemon.application import LARGEST_BODY
from jinkui.daemon.headers import CONTENT_SECURITY_POLICY, HEADERS
from jinkui.daemon.limits import session_limits
from jinkui.procedures.offices import offices
from jinkui.procedures.passwords import SHORTEST
from jinkui.settings.home import EMBEDDED
from jinkui.wiring.toolkit import Toolkit
from jinkui.wiring.unit import Unit
from secure_records.access.agreement import StandingAgreement
from secure_records.access.internal_roles import roles_in_conflict
from secure_records.access.masking import mask_value
from secure_records.access.request import AccessRequest
from secure_records.audit.trail import TrailQuery, find_entries
from secure_records.registry.models import Actor
from shared_kernel.canonical_json import Json

_DAY: Final = 86_400
_SAMPLE_ID: Final = "460100199003071237"
_WRITES: Final = ("registry.enter", "agreement.apply", "record.intake", "incident.work")
_PRAGMAS: Final = ("secure_delete", "temp_store", "journal_mode", "synchronous", "foreign_keys")


class OwnSystem:
    """Looks at one open home."""

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit

    def store_facts(self) -> Mapping[str, Json]:
        """Facts about the record store, its keys and its log."""
        toolkit = self._toolkit
        home, now = toolkit.home, toolkit.clock.now()
        verdict = toolkit.verify_log()
        facts: dict[str, Json] = {
            "envelope_suites": [home.suite],
            "key_wrap_suite": home.suite,
            "root_key_kind": "passphrase-argon2id",
            "key_file_mode": _mode(home.keys_folder / "keys.db"),
            "log_verified": verdict.ok,
            "log_size": verdict.size,
            "log_entry_fields": ["action", "actor", "at", "decision"],
            "denials_audited": probes.denial_leaves_an_entry(toolkit),
            "audit_fail_closed": probes.no_log_no_service(toolkit),
            "masking_active": mask_value("patient.id_no", _SAMPLE_ID) != _SAMPLE_ID,
            "backup_age_hours": None,
            "restore_tested_days": None,
            "offsite_copy_lag_minutes": None,
            "standby_count": 0,
        }
        with toolkit.reading() as unit:
            facts |= _log_facts(unit, now) | _policy_facts(toolkit, unit, now)
            if home.engine == EMBEDDED:
                facts |= _file_facts(toolkit, unit)
        return facts

    def daemon_facts(self) -> Mapping[str, Json]:
        """Facts about the service as it is configured and as its code answers."""
        toolkit = self._toolkit
        home, now = toolkit.home, toolkit.clock.now()
        with toolkit.reading() as unit:
            actors = unit.registry.actors(home.institution)
            standing = unit.agreements.load_all()
            runs = unit.assessments.runs(home.institution, limit=1)
            read = find_entries(unit.audit_store, TrailQuery(action="record.stored", limit=1))
        record = read.entries[0].record if read.entries else None
        facts: dict[str, Json] = {
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
            "default_accounts": list(probes.factory_accounts(actors)),
            "roles_separated": not any(roles_in_conflict(actor.roles) for actor in actors),
            "auditor_can_change_log": any(
                "audit_admin" in roles for act, roles in offices().items() if act in _WRITES
            ),
            "logout_revokes": probes.logout_revokes(toolkit, session_limits(home)),
            "csp": CONTENT_SECURITY_POLICY,
            "security_headers": sorted(name.decode() for name, _ in HEADERS),
            "cookie_flags": ["httponly", "samesite"],
            "no_store": (b"cache-control", b"no-store") in HEADERS,
            "body_limit_bytes": LARGEST_BODY,
            "schema_validation": True,
            "debug_routes": 0,
            "outbound_tls_only": True,
            "reports_signed": True,
            "detection_rules": 0,
            "crypto_algorithms": ["sm2", "sm3", "sm4-gcm", "ed25519", "sha-256"]
            if home.suite == "gm"
            else ["aes-256-gcm", "ed25519", "sha-256", "sm2"],
            "self_check_age_days": (now - runs[0].at).days if runs else None,
        }
        facts |= _external_accounts(actors, standing, now)
        if record is not None:
            facts["idor_refused"] = probes.foreign_patient_refused(toolkit, record)
        return facts


def _file_facts(toolkit: Toolkit, unit: Unit) -> dict[str, Json]:
    """What only a file of our own can be asked; a database server is somebody else's target."""
    file = toolkit.home.records_file
    return {
        "store_cipher": "sqlcipher-aes-256-cbc-hmac",
        "store_page_mac": "hmac-sha256",
        "opens_without_key": probes.opens_without_key(file),
        "plaintext_found": probes.plaintext_found(toolkit.file_names()),
        "file_mode": _mode(file),
        "store_settings": [
            f"{name}={unit.connection.exec_driver_sql(f'PRAGMA {name}').scalar()}"
            for name in _PRAGMAS
        ],
    }


def _log_facts(unit: Unit, now: datetime) -> dict[str, Json]:
    facts: dict[str, Json] = {}
    checkpoint = unit.audit_store.latest_checkpoint()
    if checkpoint is not None:
        facts["checkpoint_age_seconds"] = int((now - checkpoint.at).total_seconds())
    oldest = next(iter(unit.audit_store.entries(0, 1)), ())
    if oldest:
        facts["audit_oldest_days"] = (int(now.timestamp()) - oldest[0].at_us // 10**6) // _DAY
    return facts


def _policy_facts(toolkit: Toolkit, unit: Unit, now: datetime) -> dict[str, Json]:
    policy, standing = toolkit.policy(unit), unit.agreements.load_all()
    nobody = AccessRequest(
        actor=probes.PROBE, role="nobody", purpose="none", kind="prescription", at=now
    )
    permitted = policy.decide(nobody).permit
    facts: dict[str, Json] = {
        "default_decision": "permit" if permitted else "deny",
        "purpose_required": not permitted,
        "agreements_expired_active": probes.permits_after_term(policy, standing, now),
    }
    tried: dict[str, bool | None] = {
        "field_level_access": probes.decides_per_field(policy, standing, now),
        "grade_labels_enforced": probes.grade_decides(policy, standing, now),
    }
    facts |= {key: found for key, found in tried.items() if found is not None}
    return facts


def _external_accounts(
    actors: Sequence[Actor], standing: Sequence[StandingAgreement], now: datetime
) -> dict[str, Json]:
    """An outside account is bounded by a person who owns it and an agreement that ends."""
    outside = [actor for actor in actors if actor.partner is not None]
    known = {each.agreement.partner for each in standing}
    live = {
        each.agreement.partner
        for each in standing
        if each.agreement.ends > now and each.ended_at is None
    }
    unbounded = [a for a in outside if a.person is None or a.partner not in known]
    expired = [a for a in outside if a.partner in known - live]
    return {
        "external_accounts_unbounded": len(unbounded),
        "external_accounts_expired": len(expired),
    }


def _mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"
