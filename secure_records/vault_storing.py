"""How does a batch of records enter the store, all of it explained in the log?

One transaction for the batch:

1. may this caller hand in records at all
2. which lines are repeats (same external id), which contradict what is stored
3. which red lines do the others cross
4. whose records are they: known patient by keyed digest, else a new subject
5. seal under the patient's data key; index terms; audit entry for every line
6. new keys are committed, then the transaction: a crash in between leaves keys
   that open nothing, never a record that nothing opens
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias

from secure_records.access.errors import AccessDenied
from secure_records.admission.facts import AdmissionFacts
from secure_records.admission.rules import staff_named
from secure_records.audit.entry import AuditFact
from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.seal import seal
from secure_records.index.terms import terms_for
from secure_records.kinds.catalogue import kind_named
from secure_records.media.ports import ImportFolder
from secure_records.models import Caller, NewRecord, RuleVerdict, StoreReceipt, StoreRefusal
from secure_records.ports import (
    RecordRow,
    RecordStore,
    Registry,
    StoredReference,
    SubjectRow,
    TermRow,
)
from secure_records.sealing import plaintext_of
from secure_records.vault_errors import RequestRefused
from secure_records.vault_indexing import live_versions
from secure_records.vault_media_storing import StagedMedia, overtaken, stage_media
from secure_records.vault_parts import VaultParts, fact_of, noting_malformed
from shared_kernel.canonical_json import Json
from shared_kernel.identifiers import new_identifier

StoreOutcome: TypeAlias = StoreReceipt | StoreRefusal

CONFLICT: Final = "records.conflict"
"""The external id is taken by a line with other content."""

_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_ACTION: Final = "record.store"
_PROOF_KIND: Final = "revisit_proof"
_FIRST_VERSION: Final = 1


def store_batch(
    parts: VaultParts,
    caller: Caller,
    items: Sequence[NewRecord | StoreRefusal],
    source: str,
    beside: ImportFolder | None = None,
) -> tuple[StoreOutcome, ...]:
    """See ``Vault.store``."""
    with noting_malformed(parts, caller, _ACTION):
        if _SOURCE.match(source) is None:
            # Into the log goes a label, not a path: file names carry patients' names.
            raise RequestRefused("source: expected a short label without spaces", where="source")
    at = parts.clock.now()
    denied = caller.partner is not None or caller.role not in parts.options.intake_roles
    results: tuple[StoreOutcome, ...] = ()
    # Long recordings are sealed and written before the write lock is taken.
    staged = StagedMedia() if denied else stage_media(parts, caller, items, beside, at)
    with parts.store.transaction() as connection:
        log = parts.audit(connection)
        # 1.
        if denied:
            log.append(replace(fact_of(caller, at, _ACTION, "deny"), outcome="access.denied"))
        else:
            rows, registry = parts.records(connection), parts.registry(connection)
            batch = _Batch(parts, rows, registry, items, at, staged)
            results = batch.take_all(items)
            rows.add(batch.subjects, batch.records, batch.terms)
            staged.add_rows(parts, connection, batch.records)
            log.append_all(_entries(caller, at, source, results, batch.records, staged))
        # 6.
        parts.keys.flush()
    if denied:
        raise AccessDenied("this account may not hand in records", reasons=("intake.role",))
    staged.drop_unused(parts, results)
    return results


@dataclass(frozen=True, slots=True, kw_only=True)
class _Digests:
    """What recognises a line and its patient."""

    ref: bytes
    content: bytes
    identity: bytes


class _Batch:
    """Everything looked up once for the batch, and the rows it grows."""

    def __init__(
        self,
        parts: VaultParts,
        rows: RecordStore,
        registry: Registry,
        items: Sequence[NewRecord | StoreRefusal],
        at: datetime,
        staged: StagedMedia,
    ) -> None:
        self._parts = parts
        self._at = at
        self._staged = staged
        self.subjects: list[SubjectRow] = []
        self.records: list[RecordRow] = []
        self.terms: list[TermRow] = []
        new = [item for item in items if isinstance(item, NewRecord)]
        tenant = parts.tenant
        self._digests = {id(record): _digests(parts, record) for record in new}
        digests = self._digests.values()
        self._references = dict(rows.references(tenant, {each.ref for each in digests}))
        self._known = dict(rows.subjects(tenant, {each.identity for each in digests}))
        self._terms = set(rows.terms_of(tenant, self._known.values()))
        strangers = {each.identity for each in digests} - self._known.keys()
        self._tentative = {
            identity: staged.subjects.get(identity) or new_identifier("sub", at, parts.entropy)
            for identity in sorted(strangers)
        }
        """Subjects that come to exist if one of their records is accepted."""
        parts.keys.prepare(tenant, (*self._known.values(), *self._tentative.values()))
        self._indexed: set[tuple[str, int]] = set()
        self._live = live_versions(rows.index_versions(tenant))
        self._institution = registry.institution(tenant)
        self._staff = registry.staff(tenant, _staff_of(new))
        proofs = {record.visit for record in new if record.kind == _PROOF_KIND}
        asked = {record.visit for record in new} - proofs
        self._proofs = proofs | rows.visits_with(tenant, _PROOF_KIND, asked)

    def take_all(self, items: Sequence[NewRecord | StoreRefusal]) -> tuple[StoreOutcome, ...]:
        """Judge every item in order; rows of the accepted ones are grown on the way."""
        return tuple(item if isinstance(item, StoreRefusal) else self._take(item) for item in items)

    def _take(self, record: NewRecord) -> StoreOutcome:
        # 2.
        digests = self._digests[id(record)]
        stored = self._references.get(digests.ref)
        media = self._staged.outcome(record)
        if isinstance(media, StoreRefusal):
            return media
        if stored is not None:
            if stored.holds(digests.content):
                return StoreReceipt(line=record.line, record=stored.record, already_present=True)
            reason = "external_id: this kind already has a record with this id and other content"
            return StoreRefusal(line=record.line, code=CONFLICT, reason=reason)
        # 3.
        admission = self._parts.admit(
            record,
            AdmissionFacts(
                tenant=self._parts.tenant,
                institution=self._institution,
                staff=self._staff,
                revisit_proof=record.visit in self._proofs,
            ),
        )
        if admission.refused:
            return _refusal(record, admission.refusals)
        # 4. and 5.
        if record.media is not None and (
            media is None or self._known.get(digests.identity, media.subject) != media.subject
        ):
            return overtaken(record)
        subject = self._subject_of(digests.identity)
        row = self._sealed(record, subject, digests)
        self.records.append(row)
        self._index(subject, record)
        self._references[digests.ref] = StoredReference(
            record=row.record, content_mac=digests.content
        )
        return StoreReceipt(
            line=record.line, record=row.record, already_present=False, flags=admission.flags
        )

    def _subject_of(self, identity_mac: bytes) -> str:
        known = self._known.get(identity_mac)
        if known is not None:
            return known
        subject = self._tentative[identity_mac]
        self._known[identity_mac] = subject
        self.subjects.append(
            SubjectRow(
                tenant=self._parts.tenant,
                subject=subject,
                identity_mac=identity_mac,
                created_at=self._at,
            )
        )
        return subject

    def _sealed(self, record: NewRecord, subject: str, digests: _Digests) -> RecordRow:
        parts, kind = self._parts, kind_named(record.kind)
        key_id, dek = parts.keys.dek(parts.tenant, subject, kind.retention_class)
        media = self._staged.taken(record)
        record_id = media.record if media else new_identifier("rec", self._at, parts.entropy)
        grade = parts.grade(record.kind, record.body)
        context = EnvelopeContext(
            tenant=parts.tenant,
            subject=subject,
            record=record_id,
            version=_FIRST_VERSION,
            schema=kind.schema,
            kind=kind.name,
            grade=grade,
            key_id=key_id,
        )
        return RecordRow(
            tenant=parts.tenant,
            subject=subject,
            record=record_id,
            version=_FIRST_VERSION,
            kind=kind.name,
            schema=kind.schema,
            retention_class=kind.retention_class,
            clinician=record.clinician,
            visit=record.visit,
            occurred_at=record.occurred_at,
            grade=int(grade),
            key_id=key_id,
            external_ref=digests.ref,
            content_mac=digests.content,
            created_at=self._at,
            envelope=seal(dek, parts.options.suite, context, plaintext_of(record), parts.entropy),
        )

    def _index(self, subject: str, record: NewRecord) -> None:
        # The same patient mostly comes several times in a batch: index each spelling once.
        spelling = (subject, hash(record.subject))
        if spelling in self._indexed:
            return
        self._indexed.add(spelling)
        for term in terms_for(record.subject, self._parts.term_mac, self._live):
            row = TermRow(
                tenant=self._parts.tenant,
                subject=subject,
                column=term.column,
                version=term.version,
                term=term.term,
            )
            if row not in self._terms:
                self._terms.add(row)
                self.terms.append(row)


def _digests(parts: VaultParts, record: NewRecord) -> _Digests:
    return _Digests(
        ref=parts.external_ref(record),
        content=parts.content_mac(record),
        identity=parts.identity_mac(record.subject),
    )


def _staff_of(records: Iterable[NewRecord]) -> frozenset[str]:
    return frozenset(name for record in records for name in staff_named(record))


def _refusal(record: NewRecord, crossed: tuple[RuleVerdict, ...]) -> StoreRefusal:
    return StoreRefusal(
        line=record.line,
        code=f"admission.{crossed[0].rule}",
        reason="; ".join(f"{verdict.zh} ({verdict.en})" for verdict in crossed),
        verdicts=crossed,
    )


def _entries(
    caller: Caller,
    at: datetime,
    source: str,
    results: Sequence[StoreOutcome],
    written: Sequence[RecordRow],
    staged: StagedMedia,
) -> list[AuditFact]:
    """One fact per stored and per refused line, and one for all repeats together."""
    rows = {row.record: row for row in written}
    facts: list[AuditFact] = []
    repeats = 0
    for result in results:
        about: dict[str, Json] = {"line": result.line, "source": source}
        if isinstance(result, StoreRefusal):
            about["rules"] = [verdict.rule for verdict in result.verdicts]
            refused = fact_of(caller, at, "record.refused", "deny", about)
            facts.append(replace(refused, outcome=result.code))
        elif result.already_present:
            repeats += 1
        else:
            row = rows[result.record]
            about["grade"] = row.grade
            if row.record in staged.of_record:
                about["media"] = staged.of_record[row.record].media
            if result.flags:
                about["flags"] = [verdict.rule for verdict in result.flags]
            facts.append(fact_of(caller, at, "record.stored", "done", about, row))
    if repeats:
        about = {"lines": repeats, "source": source}
        facts.append(fact_of(caller, at, "record.repeated", "done", about))
    return facts
