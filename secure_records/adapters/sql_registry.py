"""How do institution, staff, partners and accounts lie in SQL?

Registry data are no health data: they stand in clear columns of the encrypted
file. One instance lives inside one transaction of the caller, never commits.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from sqlalchemy import RowMapping, Table, delete, insert, select
from sqlalchemy.engine import Connection

from secure_records.adapters.driver_sql import DriverSql, Row
from secure_records.adapters.tables import (
    actor_credentials,
    actors,
    institutions,
    partners,
    staff,
)
from secure_records.registry.errors import RegistryRefused
from secure_records.registry.models import (
    Actor,
    Institution,
    Partner,
    RegistryDocument,
    StaffMember,
)

# Asked with every record that is stored, so they are fixed texts on the driver.
_INSTITUTION: Final = "SELECT name, province, licence_no FROM institutions WHERE tenant = ?"
_STAFF: Final = (
    "SELECT id, name, roles, institution, title, subject_code, practice_no, valid_until,"
    " registered, id_no FROM staff WHERE tenant = ? AND id IN (:list)"
)
_PARTNERS: Final = "SELECT id FROM partners WHERE tenant = ?"
_ACTORS: Final = (
    "SELECT id, person, roles, partner, password_hash FROM actors WHERE tenant = ? ORDER BY id"
)
_ACTOR: Final = (
    "SELECT id, person, roles, partner, password_hash FROM actors WHERE tenant = ? AND id = ?"
)
_HELD: Final = (
    "SELECT credential FROM actor_credentials WHERE tenant = ? AND actor = ? ORDER BY credential"
)
_CREDENTIAL: Final = "SELECT 1 FROM actor_credentials WHERE tenant = ? AND credential = ?"
_NOBODY: Final = ""
"""Owner of a credential that was taken out of use."""


class SqlRegistry:
    """``Registry`` on an open connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = DriverSql(connection)

    def institution(self, tenant: str) -> Institution | None:
        """The institution itself."""
        row = self._sql.first(_INSTITUTION, (tenant,))
        if row is None:
            return None
        name, province, licence_no = row
        return Institution(credit_code=tenant, name=name, province=province, licence_no=licence_no)

    def staff(self, tenant: str, ids: Collection[str]) -> Mapping[str, StaffMember]:
        """Those of ``ids`` that are on the list."""
        return {row[0]: _staff_member(row) for row in self._sql.each(_STAFF, (tenant,), ids)}

    def partner(self, tenant: str, partner: str) -> Partner | None:
        """One partner organisation."""
        row = self._one(partners, tenant, partner)
        if row is None:
            return None
        return Partner(
            id=row["id"], name=row["name"], credit_code=row["credit_code"], kind=row["kind"]
        )

    def partner_ids(self, tenant: str) -> frozenset[str]:
        """Every partner organisation that is on the list."""
        return frozenset(partner for (partner,) in self._sql.rows(_PARTNERS, (tenant,)))

    def actor(self, tenant: str, actor: str) -> Actor | None:
        """One account."""
        row = self._sql.first(_ACTOR, (tenant, actor))
        if row is None:
            return None
        held = self._sql.rows(_HELD, (tenant, actor))
        return _actor(row, tuple(credential for (credential,) in held))

    def actor_of_credential(self, tenant: str, credential: str) -> Actor | None:
        """The account that signs in with this token or key."""
        found = self._connection.execute(
            select(actor_credentials.c.actor).where(
                actor_credentials.c.tenant == tenant,
                actor_credentials.c.credential == credential,
            )
        ).scalar_one_or_none()
        return None if found is None else self.actor(tenant, found)

    def knows_credential(self, tenant: str, credential: str) -> bool:
        """Was this token or key ever given out here, in use or not?"""
        return self._sql.first(_CREDENTIAL, (tenant, credential)) is not None

    def actors(self, tenant: str) -> tuple[Actor, ...]:
        """All accounts, by id."""
        held: dict[str, list[str]] = {}
        for row in self._connection.execute(
            select(actor_credentials)
            .where(actor_credentials.c.tenant == tenant)
            .order_by(actor_credentials.c.credential)
        ).mappings():
            held.setdefault(row["actor"], []).append(row["credential"])
        rows = self._sql.rows(_ACTORS, (tenant,))
        return tuple(_actor(row, tuple(held.get(row[0], ()))) for row in rows)

    def enter(self, document: RegistryDocument) -> None:
        """Insert or replace every entry of the document; what it omits stays."""
        tenant = document.institution.credit_code
        self._replace(institutions, tenant, None, _institution_values(document.institution))
        for member in document.staff:
            self._replace(staff, tenant, member.id, _staff_values(tenant, member))
        for partner in document.partners:
            self._replace(partners, tenant, partner.id, _partner_values(tenant, partner))
        for given in document.actors:
            known = self.actor(tenant, given.id)
            # What a document omits stays: a registry entered again takes no sign-in away.
            actor = given if known is None else _kept(given, known)
            self._replace(actors, tenant, actor.id, _actor_values(tenant, actor))
            self._replace_credentials(tenant, actor)

    def take_out_of_use(self, tenant: str, credential: str) -> None:
        """From now on nobody signs in with this credential, and nobody can be given it."""
        mine = (actor_credentials.c.tenant == tenant) & (
            actor_credentials.c.credential == credential
        )
        self._connection.execute(delete(actor_credentials).where(mine))
        row = {"tenant": tenant, "credential": credential, "actor": _NOBODY}
        self._connection.execute(insert(actor_credentials), [row])

    def _one(self, table: Table, tenant: str, name: str) -> RowMapping | None:
        found = self._connection.execute(
            select(table).where(table.c.tenant == tenant, table.c.id == name)
        )
        return found.mappings().first()

    def _replace(
        self, table: Table, tenant: str, name: str | None, values: Mapping[str, object]
    ) -> None:
        # Delete and insert: the one upsert that every engine spells alike.
        gone = delete(table).where(table.c.tenant == tenant)
        if name is not None:
            gone = gone.where(table.c.id == name)
        self._connection.execute(gone)
        self._connection.execute(insert(table), values)

    def _replace_credentials(self, tenant: str, actor: Actor) -> None:
        self._connection.execute(
            delete(actor_credentials).where(
                actor_credentials.c.tenant == tenant, actor_credentials.c.actor == actor.id
            )
        )
        rows = [
            {"tenant": tenant, "credential": credential, "actor": actor.id}
            for credential in actor.credential_ids
        ]
        if not rows:
            return
        taken = select(actor_credentials.c.credential).where(
            actor_credentials.c.tenant == tenant,
            actor_credentials.c.credential.in_(actor.credential_ids),
        )
        if self._connection.execute(taken).first() is not None:
            raise RegistryRefused(
                "a credential belongs to another account or was taken out of use",
                where=f"actors.{actor.id}.credential_ids",
            )
        self._connection.execute(insert(actor_credentials), rows)


def _kept(given: Actor, known: Actor) -> Actor:
    return replace(
        given,
        password_hash=given.password_hash or known.password_hash,
        credential_ids=given.credential_ids or known.credential_ids,
    )


def _institution_values(row: Institution) -> dict[str, object]:
    return {
        "tenant": row.credit_code,
        "name": row.name,
        "province": row.province,
        "licence_no": row.licence_no,
    }


def _staff_values(tenant: str, row: StaffMember) -> dict[str, object]:
    return {
        "tenant": tenant,
        "id": row.id,
        "name": row.name,
        "roles": json.dumps(row.roles),
        "institution": row.institution,
        "title": row.title,
        "subject_code": row.subject_code,
        "practice_no": row.practice_no,
        "valid_until": None if row.valid_until is None else row.valid_until.isoformat(),
        "registered": row.registered,
        "id_no": row.id_no,
    }


def _partner_values(tenant: str, row: Partner) -> dict[str, object]:
    return {
        "tenant": tenant,
        "id": row.id,
        "name": row.name,
        "credit_code": row.credit_code,
        "kind": row.kind,
    }


def _actor_values(tenant: str, row: Actor) -> dict[str, object]:
    return {
        "tenant": tenant,
        "id": row.id,
        "person": row.person,
        "roles": json.dumps(row.roles),
        "partner": row.partner,
        "password_hash": row.password_hash,
    }


def _staff_member(row: Row) -> StaffMember:
    member, name, roles, institution, title, code, practice_no, until, registered, id_no = row
    return StaffMember(
        id=member,
        name=name,
        roles=tuple(json.loads(roles)),
        institution=institution,
        title=title,
        subject_code=code,
        practice_no=practice_no,
        valid_until=None if until is None else date.fromisoformat(until),
        registered=bool(registered),
        id_no=id_no,
    )


def _actor(row: Row, credentials: tuple[str, ...]) -> Actor:
    actor, person, roles, partner, password_hash = row
    return Actor(
        id=actor,
        person=person,
        roles=tuple(json.loads(roles)),
        partner=partner,
        password_hash=password_hash,
        credential_ids=credentials,
    )
