"""Which index entries does a patient have now, and which are left over from before?

Entries follow from the newest versions of the patient's records. A name or phone
that was amended away must not lead to the patient any more: whoever dials the
wrong number must not be told that its former owner is a patient here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secure_records.errors import KeyNotFound
from secure_records.index.terms import LiveVersions, terms_for
from secure_records.kinds.identity import SubjectIdentity
from secure_records.ports import IndexVersionRow, RecordRow, RecordStore, TermRow
from secure_records.sealing import open_row
from secure_records.vault_parts import VaultParts


def live_versions(rows: Iterable[IndexVersionRow]) -> LiveVersions:
    """Index versions that are written and asked now."""
    live: dict[str, tuple[int, ...]] = {}
    for row in rows:
        if row.phase != "retired":
            live[row.column] = (*live.get(row.column, ()), row.version)
    return live


def reindex_subjects(parts: VaultParts, rows: RecordStore, subjects: Sequence[str]) -> None:
    """Bring the index entries of these patients into line with their newest versions.

    Raises:
        EnvelopeRefused: a record of theirs is not what was sealed.
        RecordMisplaced: its row contradicts it.
    """
    live = live_versions(rows.index_versions(parts.tenant))
    parts.keys.prepare(parts.tenant, subjects)
    identities = {
        (row.subject, identity)
        for row in rows.of_subjects(parts.tenant, subjects)
        if (identity := identity_of(parts, row)) is not None
    }
    owed = {
        TermRow(
            tenant=parts.tenant,
            subject=subject,
            column=term.column,
            version=term.version,
            term=term.term,
        )
        for subject, identity in identities
        for term in terms_for(identity, parts.term_mac, live)
    }
    held = rows.terms_of(parts.tenant, subjects)
    rows.replace_terms(stale=held - owed, new=owed - held)


def identity_of(parts: VaultParts, row: RecordRow) -> SubjectIdentity | None:
    """The sealed identity; None: the key is destroyed, nobody can say whose it was."""
    try:
        dek = parts.keys.dek_by_id(parts.tenant, row.key_id)
    except KeyNotFound:
        return None
    return open_row(row, dek).patient
