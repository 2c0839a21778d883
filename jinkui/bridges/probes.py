"""What happens if somebody really tries it?

Attempts against our own system, on behalf of the self-assessment. Each leaves its
trace in the log like anybody's; none shows patient data to anyone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from jinkui.console.sessions import NotSignedIn, SessionLimits, Sessions
from jinkui.procedures.passwords import password_fits
from jinkui.wiring.toolkit import Toolkit
from secure_records.access.agreement import StandingAgreement
from secure_records.access.decision import AccessPolicy
from secure_records.access.request import AccessRequest
from secure_records.access.vocabulary import Treatment
from secure_records.audit.entry import AuditFact
from secure_records.models import Caller
from secure_records.registry.models import Actor
from secure_records.vault import Vault
from secure_records.vault_errors import RecordNotFound
from shared_kernel.canonical_json import Json
from shared_kernel.errors import Refused
from shared_kernel.grades import STRICTEST, Grade

PROBE: Final = "self-assessment"
"""Account name under which the attempts appear in the log."""

_INSPECTOR: Final = Caller(actor=PROBE, role="quality_control")
_PURPOSE: Final = "quality_control"
_NO_SUCH_RECORD: Final = "rec_" + "0" * 26
_NOBODY: Final = "sub_" + "0" * 26
_MAGIC: Final = b"SQLite format 3"
_FACTORY_PASSWORDS: Final = ("admin", "password", "12345678", "jinkui")


class _LogDown(RuntimeError):
    """What the trial of a broken log raises."""


class _BrokenLog:
    def append(self, fact: AuditFact) -> int:
        raise _LogDown(fact.action)

    def append_all(self, facts: Sequence[AuditFact]) -> range:
        raise _LogDown(str(len(facts)))

    def leaves_about(self, record: str, action: str) -> tuple[Mapping[str, Json], ...]:
        raise _LogDown(f"{action} {record}")


def opens_without_key(path: Path) -> bool:
    """Does plain SQLite read the store file?"""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    return True


def plaintext_found(paths: Iterable[Path]) -> bool:
    """Does a raw file begin like SQLite, or hold the name of one of our tables?"""
    contents = (path.read_bytes() for path in paths)
    return any(data.startswith(_MAGIC) or b"audit_entries" in data for data in contents)


def denial_leaves_an_entry(toolkit: Toolkit) -> bool:
    """Ask for a record that is not there; is the refusal in the log?"""
    before = _size(toolkit)
    try:
        toolkit.vault.read(_INSPECTOR, _NO_SUCH_RECORD, _PURPOSE)
    except RecordNotFound:
        return _size(toolkit) == before + 1
    return False


def no_log_no_service(toolkit: Toolkit) -> bool:
    """Ask through a vault whose log cannot be written; does it answer?"""
    crippled = Vault(replace(toolkit.parts, audit=lambda _connection: _BrokenLog()))
    try:
        crippled.read(_INSPECTOR, _NO_SUCH_RECORD, _PURPOSE)
    except _LogDown:
        return True
    except RecordNotFound:
        return False
    return False


def foreign_patient_refused(toolkit: Toolkit, record: str) -> bool:
    """Ask for somebody's record as another patient; is it refused?"""
    stranger = Caller(actor=PROBE, role="patient", subject=_NOBODY)
    try:
        toolkit.vault.read(stranger, record, "patient_request")
    except Refused:
        return True
    return False


def logout_revokes(toolkit: Toolkit, limits: SessionLimits) -> bool:
    """Sign out of a session and use its token again; is it refused?"""
    sessions = Sessions(limits, toolkit.clock, toolkit.entropy)
    token, _ = sessions.begin(PROBE, ())
    sessions.end(token)
    try:
        sessions.require(token)
    except NotSignedIn:
        return True
    return False


def factory_accounts(actors: Iterable[Actor]) -> list[str]:
    """Accounts whose password is a usual factory one."""
    return [
        actor.id
        for actor in actors
        if actor.password_hash is not None
        and any(
            password_fits(actor.password_hash, word) for word in (*_FACTORY_PASSWORDS, actor.id)
        )
    ]


def permits_after_term(
    policy: AccessPolicy, standing: Iterable[StandingAgreement], now: datetime
) -> int:
    """How many agreements whose term is over still permit anything?"""
    return sum(
        any(policy.decide(question).permit for question in _questions(each, now))
        for each in standing
        if each.agreement.ends <= now or (each.ended_at is not None and each.ended_at <= now)
    )


def decides_per_field(
    policy: AccessPolicy, standing: Iterable[StandingAgreement], now: datetime
) -> bool | None:
    """Does a live agreement serve some fields in clear and others masked? None: none permits."""
    treatments = [
        set(decision.fields.values())
        for each in standing
        for question in _questions(each, now)
        if (decision := policy.decide(question)).permit
    ]
    if not treatments:
        return None
    return any({Treatment.CLEAR, Treatment.MASK} <= found for found in treatments)


def grade_decides(
    policy: AccessPolicy, standing: Iterable[StandingAgreement], now: datetime
) -> bool | None:
    """Is what is permitted refused one grade above the limit? None: nothing to try it on."""
    pairs = [
        (policy.decide(question), policy.decide(replace(question, grade=STRICTEST)))
        for each in standing
        for question in _questions(each, now)
        if question.grade < STRICTEST
    ]
    tried = [strict.permit for usual, strict in pairs if usual.permit]
    return not any(tried) if tried else None


def _questions(standing: StandingAgreement, now: datetime) -> Iterable[AccessRequest]:
    document = standing.agreement.document
    for grant in document.grants:
        yield AccessRequest(
            actor=PROBE,
            role=str(grant.roles[0]),
            purpose=str(grant.purposes[0]),
            kind=str(grant.kinds[0]),
            at=now,
            partner=standing.agreement.partner,
            grade=Grade(grant.max_grade),
        )


def _size(toolkit: Toolkit) -> int:
    with toolkit.reading() as unit:
        return unit.log.size()
