"""What may the hospital's own people see, and which roles may one person not join?

Rows of ``internal_roles.yaml`` become rules of the same shape as agreements. A
new role is a new row; this file does not change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import msgspec
from msgspec import Struct, field

from secure_records.access.compiled import CompiledRules
from secure_records.access.errors import AccessDocumentMalformed
from secure_records.access.package_data import read_data
from secure_records.access.rule_set import Ban, Conditions, Rule, RuleSet
from secure_records.access.vocabulary import Label, Relation, Treatment, purposes
from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.digests import sha256

_EVERY_FIELD = "*"
_READING = "internal_roles.yaml"
_AMENDING = "amending_roles.yaml"


class _Grant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    clause: str
    kinds: tuple[str, ...]
    purposes: tuple[str, ...]
    max_grade: int
    fields: dict[str, Treatment]
    relation: Relation | None = None
    registered_staff: bool = False


class _Role(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    role: str
    zh: str
    en: str
    grants: tuple[_Grant, ...] = ()
    no_records: str | None = None
    apart_from: tuple[str, ...] = ()


class _Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    roles: tuple[_Role, ...] = field(name="rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalRole:
    """A role inside the hospital."""

    code: str
    label: Label
    reads_records: bool
    """False: this role never sees the body of a record, whatever else is granted."""

    apart_from: frozenset[str]
    """Roles that the same person must not hold."""

    purposes: frozenset[str]
    """Purposes for which the role may read anything at all."""


@cache
def internal_roles() -> Mapping[str, InternalRole]:
    """Every internal role by code."""
    return MappingProxyType(
        {
            row.role: InternalRole(
                code=row.role,
                label=Label(zh=row.zh, en=row.en),
                reads_records=row.no_records is None,
                apart_from=frozenset(row.apart_from),
                purposes=frozenset(word for grant in row.grants for word in grant.purposes),
            )
            for row in _document(_READING).roles
        }
    )


def roles_in_conflict(held: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of roles in ``held`` that one person must not join; empty when none."""
    known = internal_roles()
    return tuple(
        (first, second)
        for first in sorted(set(held) & set(known))
        for second in sorted(set(held) & known[first].apart_from)
        if first < second
    )


@cache
def compiled_internal_roles() -> CompiledRules:
    """The shipped roles, ready for ``decide_internal``."""
    return CompiledRules((_rule_set(_document(_READING), _READING),))


@cache
def compiled_amending_roles() -> CompiledRules:
    """Who may amend records, in the same form: rows of ``amending_roles.yaml``."""
    return CompiledRules((_rule_set(_document(_AMENDING), _AMENDING),))


def _document(name: str) -> _Document:
    try:
        document = msgspec.convert(read_data(name), _Document, strict=True)
    except msgspec.ValidationError as fault:
        raise AccessDocumentMalformed(f"{name}: {fault}") from fault
    for row in document.roles:
        for grant in row.grants:
            if unknown := set(grant.purposes) - set(purposes()):
                where = f"{name} {grant.clause}"
                raise AccessDocumentMalformed(f"{where}: purposes {sorted(unknown)}", where=where)
    return document


def _rule_set(document: _Document, name: str) -> RuleSet:
    digest = sha256(canonical_bytes(read_data(name)))
    rules = tuple(_rule(row.role, grant) for row in document.roles for grant in row.grants)
    every: frozenset[str] = frozenset()
    return RuleSet(
        line=name.removesuffix(".yaml").replace("_", "-"),
        version=document.version,
        reference=None,
        partner=None,
        kind=None,
        policy=str(digest),
        begins=None,
        ends=None,
        terminated=None,
        term_clause="",
        purposes=frozenset(word for rule in rules for word in rule.purposes),
        roles=frozenset(row.role for row in document.roles),
        rules=rules,
        bans=tuple(
            Ban(
                clause=row.no_records,
                kinds=every,
                fields=every,
                purposes=every,
                roles=frozenset((row.role,)),
            )
            for row in document.roles
            if row.no_records is not None
        ),
        consents=(),
    )


def _rule(role: str, grant: _Grant) -> Rule:
    named = {name: how for name, how in grant.fields.items() if name != _EVERY_FIELD}
    return Rule(
        clause=grant.clause,
        kinds=frozenset(grant.kinds),
        purposes=frozenset(grant.purposes),
        roles=frozenset((role,)),
        max_grade=grant.max_grade,
        fields=MappingProxyType(named),
        unnamed=grant.fields.get(_EVERY_FIELD, Treatment.WITHHOLD),
        conditions=Conditions(registered_staff=grant.registered_staff, relation=grant.relation),
    )
