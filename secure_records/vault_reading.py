"""How does one record leave the store, and what stands in the log before it does?

1. find the row and decide, in one transaction that also writes the entry
2. commit; only then
3. open the envelope, compare it with its row, reduce it to the decision

If step 3 fails, a second entry says so: the first promised a disclosure that
did not happen. To a partner a record it may not see and a record that does not
exist are the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from secure_records.access.errors import AccessDenied
from secure_records.access.masking import apply_decision
from secure_records.access.outcome import Decision
from secure_records.access.vocabulary import Treatment
from secure_records.audit.entry import AuditFact
from secure_records.envelope.inspect import EnvelopeSummary, inspect_envelope
from secure_records.errors import KeyNotFound
from secure_records.kinds.catalogue import kind_named
from secure_records.models import Caller, RecordView
from secure_records.ports import RecordRow
from secure_records.sealing import full_view, open_row
from secure_records.vault_asking import Asking
from secure_records.vault_detecting import detections
from secure_records.vault_errors import RecordNotFound, RecordWithheld, RequestRefused
from secure_records.vault_owing import noting_owed, watermark
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

_ACTION = "record.read"
NEWEST_VERSION: Final = 2**31 - 1
"""Above any real number of versions; small enough for the log's JSON and every engine."""


def read_record(
    parts: VaultParts,
    caller: Caller,
    record_id: str,
    purpose: str,
    fields: tuple[str, ...],
    version: int | None = None,
) -> RecordView:
    """See ``Vault.read``."""
    with noting_malformed(parts, caller, _ACTION):
        require_identifier(record_id, "rec", "record")
        require_purpose(purpose)
        if version is not None and not 1 <= version <= NEWEST_VERSION:
            raise RequestRefused("version: versions count from 1", where="version")
    at = parts.clock.now()
    disclosure = new_identifier("dis", at, parts.entropy)
    with parts.store.transaction() as connection:
        log = parts.audit(connection)
        asked = asked_about(_ACTION, caller, at, purpose, record_id)
        if version is not None:
            asked = noting(asked, version=version)
        # 1.
        rows = parts.records(connection)
        row = newest = rows.record(parts.tenant, record_id)
        if version is not None and newest is not None and version != newest.version:
            row = rows.version(parts.tenant, record_id, version)
        if row is None or newest is None:
            log.append(replace(asked, decision="deny", outcome=RecordNotFound.code))
            decision = None
        else:
            asking = Asking(
                parts=parts,
                connection=connection,
                caller=caller,
                purpose=purpose,
                at=at,
                fields=fields,
            )
            judged = under_newest(row, newest)
            decision = asking.about(judged)
            asked = decided(asked, judged, decision, fields)
            entry = noting(asked, disclosure=disclosure) if decision.permit else asked
            log.append_all([entry, *detections(parts, rows, entry, (row,))])
        parts.keys.flush()
    # 2.
    if row is None or decision is None:
        raise absent(caller)
    if not decision.permit:
        raise denial(caller, decision)
    # 3.
    try:
        content = open_row(row, parts.keys.dek_by_id(parts.tenant, row.key_id))
    except (VerificationFailed, KeyNotFound) as fault:
        note_failure(parts, noting(asked, disclosure=disclosure), fault.code)
        raise
    view = full_view(content)
    if fields:
        view = {name: value for name, value in view.items() if name in fields}
    body, masked, withheld = apply_decision(view, decision)
    return RecordView(
        id=row.record,
        kind=row.kind,
        version=row.version,
        body=body,
        masked=masked,
        withheld=withheld,
        obligations=decision.obligations,
        watermark=watermark(decision.obligations, caller, disclosure, at),
        disclosure_id=disclosure,
        created_at=row.created_at,
    )


def inspect_record(parts: VaultParts, record_id: str) -> EnvelopeSummary:
    """See ``Vault.inspect``."""
    require_identifier(record_id, "rec", "record")
    with parts.store.reading() as connection:
        row = parts.records(connection).record(parts.tenant, record_id)
    if row is None:
        raise RecordNotFound("no such record")
    return inspect_envelope(row.envelope)


def served_fields(kind: str, decision: Decision, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Names that may leave under this decision, before it is known which are present.

    The log names the most that could have been seen, never less, and no name that
    the kind does not have: a made-up field name could carry anything into the log.
    """
    return tuple(
        name
        for name in kind_named(kind).all_fields
        if (not fields or name in fields) and decision.treatment(name) is not Treatment.WITHHOLD
    )


def under_newest(row: RecordRow, newest: RecordRow) -> RecordRow:
    """A version as the policy judges it: by whoever treats now, by the higher grade.

    An earlier version is never an easier way to a record than the record itself.
    """
    if row is newest:
        return row
    return replace(row, clinician=newest.clinician, grade=max(row.grade, newest.grade))


def asked_about(
    action: str, caller: Caller, at: datetime, purpose: str, record_id: str
) -> AuditFact:
    """The fact of a disclosure, before anything is known about the record."""
    return replace(fact_of(caller, at, action, "permit"), purpose=purpose, record=record_id)


def decided(
    asked: AuditFact, row: RecordRow, decision: Decision, fields: tuple[str, ...]
) -> AuditFact:
    """The fact with what was decided about the row, and the most that may leave."""
    fact = replace(
        asked,
        decision="permit" if decision.permit else "deny",
        agreement=decision.agreement,
        policy=decision.policy or None,
        clauses=decision.clauses,
        subject=row.subject,
        kind=row.kind,
    )
    fact = noting(fact, grade=row.grade)
    if decision.permit:
        served = served_fields(row.kind, decision, fields)
        fact = noting_owed(fact, decision.obligations)
        return replace(fact, fields=served, outcome="served")
    codes = [reason.code for reason in decision.reasons]
    return replace(noting(fact, reasons=codes), outcome=AccessDenied.code)


def denial(caller: Caller, decision: Decision) -> AccessDenied | RecordWithheld:
    """The refusal; to a partner the same as for a record that is not there."""
    if caller.partner is not None:
        return _withheld()
    codes = tuple(reason.code for reason in decision.reasons)
    return AccessDenied("the access policy does not allow this", reasons=codes)


def absent(caller: Caller) -> RecordNotFound | RecordWithheld:
    """No such record, or version of it."""
    return RecordNotFound("no such record") if caller.partner is None else _withheld()


def _withheld() -> RecordWithheld:
    return RecordWithheld("no such record, or none that you may know of")
