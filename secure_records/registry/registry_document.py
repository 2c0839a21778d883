"""Does this document describe an institution, its staff, its partners and its accounts?

YAML or JSON, strictly: unknown keys, repeated ids, references to nobody and
numbers with a wrong check character are refused by path, and then nothing of
the document is taken over. What is merely unusual becomes a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Final

import orjson
from msgspec import Meta, Struct

from secure_records.access.errors import AccessDocumentMalformed
from secure_records.access.strict_yaml import read_yaml
from secure_records.kinds.constraints import Line60, Line100, LocalId, Slug, SubjectCode
from secure_records.kinds.errors import BodyRefused
from secure_records.kinds.parsing import parse_struct
from secure_records.registry.credit_code import read_credit_code
from secure_records.registry.errors import NumberRefused, RegistryRefused
from secure_records.registry.models import (
    Actor,
    Institution,
    Partner,
    RegistryDocument,
    StaffMember,
)
from secure_records.registry.resident_number import area_warnings, read_resident_number
from shared_kernel.canonical_json import Json

_MAX_BYTES: Final = 4 * 1024 * 1024
"""A JSON registry of a large hospital has a few hundred KiB."""

_Roles = Annotated[tuple[Slug, ...], Meta(min_length=1, max_length=20)]
_PasswordHash = Annotated[str, Meta(max_length=512, pattern=r"^\$argon2id\$[^\s]+$(?!\n)")]


class _InstitutionEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    credit_code: str
    name: Line100
    province: Annotated[str, Meta(pattern=r"^[0-9]{2,6}$(?!\n)")] | None = None
    licence_no: Line60 | None = None


class _StaffEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: LocalId
    name: Line60
    roles: _Roles
    title: Line60 | None = None
    subject_code: SubjectCode | None = None
    practice_no: Line60 | None = None
    valid_until: date | None = None
    registered: bool = True
    institution: str | None = None
    id_no: str | None = None


class _PartnerEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Slug
    name: Line100
    credit_code: str
    kind: Slug


class _ActorEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: LocalId
    person: LocalId | None = None
    roles: _Roles
    partner: Slug | None = None
    password_hash: _PasswordHash | None = None
    credential_ids: Annotated[tuple[Line100, ...], Meta(max_length=50)] = ()


class _Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    institution: _InstitutionEntry
    staff: tuple[_StaffEntry, ...]
    partners: tuple[_PartnerEntry, ...] = ()
    actors: tuple[_ActorEntry, ...] = ()


def read_registry_document(data: bytes) -> RegistryDocument:
    """Read a whole registry.

    Raises:
        RegistryRefused: syntax, shape, a repeated id or a reference to nobody.
        NumberRefused: a credit code or identity number fails its check.
    """
    try:
        entry = parse_struct(_json_of(data), _Document, "")
    except BodyRefused as fault:
        # From None: the message of the library underneath may quote a value.
        raise RegistryRefused(str(fault), where=fault.where) from None
    warnings: list[str] = []
    institution = _institution(entry.institution, warnings)
    _refuse_repeated("staff", [row.id for row in entry.staff])
    _refuse_repeated("partners", [row.id for row in entry.partners])
    _refuse_repeated("actors", [row.id for row in entry.actors])
    staff = tuple(
        _staff(row, institution.credit_code, f"staff[{index}]", warnings)
        for index, row in enumerate(entry.staff)
    )
    partners = tuple(
        _partner(row, f"partners[{index}]", warnings) for index, row in enumerate(entry.partners)
    )
    actors = _actors(entry.actors, {row.id for row in staff}, {row.id for row in partners})
    return RegistryDocument(
        institution=institution,
        staff=staff,
        partners=partners,
        actors=actors,
        warnings=tuple(warnings),
    )


def _json_of(data: bytes) -> Json:
    if len(data) > _MAX_BYTES:
        raise RegistryRefused(f"document has {len(data)} bytes, limit {_MAX_BYTES}", where="$")
    if data.lstrip()[:1] == b"{":
        try:
            plain: Json = orjson.loads(data)
        except orjson.JSONDecodeError as fault:
            where = f"line {fault.lineno}"
            # From None: the chained error carries the whole document.
            raise RegistryRefused(f"{where}: not readable as JSON", where=where) from None
        return plain
    try:
        return read_yaml(data)
    except AccessDocumentMalformed as fault:
        raise RegistryRefused(str(fault), where=fault.where) from fault


def _institution(row: _InstitutionEntry, warnings: list[str]) -> Institution:
    return Institution(
        credit_code=_credit_code(row.credit_code, "institution.credit_code", warnings),
        name=row.name,
        province=row.province,
        licence_no=row.licence_no,
    )


def _staff(row: _StaffEntry, tenant: str, path: str, warnings: list[str]) -> StaffMember:
    id_no = None
    if row.id_no is not None:
        number = read_resident_number(row.id_no, f"{path}.id_no")
        warnings.extend(f"{path}.id_no: {warning}" for warning in area_warnings(number.number))
        id_no = number.number
    home = tenant
    if row.institution is not None:
        home = _credit_code(row.institution, f"{path}.institution", warnings)
    return StaffMember(
        id=row.id,
        name=row.name,
        roles=row.roles,
        institution=home,
        title=row.title,
        subject_code=row.subject_code,
        practice_no=row.practice_no,
        valid_until=row.valid_until,
        registered=row.registered,
        id_no=id_no,
    )


def _partner(row: _PartnerEntry, path: str, warnings: list[str]) -> Partner:
    code = _credit_code(row.credit_code, f"{path}.credit_code", warnings)
    return Partner(id=row.id, name=row.name, credit_code=code, kind=row.kind)


def _actors(rows: Iterable[_ActorEntry], staff: set[str], partners: set[str]) -> tuple[Actor, ...]:
    actors = []
    credentials: set[str] = set()
    for index, row in enumerate(rows):
        for credential in row.credential_ids:
            if credential in credentials:
                _refuse(f"actors[{index}].credential_ids", "the credential appears twice")
            credentials.add(credential)
        if row.person is not None and row.partner is None and row.person not in staff:
            _refuse(f"actors[{index}].person", "expected the id of a staff entry")
        if row.partner is not None and row.partner not in partners:
            _refuse(f"actors[{index}].partner", "expected the id of a partner entry")
        actors.append(
            Actor(
                id=row.id,
                person=row.person,
                roles=row.roles,
                partner=row.partner,
                password_hash=row.password_hash,
                credential_ids=row.credential_ids,
            )
        )
    return tuple(actors)


def _credit_code(text: str, path: str, warnings: list[str]) -> str:
    try:
        found = read_credit_code(text, path)
    except ValueError:
        # From None: the check-digit library quotes what it was given.
        raise NumberRefused(f"{path}: expected a credit code", where=path) from None
    warnings.extend(f"{path}: {warning}" for warning in found.warnings)
    return found.code


def _refuse_repeated(path: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(ids):
        if name in seen:
            _refuse(f"{path}[{index}].id", "the id appears twice")
        seen.add(name)


def _refuse(path: str, what: str) -> None:
    raise RegistryRefused(f"{path}: {what}", where=path)
