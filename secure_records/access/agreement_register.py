"""Which agreements hold here, and how does a new one come to hold?

An agreement is read, checked against the law and compared with its earlier
versions before anything is written; what is read back must still have the
digest under which it was applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secure_records.access.agreement import Agreement, StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.completeness import require_complete, require_known_names
from secure_records.access.decision import AccessPolicy
from secure_records.access.errors import (
    AgreementPartnerChanged,
    AgreementTampered,
    AgreementVersionConflict,
    UnknownAgreement,
)
from secure_records.access.internal_roles import compiled_internal_roles
from secure_records.access.ports import AgreementStore, AgreementSummary, StoredAgreement
from secure_records.kinds.catalogue import KINDS
from shared_kernel.instants import in_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying did."""

    agreement: Agreement
    already_present: bool
    """True: the same version with the same content stood here before; nothing was written."""


class AgreementRegister:
    """The agreements of one institution."""

    __slots__ = ("_store",)

    def __init__(self, store: AgreementStore) -> None:
        self._store = store

    def apply(self, text: bytes, *, at: datetime, by: str) -> Applied:
        """Put an agreement into force (its own term still decides from when).

        Raises:
            AgreementMalformed: it cannot be read.
            AgreementNamesUnknown: it names kinds or fields that do not exist.
            AgreementIncomplete: it lacks what the law demands; all gaps are listed.
            AgreementVersionConflict: not newer than what stands here.
            AgreementPartnerChanged: the id belongs to another partner.
        """
        agreement = parse_agreement(text)
        require_known_names(agreement, {kind.name: kind.agreed_fields for kind in KINDS.values()})
        require_complete(agreement)
        digest = str(agreement.digest)
        earlier = [row for row in self._store.list() if row.id == agreement.id]
        for row in earlier:
            if row.version == agreement.version and row.digest == digest:
                return Applied(agreement=agreement, already_present=True)
        newest = max((row.version for row in earlier), default=0)
        if agreement.version <= newest:
            raise AgreementVersionConflict(
                f"{agreement.reference} is not newer than version {newest}", where="$.version"
            )
        if any(row.partner != agreement.partner for row in earlier):
            raise AgreementPartnerChanged(
                f"{agreement.id} belongs to another partner", where="$.partner.id"
            )
        summary = AgreementSummary(
            id=agreement.id,
            version=agreement.version,
            partner=agreement.partner,
            digest=digest,
            applied_at=in_utc(at, "at"),
            applied_by=by,
            ended_at=None,
        )
        self._store.apply(StoredAgreement(summary=summary, text=text))
        return Applied(agreement=agreement, already_present=False)

    def end(self, agreement_id: str, *, at: datetime) -> int:
        """End an agreement before its term: nothing more is disclosed from ``at`` on.

        What the partner has already seen cannot be unseen. Returns how many versions ended.

        Raises:
            UnknownAgreement: no version of it stands here.
        """
        if not any(row.id == agreement_id for row in self._store.list()):
            raise UnknownAgreement("no agreement has this id", where="agreement")
        return self._store.end(agreement_id, in_utc(at, "at"))

    def list(self) -> tuple[AgreementSummary, ...]:
        """Every applied version, by id and version."""
        return self._store.list()

    def load_all(self) -> tuple[StandingAgreement, ...]:
        """Every applied version, read again and compared with its digest.

        Raises:
            AgreementTampered: a stored text is not the one that was applied.
        """
        return tuple(_standing(stored) for stored in self._store.load_all())

    def policy(self, known_partners: frozenset[str] = frozenset()) -> AccessPolicy:
        """Everything that decides here; make it once and again after each change.

        Raises:
            AgreementTampered: a stored text is not the one that was applied.
        """
        agreements = compile_agreements(self.load_all(), known_partners)
        return AccessPolicy(agreements, compiled_internal_roles())


def _standing(stored: StoredAgreement) -> StandingAgreement:
    summary = stored.summary
    agreement = parse_agreement(stored.text)
    found = (agreement.id, agreement.version, agreement.partner, str(agreement.digest))
    if found != (summary.id, summary.version, summary.partner, summary.digest):
        name = f"{summary.id}@{summary.version}"
        raise AgreementTampered(f"{name}: stored text has another digest", where=name)
    return StandingAgreement(agreement=agreement, ended_at=summary.ended_at)
