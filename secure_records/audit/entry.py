"""Which exact bytes does a fact become when it enters the log?

RFC 8785 canonical JSON, format in ``docs/formats/audit-entry-v1.md``. A leaf
lives as long as the log and may be shown to outsiders, so it names a patient
only through a commitment that dies with the patient's audit key, and every leaf
holds 16 or more unpredictable bytes: otherwise a neighbour's hash, visible in
each inclusion proof, would confirm a guessed content.

Not here, ever: search terms, names, document numbers. A search is logged with
its field names and its number of hits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast, get_args

import orjson

from secure_records.audit.errors import EntryRefused
from secure_records.audit.merkle import HASH_BYTES
from shared_kernel.canonical_json import SAFE_INTEGER, Json, NotCanonical, canonical_bytes
from shared_kernel.instants import in_utc, instant_text

ENTRY_VERSION: Final = 1
NONCE_BYTES: Final = 16
"""Random bytes behind one commitment, kept beside the tree and erased with the patient."""

SALT_BYTES: Final = 16
"""Random bytes in a leaf without commitment."""

LARGEST_ENTRY: Final = 65_535
"""Bytes: an entry bundle of C2SP tlog-tiles prefixes each entry with a 16-bit length."""

AuditDecision: TypeAlias = Literal["permit", "deny", "done", "failed"]
"""``permit``/``deny`` for requests, ``done``/``failed`` for work."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DECISIONS: Final = frozenset(get_args(AuditDecision))
_SUBJECT_INSIDE: Final = re.compile(rb"sub_[0-9a-z]{26}")
_PLAIN: Final = frozenset((str, bool, type(None)))
"""Types that orjson writes as RFC 8785 does."""

_NO_DETAILS: Final[Mapping[str, Json]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFact:
    """What happened, as its witness tells it. Absent optional fields leave no key behind."""

    at: datetime
    actor: str
    """Account, service or credential that acted. A patient acting for herself is written
    as a role, never by identifier: the identifier belongs into ``subject``."""

    action: str
    """Dotted verb, e.g. ``record.read``."""

    decision: AuditDecision
    on_behalf: str | None = None
    role: str | None = None
    purpose: str | None = None
    partner: str | None = None
    agreement: str | None = None
    """``id@version``."""

    policy: str | None = None
    """Tagged digest of the policy set that decided."""

    clauses: tuple[str, ...] = ()
    subject: str | None = None
    """``sub_…``; never reaches the leaf."""

    record: str | None = None
    kind: str | None = None
    fields: tuple[str, ...] = ()
    """Names of the fields served, never values."""

    outcome: str | None = None
    details: Mapping[str, Json] = field(default_factory=lambda: _NO_DETAILS)
    """Anything else worth keeping for years; no personal data, no search terms."""


def entry_bytes(fact: AuditFact, *, commitment: bytes | None, salt: bytes | None) -> bytes:
    """The canonical bytes of the leaf; exactly one of ``commitment`` and ``salt``.

    Raises:
        EntryRefused: wrong lengths, a missing actor or action, an unknown decision,
            a subject identifier anywhere in the leaf, or more than 65,535 bytes.
        NotCanonical: ``details`` hold a float or another value without canonical form.
    """
    _require_well_formed(fact, commitment, salt)
    # Keys stand in canonical order already, and orjson's text of ASCII keys, strings and small
    # integers is RFC 8785's; only the open part goes through the slow, general writer.
    content: dict[str, object] = {"action": fact.action, "actor": fact.actor}
    if fact.agreement is not None:
        content["agreement"] = fact.agreement
    content["at"] = instant_text(fact.at)
    if fact.clauses:
        content["clauses"] = fact.clauses
    if commitment is not None:
        content["commitment"] = commitment.hex()
    content["decision"] = fact.decision
    if fact.details:
        content["details"] = _canonical(fact.details)
    if fact.fields:
        content["fields"] = fact.fields
    for key in ("kind", "on_behalf", "outcome", "partner", "policy", "purpose", "record", "role"):
        value = getattr(fact, key)
        if value is not None:
            content[key] = value
    if salt is not None:
        content["salt"] = salt.hex()
    content["v"] = ENTRY_VERSION
    try:
        encoded = orjson.dumps(content)
    except orjson.JSONEncodeError as error:
        raise NotCanonical("the fact holds a value without canonical form") from error
    if len(encoded) > LARGEST_ENTRY:
        raise EntryRefused(f"the entry has {len(encoded)} bytes, the limit is {LARGEST_ENTRY}")
    if b"sub_" in encoded and _SUBJECT_INSIDE.search(encoded):
        raise EntryRefused("the entry would carry a subject identifier into the tree")
    return encoded


def _canonical(details: Mapping[str, Json]) -> dict[str, object] | orjson.Fragment:
    """The details as something that orjson writes in canonical form."""
    if all(
        key.isascii()
        and (
            type(value) in _PLAIN
            or (type(value) is int and -SAFE_INTEGER <= value <= SAFE_INTEGER)
            or (type(value) is list and all(type(item) is str for item in value))
        )
        for key, value in details.items()
    ):
        # Nearly always: flat, and ASCII keys sort alike by code points and by UTF-16 units.
        return {key: details[key] for key in sorted(details)}
    return orjson.Fragment(canonical_bytes(details))


def parse_entry(entry: bytes, index: int) -> Mapping[str, Json]:
    """Read a leaf back; ``index`` only serves the message.

    Raises:
        EntryRefused: not a JSON object of a known version.
    """
    try:
        content = orjson.loads(entry)
    except orjson.JSONDecodeError as error:
        raise EntryRefused(f"entry {index} is not JSON") from error
    if not isinstance(content, dict) or content.get("v") != ENTRY_VERSION:
        raise EntryRefused(f"entry {index} is no audit entry of version {ENTRY_VERSION}")
    return cast("Mapping[str, Json]", content)


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 in UTC, the sort key of instants."""
    return (in_utc(at, "at") - _EPOCH) // _MICROSECOND


def _require_well_formed(fact: AuditFact, commitment: bytes | None, salt: bytes | None) -> None:
    if (commitment is None) == (salt is None):
        raise EntryRefused("a leaf carries either a commitment or a salt")
    if commitment is not None and len(commitment) != HASH_BYTES:
        raise EntryRefused("a commitment has 32 bytes")
    if salt is not None and len(salt) != SALT_BYTES:
        raise EntryRefused("a salt has 16 bytes")
    if not fact.actor or not fact.action:
        raise EntryRefused("a fact names its actor and its action", where="actor")
    if fact.decision not in _DECISIONS:
        raise EntryRefused("the decision is none of permit, deny, done, failed", where="decision")
