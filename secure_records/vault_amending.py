"""How does a record get a further version, and what may never happen on the way?

1. may this caller amend this record, and what it would become
2. is it a repeat (idempotency key), or has the record moved on (expected version)
3. does the new content belong to this record and this patient
4. which red lines does it cross, which grade is it owed; the grade never falls,
   because history shows the earlier versions under the grade of the newest
5. seal it for its own version, with who, when and why inside; the earlier
   versions stay as they are
6. index what the patient is called now; the entry names the fields that changed,
   never their values

All in one transaction; a refusal commits its entry before it is said.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from typing import Final

from sqlalchemy.engine import Connection

from secure_records.access.amending import PURPOSE, amending_reasons
from secure_records.access.errors import AccessDenied
from secure_records.admission.facts import Admission, AdmissionFacts
from secure_records.admission.rules import staff_named
from secure_records.audit.entry import AuditFact
from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.seal import open_envelope, seal
from secure_records.errors import KeyNotFound, SecureRecordsError
from secure_records.kinds.catalogue import kind_named
from secure_records.models import Caller, NewRecord
from secure_records.ports import IdempotencyRow, RecordRow, RecordStore
from secure_records.sealing import (
    SealedAmendment,
    SealedContent,
    amended_plaintext,
    content_in,
    content_of,
    context_of,
    full_view,
)
from secure_records.vault_asking import Asking
from secure_records.vault_detecting import detections
from secure_records.vault_errors import (
    AmendmentRefused,
    IdempotencyConflict,
    NothingChanged,
    RecordNotFound,
    RecordWithheld,
    RequestRefused,
    VersionConflict,
)
from secure_records.vault_indexing import reindex_subjects
from secure_records.vault_parts import (
    VaultParts,
    fact_of,
    note_failure,
    noting,
    noting_malformed,
)
from secure_records.vault_reading import NEWEST_VERSION
from secure_records.version_models import AmendReceipt
from shared_kernel.canonical_json import Json
from shared_kernel.errors import VerificationFailed
from shared_kernel.grades import Grade
from shared_kernel.identifiers import require_identifier

ACTION: Final = "record.amended"
_PROOF_KIND: Final = "revisit_proof"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """One amendment as it was asked for."""

    caller: Caller
    record_id: str
    expected: int
    new: NewRecord
    reason: str
    key: str | None
    at: datetime


class _Stop(Exception):
    """Carries a refusal out of the judgement: its entry is written, then the error is raised."""

    def __init__(self, fact: AuditFact, error: SecureRecordsError) -> None:
        super().__init__()
        self.fact = replace(fact, decision="deny", outcome=error.code)
        self.error = error


def amend_record(
    parts: VaultParts,
    caller: Caller,
    record_id: str,
    expected_version: int,
    new: NewRecord,
    reason: str,
    idempotency_key: str | None,
) -> AmendReceipt:
    """See ``Vault.amend``."""
    with noting_malformed(parts, caller, ACTION):
        _require_well_formed(record_id, expected_version, reason, idempotency_key)
    at = parts.clock.now()
    wanted = _Wanted(
        caller=caller,
        record_id=record_id,
        expected=expected_version,
        new=new,
        reason=reason,
        key=idempotency_key,
        at=at,
    )
    fact = replace(fact_of(caller, at, ACTION, "done"), purpose=PURPOSE, record=record_id)
    fact = noting(fact, reason=reason)
    refusal: SecureRecordsError | None = None
    receipt: AmendReceipt | None = None
    try:
        with parts.store.transaction() as connection:
            try:
                receipt, fact = _Amendment(parts, connection, wanted, fact).judge()
            except _Stop as stop:
                refusal, fact = stop.error, stop.fact
            rows = parts.records(connection)
            touched = rows.record(parts.tenant, record_id)
            alarms = detections(parts, rows, fact, () if touched is None else (touched,))
            parts.audit(connection).append_all([fact, *alarms])
            parts.keys.flush()
    except (VerificationFailed, KeyNotFound, VersionConflict) as fault:
        # The stored version does not open, or another writer was faster: nothing is written.
        note_failure(parts, fact, fault.code)
        raise
    if receipt is None:
        raise refusal or RecordNotFound("no such record")
    return receipt


def _require_well_formed(record_id: str, expected: int, reason: str, key: str | None) -> None:
    require_identifier(record_id, "rec", "record")
    if not 1 <= expected <= NEWEST_VERSION:
        raise RequestRefused("expected_version: versions count from 1", where="expected_version")
    if reason not in amending_reasons():
        raise RequestRefused(
            "reason: expected one of the published reasons",
            hint=f"use one of: {', '.join(amending_reasons())}",
            where="reason",
        )
    if key is not None and _KEY.match(key) is None:
        raise RequestRefused(
            "idempotency_key: expected 1 to 128 visible ASCII characters", where="idempotency_key"
        )


class _Amendment:
    """One amendment inside its transaction."""

    def __init__(
        self, parts: VaultParts, connection: Connection, wanted: _Wanted, fact: AuditFact
    ) -> None:
        self._parts = parts
        self._connection = connection
        self._wanted = wanted
        self._fact = fact
        self._rows: RecordStore = parts.records(connection)

    def judge(self) -> tuple[AmendReceipt, AuditFact]:
        """Write the version, or stop."""
        row = self._row()
        # 1.
        self._require_permitted(row)
        # 2.
        repeat = self._repeated()
        if repeat is not None:
            return repeat, replace(self._fact, action="record.repeated")
        if row.version != self._wanted.expected:
            raise self._stop(VersionConflict(f"the record is at version {row.version}"))
        # 3.
        self._require_same_record(row)
        self._require_permitted(replace(row, clinician=self._wanted.new.clinician))
        dek = self._parts.keys.dek_by_id(row.tenant, row.key_id)
        plaintext = open_envelope(dek, context_of(row), row.envelope)
        before = content_in(row, plaintext)
        changed = self._changed(row, before)
        # 4.
        admission = self._admission()
        grade = max(Grade(row.grade), self._parts.grade(row.kind, self._wanted.new.body), key=int)
        # 5.
        written = self._sealed(row, grade, hashlib.sha256(plaintext).hexdigest())
        self._rows.add_version(written, self._key_row(written))
        # 6.
        if before.patient != self._wanted.new.subject:
            reindex_subjects(self._parts, self._rows, (written.subject,))
        receipt = AmendReceipt(
            record=written.record,
            version=written.version,
            already_present=False,
            changed=changed,
            grade=written.grade,
            flags=admission.flags,
        )
        return receipt, self._entry(written, receipt)

    def _row(self) -> RecordRow:
        caller, parts = self._wanted.caller, self._parts
        if caller.partner is not None:
            # Before anything is looked up: a partner learns nothing from trying.
            raise self._stop(RecordWithheld("no such record, or none that you may know of"))
        if caller.role not in parts.options.intake_roles:
            text = "this account may not hand in records"
            raise self._stop(AccessDenied(text, reasons=("intake.role",)))
        row = self._rows.record(parts.tenant, self._wanted.record_id)
        if row is None:
            raise self._stop(RecordNotFound("no such record"))
        self._fact = replace(self._fact, subject=row.subject, kind=row.kind)
        return row

    def _require_permitted(self, row: RecordRow) -> None:
        wanted = self._wanted
        decision = Asking(
            parts=self._parts,
            connection=self._connection,
            caller=wanted.caller,
            purpose=PURPOSE,
            at=wanted.at,
        ).to_amend(row)
        self._fact = replace(self._fact, policy=decision.policy or None, clauses=decision.clauses)
        if not decision.permit:
            codes = tuple(reason.code for reason in decision.reasons)
            self._fact = noting(self._fact, reasons=list(codes))
            text = "no rule lets this account amend this record"
            raise self._stop(AccessDenied(text, reasons=codes))

    def _repeated(self) -> AmendReceipt | None:
        key = self._wanted.key
        if key is None:
            return None
        held = self._rows.amended_under(self._parts.tenant, self._parts.key_mac(key))
        if held is None:
            return None
        if not compare_digest(held.request_mac, self._request_mac()):
            text = "the idempotency key stands for another amendment"
            raise self._stop(IdempotencyConflict(text, where="idempotency_key"))
        self._fact = noting(self._fact, version=held.version)
        return AmendReceipt(record=held.record, version=held.version, already_present=True)

    def _request_mac(self) -> bytes:
        wanted = self._wanted
        return self._parts.amendment_mac(
            wanted.record_id, wanted.expected, wanted.new.digest, wanted.reason
        )

    def _require_same_record(self, row: RecordRow) -> None:
        parts, new = self._parts, self._wanted.new
        if new.kind != row.kind or not compare_digest(parts.external_ref(new), row.external_ref):
            text = "kind and external_id stay what they are in every version"
            raise self._stop(AmendmentRefused(text, where="external_id"))
        identity = parts.identity_mac(new.subject)
        if self._rows.subjects(parts.tenant, (identity,)).get(identity) != row.subject:
            text = "document type and number say whose record it is: they stay in every version"
            raise self._stop(AmendmentRefused(text, where="subject.id_no"))
        if new.media is not None:
            text = "media: files beside a line are not kept by this store"
            raise self._stop(AmendmentRefused(text, where="media"))

    def _changed(self, row: RecordRow, before: SealedContent) -> tuple[str, ...]:
        changed = changed_names(
            row.kind, full_view(before), full_view(content_of(self._wanted.new))
        )
        if not changed:
            raise self._stop(NothingChanged("the newest version says this already"))
        return changed

    def _admission(self) -> Admission:
        parts, new, rows = self._parts, self._wanted.new, self._rows
        registry = parts.registry(self._connection)
        proven = new.kind == _PROOF_KIND or bool(
            rows.visits_with(parts.tenant, _PROOF_KIND, (new.visit,))
        )
        admission = parts.admit(
            new,
            AdmissionFacts(
                tenant=parts.tenant,
                institution=registry.institution(parts.tenant),
                staff=registry.staff(parts.tenant, frozenset(staff_named(new))),
                revisit_proof=proven,
            ),
        )
        if admission.refused:
            rules = tuple(verdict.rule for verdict in admission.refusals)
            self._fact = noting(self._fact, rules=list(rules))
            text = "; ".join(f"{verdict.zh} ({verdict.en})" for verdict in admission.refusals)
            raise self._stop(AmendmentRefused(text, where=rules[0], rules=rules))
        return admission

    def _sealed(self, row: RecordRow, grade: Grade, previous: str) -> RecordRow:
        parts, wanted, kind = self._parts, self._wanted, kind_named(row.kind)
        # The key of the earlier version opened a moment ago, so the patient is not erased:
        # this asks for the current key of the same patient and class, it makes no new one.
        key_id, dek = parts.keys.dek(parts.tenant, row.subject, kind.retention_class)
        context = EnvelopeContext(
            tenant=parts.tenant,
            subject=row.subject,
            record=row.record,
            version=row.version + 1,
            schema=kind.schema,
            kind=kind.name,
            grade=grade,
            key_id=key_id,
        )
        note = SealedAmendment(
            by=wanted.caller.actor,
            role=wanted.caller.role,
            reason=wanted.reason,
            at=wanted.at,
            previous=previous,
        )
        return replace(
            row,
            version=context.version,
            schema=context.schema,
            retention_class=kind.retention_class,
            clinician=wanted.new.clinician,
            visit=wanted.new.visit,
            occurred_at=wanted.new.occurred_at,
            grade=int(grade),
            key_id=key_id,
            content_mac=parts.content_mac(wanted.new),
            created_at=wanted.at,
            envelope=seal(
                dek,
                parts.options.suite,
                context,
                amended_plaintext(wanted.new, note),
                parts.entropy,
            ),
        )

    def _key_row(self, written: RecordRow) -> IdempotencyRow | None:
        if self._wanted.key is None:
            return None
        return IdempotencyRow(
            tenant=written.tenant,
            key_mac=self._parts.key_mac(self._wanted.key),
            request_mac=self._request_mac(),
            subject=written.subject,
            record=written.record,
            version=written.version,
            created_at=written.created_at,
        )

    def _entry(self, written: RecordRow, receipt: AmendReceipt) -> AuditFact:
        about: dict[str, Json] = {
            "version": written.version,
            "grade": written.grade,
            "changed": list(receipt.changed),
        }
        if receipt.flags:
            about["flags"] = [verdict.rule for verdict in receipt.flags]
        return noting(self._fact, **about)

    def _stop(self, error: SecureRecordsError) -> _Stop:
        return _Stop(self._fact, error)


def changed_names(
    kind: str, before: Mapping[str, Json], after: Mapping[str, Json]
) -> tuple[str, ...]:
    """Fields whose values differ, in the order in which they are shown."""
    return tuple(
        name for name in kind_named(kind).all_fields if before.get(name) != after.get(name)
    )
