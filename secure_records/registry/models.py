"""Who are the institution, its staff, its partners and the accounts that act?

Patients are no part of the registry: a patient exists only as a subject
identifier, index terms and sealed identities.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """The Internet hospital: the tenant of the store."""

    credit_code: str
    """Unified social credit code (GB 32100), also the tenant of every row."""

    name: str
    province: str | None = None
    """GB/T 2260, two digits or more; the supervision profile depends on it."""

    licence_no: str | None = None
    """医疗机构执业许可证 registration number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """A person who treats patients or checks prescriptions here."""

    id: str
    """Staff number, as records name the clinician."""

    name: str
    roles: tuple[str, ...]
    """Registered functions, e.g. ``physician``, ``pharmacist``, ``nurse``."""

    institution: str
    """Credit code of the institution with which the person is registered or filed."""

    title: str | None = None
    subject_code: str | None = None
    """诊疗科目 of the registered scope of practice, e.g. ``03.04``."""

    practice_no: str | None = None
    """Number of the practising certificate."""

    valid_until: date | None = None
    """Last calendar day in China on which the registration holds; None: no end known."""

    registered: bool = True
    """False: on the list, but not (or no longer) allowed to practise here."""

    id_no: str | None = None
    """Citizen identity number, where the institution keeps it here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """An outside organisation that may receive data under an agreement."""

    id: str
    name: str
    credit_code: str
    kind: str
    """What it is, e.g. ``pharmacy``, ``laboratory``, ``platform``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An account: what signs in. Accounts are not persons; ``person`` says whose it is."""

    id: str
    person: str | None
    """Staff number of the holder; None for a machine account."""

    roles: tuple[str, ...]
    """Roles under which this account may act inside the institution."""

    partner: str | None = None
    """Id of the partner organisation the account belongs to; None: the institution."""

    password_hash: str | None = None
    """Argon2id in PHC form; None: no console sign-in by password."""

    credential_ids: tuple[str, ...] = ()
    """Identifiers of tokens or keys that sign in as this account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryDocument:
    """One whole registry as handed in: it replaces entry by entry, never by omission."""

    institution: Institution
    staff: tuple[StaffMember, ...]
    partners: tuple[Partner, ...]
    actors: tuple[Actor, ...]
    warnings: tuple[str, ...]
    """What is unusual and was accepted, e.g. an area code that no list knows."""
