"""What does the policy say to this caller about this row?

Gathers what a decision depends on: the standing of the person behind the
account, the proven relation to the patient, and, only if the first answer asks
for them, the patient's consents. The caller claims none of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy.engine import Connection

from secure_records.access.amending import decide_amendment
from secure_records.access.outcome import Decision
from secure_records.access.request import AccessRequest, ConsentFact, StaffStanding
from secure_records.access.vocabulary import ConsentKind, Relation
from secure_records.consents import consent_facts
from secure_records.kinds.catalogue import kind_named
from secure_records.kinds.consent import Consent
from secure_records.models import Caller
from secure_records.ports import RecordRow
from secure_records.registry.models import StaffMember
from secure_records.sealing import body_of, open_row
from secure_records.vault_parts import Policy, VaultParts
from shared_kernel.grades import STRICTEST, Grade
from shared_kernel.instants import CHINA

_CONSENT_KIND: Final = "consent"
_CONSENT_CODES: Final = "consent."


@dataclass(slots=True, kw_only=True)
class Asking:
    """One caller with one purpose, inside one transaction."""

    parts: VaultParts
    connection: Connection
    caller: Caller
    purpose: str
    at: datetime
    fields: tuple[str, ...] = ()
    _person: StaffMember | None = field(default=None, init=False)
    _policy: Policy = field(init=False)
    _consents: dict[str, tuple[ConsentFact, ...]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Look up the policy in force and the person behind the account, once per request."""
        self._policy = self.parts.policy(self.connection)
        registry = self.parts.registry(self.connection)
        account = registry.actor(self.parts.tenant, self.caller.actor)
        # An account of one organisation lends no standing to a caller of another.
        if account is not None and account.person and account.partner == self.caller.partner:
            found = registry.staff(self.parts.tenant, (account.person,))
            self._person = found.get(account.person)

    def about(self, row: RecordRow) -> Decision:
        """May this row be served, and which of its fields?"""
        request = self._request(row.kind, _grade_of(row))
        request = replace(request, relation=self._relation(row))
        decision = self._policy.decide(request)
        missing = any(reason.code.startswith(_CONSENT_CODES) for reason in decision.reasons)
        if decision.permit or not missing:
            return decision
        return self._policy.decide(
            replace(request, subject_consents=self._consents_of(row.subject))
        )

    def to_amend(self, row: RecordRow) -> Decision:
        """May this row get a further version from this caller?"""
        request = self._request(row.kind, _grade_of(row))
        return decide_amendment(replace(request, relation=self._relation(row)))

    def might_see(self, kind: str) -> Decision:
        """The answer if every condition about the patient held.

        Decides whether a search may start at all. It looks at no patient, so its
        refusal tells nothing about who is in the store.
        """
        request = replace(
            self._request(kind, kind_named(kind).default_grade),
            relation=Relation.TREATING if self._inside() is not None else None,
            subject_consents=tuple(ConsentFact(kind=kind) for kind in ConsentKind),
        )
        decision = self._policy.decide(request)
        if decision.permit or self.caller.subject is None:
            return decision
        return self._policy.decide(replace(request, relation=Relation.SELF))

    def _request(self, kind: str, grade: Grade) -> AccessRequest:
        return AccessRequest(
            actor=self.caller.actor,
            role=self.caller.role,
            purpose=self.purpose,
            kind=kind,
            at=self.at,
            partner=self.caller.partner,
            fields=self.fields,
            grade=grade,
            staff=None if self._person is None else _standing(self._person),
            on_behalf=self.caller.on_behalf,
        )

    def _inside(self) -> StaffMember | None:
        return None if self.caller.partner is not None else self._person

    def _relation(self, row: RecordRow) -> Relation | None:
        if self.caller.partner is not None:
            return None
        if self.caller.subject is not None:
            return Relation.SELF if self.caller.subject == row.subject else None
        person = self._inside()
        treats = person is not None and person.id == row.clinician
        return Relation.TREATING if treats else None

    def _consents_of(self, subject: str) -> tuple[ConsentFact, ...]:
        known = self._consents.get(subject)
        if known is not None:
            return known
        tenant = self.parts.tenant
        facts: list[ConsentFact] = []
        rows = self.parts.records(self.connection).of_subjects(tenant, (subject,), _CONSENT_KIND)
        for row in rows:
            # A consent that does not open is no consent, and no reason to stay silent:
            # the error of the envelope goes up.
            content = open_row(row, self.parts.keys.dek_by_id(tenant, row.key_id))
            body = body_of(row, content)
            if isinstance(body, Consent):
                facts.extend(consent_facts(body))
        self._consents[subject] = tuple(facts)
        return self._consents[subject]


def _grade_of(row: RecordRow) -> Grade:
    # An impossible grade in the row counts as the strictest; opening will refuse it.
    return Grade(row.grade) if row.grade in {grade.value for grade in Grade} else STRICTEST


def _standing(person: StaffMember) -> StaffStanding:
    until = None
    if person.valid_until is not None:
        # The register's day is inclusive and Chinese; the standing's end is exclusive.
        next_day = person.valid_until + timedelta(days=1)
        until = datetime.combine(next_day, time(), tzinfo=CHINA)
    return StaffStanding(
        institution=person.institution, registered=person.registered, valid_until=until
    )
