"""Which facts do our own store and daemon report about themselves, of which type?

This table is the contract of the ``OwnSystemFacts`` port. Whoever fills the port
tries things out where the text says "tried": a fact such as
``opens_without_key`` must come from an attempt, not from a setting. A key that
cannot be determined is left out (unknown); null means "looked, there is none".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classification.errors import FactsRefused
from classification.facts.models import Note, ObjectKind
from shared_kernel.canonical_json import Json


class FactType(StrEnum):
    """JSON type of a fact."""

    FLAG = "true/false"
    NUMBER = "whole number"
    TEXT = "text"
    TEXTS = "list of texts"


@dataclass(frozen=True, slots=True)
class OwnFact:
    """One key of the port."""

    key: str
    type: FactType
    meaning: str


_F, _N, _T, _L = FactType.FLAG, FactType.NUMBER, FactType.TEXT, FactType.TEXTS

STORE_FACTS: Final = (
    OwnFact("store_cipher", _T, "cipher of the store file, e.g. sqlcipher-aes-256-cbc-hmac"),
    OwnFact("store_page_mac", _T, "MAC over store pages, e.g. hmac-sha256"),
    OwnFact("store_settings", _L, "asserted settings as name=value: secure_delete=1, temp_store=2"),
    OwnFact("opens_without_key", _F, "tried: does the store file open without its key?"),
    OwnFact(
        "plaintext_found", _F, "tried: is the SQLite magic or a planted value in the raw file?"
    ),
    OwnFact("envelope_suites", _L, "suites in use: gm, intl"),
    OwnFact("key_wrap_suite", _T, "suite that wraps the keys: gm or intl"),
    OwnFact("root_key_kind", _T, "passphrase-argon2id, hsm, kms or plain"),
    OwnFact("file_mode", _T, "octal mode of the store file, 0600"),
    OwnFact("key_file_mode", _T, "octal mode of the key file, 0600"),
    OwnFact("log_verified", _F, "tried: every leaf, node, root and checkpoint recomputed"),
    OwnFact("log_size", _N, "entries of the audit log"),
    OwnFact("log_entry_fields", _L, "fields present in every entry: at, actor, action, decision…"),
    OwnFact("checkpoint_age_seconds", _N, "age of the newest signed checkpoint"),
    OwnFact("audit_retention_days", _N, "shortest time an audit entry is kept; 0: no floor"),
    OwnFact("audit_oldest_days", _N, "age of the oldest entry"),
    OwnFact("reads_audited", _F, "tried: a read leaves an entry before the answer"),
    OwnFact("denials_audited", _F, "tried: a refused read leaves an entry"),
    OwnFact("audit_fail_closed", _F, "tried: no entry, no service"),
    OwnFact("audit_copy_outside", _F, "checkpoints or entries leave the machine"),
    OwnFact("agreements_expired_active", _N, "expired agreements that still permit"),
    OwnFact("default_decision", _T, "answer when no agreement applies: deny or permit"),
    OwnFact("field_level_access", _F, "access is decided per field"),
    OwnFact("grade_labels_enforced", _F, "records carry a grade and decisions use it"),
    OwnFact("purpose_required", _F, "no read without a purpose named in an agreement"),
    OwnFact("masking_active", _F, "tried: a masked field does not leave in clear"),
    OwnFact("retention_overdue", _N, "records kept beyond their term without a hold"),
    OwnFact("unregistered_personal_fields", _N, "personal fields stored without a purpose"),
    OwnFact("backup_age_hours", _N, "hours since the last verified backup; null: none"),
    OwnFact("backup_encrypted", _F, "backups are encrypted"),
    OwnFact("restore_tested_days", _N, "days since the last successful restore; null: never"),
    OwnFact("offsite_copy_lag_minutes", _N, "age of the copy at another site; null: none"),
    OwnFact("standby_count", _N, "hot standbys that follow at present"),
    OwnFact("shredded_keys_gone", _F, "tried: a shredded key cannot be unwrapped again"),
)
"""Keys of ``OwnSystemFacts.store_facts``."""

DAEMON_FACTS: Final = (
    OwnFact("listen_address", _T, "address it listens on, without port"),
    OwnFact("tls", _T, "lowest TLS version offered, e.g. 1.2; null: no TLS"),
    OwnFact("tls_ciphers", _L, "suites offered, OpenSSL names"),
    OwnFact("behind_tls_proxy", _F, "listens on loopback behind a TLS proxy"),
    OwnFact("run_as_root", _F, "effective uid is 0"),
    OwnFact("password_hash", _T, "argon2id, scrypt, bcrypt, …; null: no passwords are kept"),
    OwnFact("password_min_length", _N, "shortest password accepted"),
    OwnFact("password_classes", _N, "character classes demanded"),
    OwnFact("password_max_days", _N, "days until a password must change; 0: never"),
    OwnFact("second_factor", _T, "totp, fido2, client-certificate, …; null: none"),
    OwnFact("second_factor_missing", _N, "internal accounts without a second factor"),
    OwnFact("session_idle_minutes", _N, "idle minutes after which a session ends; 0: never"),
    OwnFact("login_lockout", _N, "failed logins until lockout; 0: none"),
    OwnFact("lockout_minutes", _N, "minutes a lockout lasts"),
    OwnFact("default_accounts", _L, "accounts with a factory password, tried"),
    OwnFact("stale_accounts", _N, "enabled accounts unused for 90 days"),
    OwnFact("external_accounts_unbounded", _N, "external accounts without approval, end or owner"),
    OwnFact("external_accounts_expired", _N, "external accounts enabled beyond their end"),
    OwnFact("roles_separated", _F, "nobody holds two of system, security, audit roles"),
    OwnFact("auditor_can_change_log", _F, "the audit role can change or delete entries"),
    OwnFact("admin_actions_audited", _F, "system, security and audit administrators all logged"),
    OwnFact("admin_sources_limited", _F, "administrators come from listed addresses only"),
    OwnFact("routes_open_by_default", _N, "routes that answer without authentication"),
    OwnFact("idor_refused", _F, "tried: another patient's record is refused"),
    OwnFact("csp", _T, "Content-Security-Policy header; null: none"),
    OwnFact("security_headers", _L, "headers sent, lower case"),
    OwnFact("cookie_flags", _L, "secure, httponly, samesite"),
    OwnFact("no_store", _F, "tried: sensitive pages carry Cache-Control: no-store"),
    OwnFact("logout_revokes", _F, "tried: a token is useless after logout"),
    OwnFact("body_limit_bytes", _N, "largest request body; 0: none"),
    OwnFact("schema_validation", _F, "every request body is validated against a schema"),
    OwnFact("debug_routes", _N, "docs, debug or profile routes open in production"),
    OwnFact("outbound_tls_only", _F, "calls to platforms and partners use verified TLS"),
    OwnFact("reports_signed", _F, "messages to the platform carry a signature or MAC"),
    OwnFact("malware_scan_uploads", _F, "tried: the EICAR string is refused on upload"),
    OwnFact("detection_rules", _N, "active detection rules over the audit stream"),
    OwnFact("alert_tested_days", _N, "days since an alert reached a person in a test; null: never"),
    OwnFact("self_check_age_days", _N, "days since the last scheduled self-check; null: never"),
    OwnFact("crypto_algorithms", _L, "algorithms in use for security, e.g. sm4-gcm, sm3, sm2"),
)
"""Keys of ``OwnSystemFacts.daemon_facts``."""

OWN_FACTS: Final[Mapping[ObjectKind, tuple[OwnFact, ...]]] = {
    ObjectKind.STORE: STORE_FACTS,
    ObjectKind.DAEMON: DAEMON_FACTS,
}


def checked_own_facts(
    kind: ObjectKind, given: Mapping[str, Json]
) -> tuple[dict[str, Json], tuple[Note, ...]]:
    """The facts under their full names (``store.…``, ``daemon.…``) and what is unknown.

    Raises:
        FactsRefused: unknown key or wrong type; the bridge is wrong, not the system.
    """
    table = {fact.key: fact for fact in OWN_FACTS[kind]}
    for key, value in given.items():
        if key not in table:
            raise FactsRefused(f"{kind} reports an unknown fact {key}", where=key)
        if value is not None and not _fits(value, table[key].type):
            raise FactsRefused(f"{kind} fact {key} must be {table[key].type}", where=key)
    missing = tuple(
        Note(fact=f"{kind}.{key}", reason="not_reported", source=f"own {kind}")
        for key in table
        if key not in given
    )
    return {f"{kind}.{key}": value for key, value in given.items()}, missing


def _fits(value: Json, wanted: FactType) -> bool:
    if wanted is FactType.FLAG:
        return isinstance(value, bool)
    if wanted is FactType.NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    if wanted is FactType.TEXT:
        return isinstance(value, str)
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(item, str) for item in value)
    )
