"""Which rules does one agreement version, or one internal role, contribute?

Agreements and internal roles become the same shape here, so that one decision
procedure serves both. A rule carries its conditions as data: what must be true
of the request beyond kind, purpose, role and grade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from secure_records.access.agreement import Grant, StandingAgreement
from secure_records.access.completeness import owed_consents
from secure_records.access.law import LawClause
from secure_records.access.outcome import Obligation
from secure_records.access.vocabulary import (
    AgreementKind,
    ConsentKind,
    ObligationKind,
    Relation,
    Treatment,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentNeed:
    """A yes without which nothing is shown."""

    kind: ConsentKind
    clause: str
    law: LawClause
    recipients: frozenset[str]
    """Names under which a consent may speak of the partner: its id and credit code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What must hold at the instant of the request."""

    registered_staff: bool = False
    institutions: frozenset[str] = frozenset()
    """Where registered staff must be employed; empty: anywhere."""

    relation: Relation | None = None

    def within(self, other: Conditions) -> bool:
        """True if whoever meets ``other`` meets these too."""
        return (not self.registered_staff or other.registered_staff) and (
            self.relation is None or self.relation == other.relation
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One clause that allows."""

    clause: str
    kinds: frozenset[str]
    purposes: frozenset[str]
    roles: frozenset[str]
    max_grade: int
    fields: Mapping[str, Treatment]
    unnamed: Treatment = Treatment.WITHHOLD
    obligations: tuple[Obligation, ...] = ()
    conditions: Conditions = Conditions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """One clause that forbids; an empty set means every one."""

    clause: str
    kinds: frozenset[str]
    fields: frozenset[str]
    purposes: frozenset[str]
    roles: frozenset[str]

    def reaches(self, kind: str, purpose: str, role: str) -> bool:
        """True if a request for these falls under the ban."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.purposes or purpose in self.purposes)
            and (not self.roles or role in self.roles)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """All that one agreement version, or the internal roles, say."""

    line: str
    """Agreement id; versions of one line replace each other."""

    version: int
    reference: str | None
    """``id@version``; None for internal roles."""

    partner: str | None
    kind: AgreementKind | None
    policy: str
    begins: datetime | None
    """UTC, inclusive; None: always."""

    ends: datetime | None
    """UTC, exclusive; None: never."""

    terminated: datetime | None
    """UTC: nothing from this instant on; None: not ended early."""

    term_clause: str
    purposes: frozenset[str]
    roles: frozenset[str]
    rules: tuple[Rule, ...]
    bans: tuple[Ban, ...]
    consents: tuple[ConsentNeed, ...]


def rule_set_of(standing: StandingAgreement) -> RuleSet:
    """The rules of an applied agreement."""
    agreement, document = standing.agreement, standing.agreement.document

    def clause(number: str) -> str:
        return f"{agreement.reference} {number}"

    parties = frozenset((document.partner.id, document.partner.credit_code))
    return RuleSet(
        line=agreement.id,
        version=agreement.version,
        reference=agreement.reference,
        partner=agreement.partner,
        kind=document.kind,
        policy=str(agreement.digest),
        begins=agreement.begins,
        ends=agreement.ends,
        terminated=standing.ended_at,
        term_clause=clause(document.term.clause),
        purposes=frozenset(document.purposes),
        roles=frozenset(document.roles),
        rules=tuple(_rule(grant, clause(grant.clause), parties) for grant in document.grants),
        bans=tuple(
            Ban(
                clause=clause(ban.clause),
                kinds=frozenset(ban.kinds),
                fields=frozenset(ban.fields),
                purposes=frozenset(ban.purposes),
                roles=frozenset(ban.roles),
            )
            for ban in document.prohibitions
        ),
        consents=tuple(
            ConsentNeed(
                kind=kind, clause=clause(document.consent.clause), law=law, recipients=parties
            )
            for kind, law in owed_consents(agreement)
        ),
    )


def _rule(grant: Grant, clause: str, parties: frozenset[str]) -> Rule:
    duties: list[Obligation] = []
    terms = grant.obligations
    if terms.watermark:
        duties.append(Obligation(kind=ObligationKind.WATERMARK, clause=clause))
    if terms.row_cap is not None:
        duties.append(Obligation(kind=ObligationKind.ROW_CAP, clause=clause, rows=terms.row_cap))
    if terms.notice is not None:
        duties.append(Obligation(kind=ObligationKind.NOTICE, clause=clause, text=terms.notice))
    if terms.view_only:
        duties.append(Obligation(kind=ObligationKind.VIEW_ONLY, clause=clause))
    return Rule(
        clause=clause,
        kinds=frozenset(grant.kinds),
        purposes=frozenset(grant.purposes),
        roles=frozenset(grant.roles),
        max_grade=grant.max_grade,
        fields=MappingProxyType(dict(grant.fields)),
        obligations=tuple(duties),
        conditions=Conditions(
            registered_staff=grant.registered_staff,
            institutions=parties if grant.registered_staff else frozenset(),
        ),
    )
