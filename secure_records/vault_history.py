"""Who changed which fields of this record when, and is that the whole story?

A history shows every version, so it is decided, logged and masked like a read of
the newest one, whose grade is never below an earlier one's. The story is told
three times and must agree: the sealed versions say who made them, out of what,
and why; each names the digest of the one before; the log has one entry for each.
A version that was taken out, put in or replaced breaks one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hmac import compare_digest
from itertools import pairwise

from secure_records.access.masking import apply_decision
from secure_records.access.outcome import Decision
from secure_records.access.vocabulary import Treatment
from secure_records.envelope.seal import open_envelope
from secure_records.errors import KeyNotFound
from secure_records.models import Caller
from secure_records.ports import RecordRow
from secure_records.sealing import SealedContent, content_in, context_of, full_view
from secure_records.vault_amending import ACTION as AMENDED
from secure_records.vault_amending import changed_names
from secure_records.vault_asking import Asking
from secure_records.vault_detecting import detections
from secure_records.vault_errors import HistoryContradicted, RecordNotFound
from secure_records.vault_owing import watermark
from secure_records.vault_parts import (
    VaultParts,
    note_failure,
    noting,
    noting_malformed,
    require_purpose,
)
from secure_records.vault_reading import absent, asked_about, decided, denial
from secure_records.version_models import FieldChange, RecordHistory, VersionView
from shared_kernel.canonical_json import Json
from shared_kernel.errors import VerificationFailed
from shared_kernel.identifiers import new_identifier, require_identifier

_ACTION = "record.history"
_STORED = "record.stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """One version and what its envelope holds."""

    row: RecordRow
    content: SealedContent
    digest: str
    """SHA-256 of the plaintext, in hex."""


def record_history(
    parts: VaultParts, caller: Caller, record_id: str, purpose: str
) -> RecordHistory:
    """See ``Vault.history``."""
    with noting_malformed(parts, caller, _ACTION):
        require_identifier(record_id, "rec", "record")
        require_purpose(purpose)
    at = parts.clock.now()
    disclosure = new_identifier("dis", at, parts.entropy)
    decision: Decision | None = None
    stored: tuple[Mapping[str, Json], ...] = ()
    amended: tuple[Mapping[str, Json], ...] = ()
    with parts.store.transaction() as connection:
        log = parts.audit(connection)
        asked = asked_about(_ACTION, caller, at, purpose, record_id)
        store = parts.records(connection)
        rows = store.versions(parts.tenant, record_id)
        if not rows:
            log.append(replace(asked, decision="deny", outcome=RecordNotFound.code))
        else:
            asking = Asking(
                parts=parts, connection=connection, caller=caller, purpose=purpose, at=at
            )
            decision = asking.about(rows[-1])
            asked = decided(noting(asked, versions=len(rows)), rows[-1], decision, ())
            entry = noting(asked, disclosure=disclosure) if decision.permit else asked
            log.append_all([entry, *detections(parts, store, entry, rows[-1:])])
            stored = log.leaves_about(record_id, _STORED)
            amended = log.leaves_about(record_id, AMENDED)
        parts.keys.flush()
    if decision is None:
        raise absent(caller)
    if not decision.permit:
        raise denial(caller, decision)
    try:
        chain = _opened(parts, rows)
        _require_one_story(chain, [leaf for leaf in amended if leaf.get("decision") == "done"])
    except (VerificationFailed, KeyNotFound) as fault:
        note_failure(parts, noting(asked, disclosure=disclosure), fault.code)
        raise
    return RecordHistory(
        id=record_id,
        kind=rows[-1].kind,
        versions=_views(chain, decision, stored, inside=caller.partner is None),
        obligations=decision.obligations,
        watermark=watermark(decision.obligations, caller, disclosure, at),
        disclosure_id=disclosure,
    )


def _opened(parts: VaultParts, rows: Sequence[RecordRow]) -> list[_Opened]:
    chain: list[_Opened] = []
    for row in rows:
        dek = parts.keys.dek_by_id(parts.tenant, row.key_id)
        plaintext = open_envelope(dek, context_of(row), row.envelope)
        digest = hashlib.sha256(plaintext).hexdigest()
        chain.append(_Opened(row=row, content=content_in(row, plaintext), digest=digest))
    return chain


def _require_one_story(chain: Sequence[_Opened], entries: Sequence[Mapping[str, Json]]) -> None:
    if [each.row.version for each in chain] != list(range(1, len(chain) + 1)):
        raise HistoryContradicted("a version of the record is missing")
    for earlier, later in pairwise(chain):
        note = later.content.amendment
        if note is None or not compare_digest(note.previous, earlier.digest):
            raise HistoryContradicted("a version does not continue the one before")
    sealed = [
        [each.row.version, each.row.grade, note.by, note.reason]
        for each in chain
        if (note := each.content.amendment) is not None
    ]
    if [_told(entry) for entry in entries] != sealed:
        raise HistoryContradicted("the log and the sealed versions name different amendments")


def _told(entry: Mapping[str, Json]) -> list[Json]:
    details = entry.get("details")
    inner = details if isinstance(details, Mapping) else {}
    return [inner.get("version"), inner.get("grade"), entry.get("actor"), inner.get("reason")]


def _views(
    chain: Sequence[_Opened],
    decision: Decision,
    stored: Sequence[Mapping[str, Json]],
    *,
    inside: bool,
) -> tuple[VersionView, ...]:
    """To a partner no version names an account: who works here is not part of the record."""
    views = [_first(chain[0].row, stored, inside=inside)]
    for earlier, later in pairwise(chain):
        note = later.content.amendment
        if note is None:
            continue
        views.append(
            VersionView(
                version=later.row.version,
                at=note.at,
                actor=note.by if inside else None,
                role=note.role if inside else None,
                reason=note.reason,
                changes=_changes(earlier, later, decision),
            )
        )
    return tuple(views)


def _first(row: RecordRow, stored: Sequence[Mapping[str, Json]], *, inside: bool) -> VersionView:
    # The first version has no note inside: only the log knows who handed it in.
    entry = stored[0] if stored and inside else {}
    actor, role = entry.get("actor"), entry.get("role")
    return VersionView(
        version=row.version,
        at=row.created_at,
        actor=actor if isinstance(actor, str) else None,
        role=role if isinstance(role, str) else None,
        reason=None,
        changes=(),
    )


def _changes(earlier: _Opened, later: _Opened, decision: Decision) -> tuple[FieldChange, ...]:
    before, after = full_view(earlier.content), full_view(later.content)
    was, _, hidden_before = apply_decision(before, decision)
    now, _, hidden_after = apply_decision(after, decision)
    hidden = {*hidden_before, *hidden_after}
    return tuple(
        FieldChange(
            name=name,
            # One side that cannot be masked withholds both: the other would tell about it.
            treatment=Treatment.WITHHOLD if name in hidden else decision.treatment(name),
            before=None if name in hidden else was.get(name),
            after=None if name in hidden else now.get(name),
        )
        for name in changed_names(later.row.kind, before, after)
    )
