"""What is open during one transaction?

A ``Unit`` binds every domain's rows to one connection, so that a fact, what
follows from it and its audit entry commit together or not at all. Objects are
made when first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.engine import Connection

from classification.adapters.sql_assessment_store import SqlAssessmentStore
from incident.adapters.sql_case_store import SqlCaseStore
from jinkui.bridges.audit_journal import AuditJournal
from jinkui.bridges.witnessed_cases import WitnessedCases
from secure_records.access.agreement_register import AgreementRegister
from secure_records.adapters.sql_agreement_store import SqlAgreementStore
from secure_records.adapters.sql_audit_store import SqlAuditStore
from secure_records.adapters.sql_record_listing import SqlRecordListing
from secure_records.adapters.sql_record_store import SqlRecordStore
from secure_records.adapters.sql_registry import SqlRegistry
from secure_records.audit.known_edge import KnownEdge
from secure_records.audit.log import AuditLog
from secure_records.audit.ports import SubjectTags
from shared_kernel.identifiers import Entropy
from supervision.adapters.sql_outbox import SqlOutbox


@dataclass(kw_only=True)
class Unit:
    """One transaction of one institution."""

    connection: Connection
    tenant: str
    tags: SubjectTags
    entropy: Entropy
    edge: KnownEdge

    @cached_property
    def audit_store(self) -> SqlAuditStore:
        """Rows of the log."""
        return SqlAuditStore(self.connection, self.tenant)

    @cached_property
    def log(self) -> AuditLog:
        """The log; one per transaction, because it holds the tree's edge."""
        return AuditLog(self.audit_store, self.tags, self.entropy, self.edge)

    @cached_property
    def journal(self) -> AuditJournal:
        """The log as the other domains see it."""
        return AuditJournal(self.log)

    @cached_property
    def records(self) -> SqlRecordStore:
        """Sealed records."""
        return SqlRecordStore(self.connection)

    @cached_property
    def listing(self) -> SqlRecordListing:
        """All sealed records in order."""
        return SqlRecordListing(self.connection)

    @cached_property
    def registry(self) -> SqlRegistry:
        """Institution, staff, partners, accounts."""
        return SqlRegistry(self.connection)

    @cached_property
    def agreements(self) -> AgreementRegister:
        """Agreements in force."""
        return AgreementRegister(SqlAgreementStore(self.connection, self.tenant))

    @cached_property
    def cases(self) -> WitnessedCases:
        """Incident cases, each reading held against the log."""
        return WitnessedCases(SqlCaseStore(self.connection), self.audit_store)

    @cached_property
    def outbox(self) -> SqlOutbox:
        """Messages to the platform."""
        return SqlOutbox(self.connection, tenant=self.tenant)

    @cached_property
    def assessments(self) -> SqlAssessmentStore:
        """Self-assessments and official evaluations."""
        return SqlAssessmentStore(self.connection)
