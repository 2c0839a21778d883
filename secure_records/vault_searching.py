"""Which records of the person with this number or name may this caller know of?

A search is a disclosure: that a person is a patient here is health data. It is
written into the log also when it finds nothing, with the names of the fields
and never the values. Hits come from the blind index, are compared again after
decryption, and pass the policy one by one; what the caller may not see does not
exist for the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from secure_records.access.errors import AccessDenied
from secure_records.access.outcome import Decision, Obligation
from secure_records.audit.entry import AuditFact
from secure_records.index.columns import COLUMNS
from secure_records.index.terms import column_of, matches, query_terms
from secure_records.kinds.catalogue import KINDS
from secure_records.models import Caller, FoundRecord, SearchPage
from secure_records.ports import RecordRow
from secure_records.search_filter import EVERYTHING, SearchFilter
from secure_records.vault_asking import Asking
from secure_records.vault_detecting import detections
from secure_records.vault_errors import SearchRefused
from secure_records.vault_indexing import identity_of, live_versions
from secure_records.vault_owing import noting_owed, owed_for_page, watermark
from secure_records.vault_parts import (
    VaultParts,
    fact_of,
    note_failure,
    noting,
    noting_malformed,
    require_purpose,
)
from shared_kernel.errors import VerificationFailed
from shared_kernel.identifiers import new_identifier, require_identifier

_ACTION = "record.search"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    row: RecordRow
    decision: Decision


def search_records(
    parts: VaultParts,
    caller: Caller,
    criteria: Mapping[str, str],
    purpose: str,
    *,
    limit: int,
    cursor: str | None,
    among: SearchFilter = EVERYTHING,
) -> SearchPage:
    """See ``Vault.search``."""
    with noting_malformed(parts, caller, _ACTION):
        require_purpose(purpose)
        normal = _normal(parts, criteria)
        _require_page(parts, limit, cursor)
        among.require_answerable()
    at = parts.clock.now()
    disclosure = new_identifier("dis", at, parts.entropy)
    fact = replace(
        fact_of(caller, at, _ACTION, "permit"), purpose=purpose, fields=_field_names(normal)
    )
    if among.names:
        fact = noting(fact, filters=list(among.names))
    denial: Decision | None = None
    hits: tuple[_Hit, ...] = ()
    owed: tuple[Obligation, ...] = ()
    more = False
    try:
        with parts.store.transaction() as connection:
            asking = Asking(
                parts=parts, connection=connection, caller=caller, purpose=purpose, at=at
            )
            denial = _refused_outright(asking, among)
            if denial is None:
                rows = _candidates(parts, connection, criteria, normal)
                found = _permitted(asking, [row for row in rows if among.admits(row)], cursor)
                hits, more = _page(found, limit)
                owed = owed_for_page(_duties(hits), _duties(found))
            entries = _entries(fact, denial, hits, owed, disclosure)
            touched = [hit.row for hit in hits]
            asked = noting(fact, disclosure=disclosure)
            entries += detections(parts, parts.records(connection), asked, touched)
            parts.audit(connection).append_all(entries)
            parts.keys.flush()
    except (VerificationFailed, SearchRefused) as fault:
        # Neither a tampered row nor a search that is too wide may leave the log silent.
        note_failure(parts, fact, fault.code)
        raise
    if denial is not None:
        codes = tuple(reason.code for reason in denial.reasons)
        raise AccessDenied("the access policy does not allow this search", reasons=codes)
    return SearchPage(
        records=tuple(_found(hit.row) for hit in hits),
        next_cursor=hits[-1].row.record if more else None,
        obligations=owed,
        watermark=watermark(owed, caller, disclosure, at),
        disclosure_id=disclosure,
    )


def _normal(parts: VaultParts, criteria: Mapping[str, str]) -> dict[str, str]:
    """Field to normal value; raises for what cannot be asked, before anything is opened."""
    if not criteria:
        raise SearchRefused("name at least one field to search by")
    return {
        field: query_terms(field, value, parts.term_mac)[1] for field, value in criteria.items()
    }


def _require_page(parts: VaultParts, limit: int, cursor: str | None) -> None:
    if not 1 <= limit <= parts.options.search_limit:
        raise SearchRefused(f"limit lies between 1 and {parts.options.search_limit}", where="limit")
    if cursor is not None:
        require_identifier(cursor, "rec", "cursor")


def _refused_outright(asking: Asking, among: SearchFilter) -> Decision | None:
    """The denial if no kind of record could be shown whoever the patient is, else None."""
    decisions = [asking.might_see(kind) for kind in among.kinds or KINDS]
    return None if any(decision.permit for decision in decisions) else decisions[-1]


def _candidates(
    parts: VaultParts,
    connection: Connection,
    criteria: Mapping[str, str],
    wanted: Mapping[str, str],
) -> tuple[RecordRow, ...]:
    """Records of the patients whose decrypted identity has every value, newest first."""
    rows = parts.records(connection)
    # Asked inside the transaction: a rotation may have started or ended a moment ago.
    live = live_versions(rows.index_versions(parts.tenant))
    matching: set[str] | None = None
    for field, value in criteria.items():
        terms, _ = query_terms(field, value, parts.term_mac, live)
        named = {
            subject
            for term in terms
            for subject in rows.subjects_with(parts.tenant, term.column, term.version, term.term)
        }
        matching = named if matching is None else matching & named
    candidates = sorted(matching or ())
    if len(candidates) > parts.options.search_candidates:
        raise SearchRefused("too many patients share these values", hint="add another field")
    of_candidates = rows.of_subjects(parts.tenant, candidates)
    confirmed = {
        subject
        for subject in candidates
        if _confirmed(parts, [row for row in of_candidates if row.subject == subject], wanted)
    }
    return tuple(row for row in of_candidates if row.subject in confirmed)


def _confirmed(parts: VaultParts, rows: Sequence[RecordRow], wanted: Mapping[str, str]) -> bool:
    """True if each value stands in some record: people change their phone between visits."""
    left = dict(wanted)
    for row in rows:
        identity = identity_of(parts, row)
        if identity is None:
            continue
        for field in [name for name, normal in left.items() if matches(name, normal, identity)]:
            del left[field]
        if not left:
            return True
    return False


def _permitted(asking: Asking, rows: Sequence[RecordRow], cursor: str | None) -> tuple[_Hit, ...]:
    later = (row for row in rows if cursor is None or row.record < cursor)
    hits = (_Hit(row=row, decision=asking.about(row)) for row in later)
    return tuple(hit for hit in hits if hit.decision.permit)


def _page(hits: tuple[_Hit, ...], limit: int) -> tuple[tuple[_Hit, ...], bool]:
    """The first page, no longer than the smallest agreed row cap, and whether more follow."""
    caps = [hit.decision.row_cap for hit in hits]
    size = min([limit, *(cap for cap in caps if cap is not None)])
    return hits[:size], len(hits) > size > 0


def _duties(hits: Iterable[_Hit]) -> list[tuple[Obligation, ...]]:
    return [hit.decision.obligations for hit in hits]


def _entries(
    fact: AuditFact,
    denial: Decision | None,
    hits: Sequence[_Hit],
    owed: Sequence[Obligation],
    disclosure: str,
) -> list[AuditFact]:
    """One fact for the search, and one for each record it showed to exist."""
    if denial is not None:
        codes = [reason.code for reason in denial.reasons]
        denied = replace(_decided(fact, denial), decision="deny", outcome=AccessDenied.code)
        return [noting(denied, reasons=codes)]
    served = replace(noting(fact, disclosure=disclosure), outcome="served")
    named = (
        replace(
            _decided(
                noting_owed(noting(served, grade=hit.row.grade), hit.decision.obligations),
                hit.decision,
            ),
            subject=hit.row.subject,
            record=hit.row.record,
            kind=hit.row.kind,
        )
        for hit in hits
    )
    return [noting_owed(noting(served, found=len(hits)), owed), *named]


def _decided(fact: AuditFact, decision: Decision) -> AuditFact:
    return replace(
        fact,
        agreement=decision.agreement,
        policy=decision.policy or None,
        clauses=decision.clauses,
    )


def _field_names(fields: Iterable[str]) -> tuple[str, ...]:
    """What a hit confirms about the patient, in the names agreements use."""
    return tuple(sorted({name for field in fields for name in COLUMNS[column_of(field)].confirms}))


def _found(row: RecordRow) -> FoundRecord:
    return FoundRecord(id=row.record, kind=row.kind, version=row.version, created_at=row.created_at)
