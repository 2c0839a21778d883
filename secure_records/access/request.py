"""Who asks to see what, for which purpose, at which instant, with which consents?

Values and the strict reader of the JSON form. The caller vouches for every
part: the actor is authenticated, the relation proven, the consents looked up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn

from secure_records.access.agreement_document import instant_of
from secure_records.access.errors import AccessRequestMalformed
from secure_records.access.vocabulary import ConsentKind, Relation
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput
from shared_kernel.grades import STRICTEST, Grade, parse_grade
from shared_kernel.instants import parse_instant

_LONGEST_TEXT: Final = 200
_MOST_ITEMS: Final = 300
_KEYS: Final = frozenset(
    {"actor", "role", "partner", "purpose", "kind", "fields", "grade", "at"}
    | {"subject_consents", "staff", "on_behalf", "relation"}
)
_CONSENT_KEYS: Final = frozenset(
    {"kind", "partner", "purpose", "given_at", "withdrawn_at", "expires_at"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFact:
    """One yes of the person, and perhaps its withdrawal."""

    kind: ConsentKind
    given_at: datetime | None = None
    """UTC, inclusive; None: given at an unrecorded time before any request."""

    withdrawn_at: datetime | None = None
    """UTC; ends this and every matching consent that was given no later."""

    expires_at: datetime | None = None
    """UTC, exclusive; ends this consent only."""

    partner: str | None = None
    """Recipient it names, by partner id or credit code; None: any."""

    purpose: str | None = None
    """Purpose it names; None: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffStanding:
    """What the register says about the person who asks."""

    institution: str
    """Credit code, or partner id, of the employer."""

    registered: bool
    valid_until: datetime | None = None
    """UTC, exclusive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One question to the access policy."""

    actor: str
    role: str
    purpose: str
    kind: str
    at: datetime
    partner: str | None = None
    """Partner id; None: somebody inside the hospital."""

    fields: tuple[str, ...] = ()
    """Fields asked for; empty: all that the clauses show."""

    grade: Grade = STRICTEST
    subject_consents: tuple[ConsentFact, ...] = ()
    staff: StaffStanding | None = None
    on_behalf: str | None = None
    relation: Relation | None = None
    """Proven relation to the person in the record; None: none, or not looked up."""


def parse_request(value: Json) -> AccessRequest:
    """Read the JSON form; without ``grade`` the record counts as the strictest.

    Raises:
        AccessRequestMalformed: the first fault, with its path.
    """
    row = _mapping(value, "$", _KEYS)
    try:
        at = parse_instant(_text(row, "at"), "$.at")
        grade = STRICTEST if row.get("grade") is None else parse_grade(row["grade"], "$.grade")
    except AccessRequestMalformed:
        raise
    except BadInput as fault:
        raise AccessRequestMalformed(str(fault), where=fault.where) from fault
    names = tuple(_word(item, f"$.fields[{i}]") for i, item in enumerate(_list(row, "fields")))
    if len(set(names)) != len(names):
        _refuse("$.fields", "a field is named twice")
    consents = _list(row, "subject_consents")
    relation = _optional(row, "relation")
    return AccessRequest(
        actor=_text(row, "actor"),
        role=_text(row, "role"),
        purpose=_text(row, "purpose"),
        kind=_text(row, "kind"),
        at=at,
        partner=_optional(row, "partner"),
        fields=names,
        grade=grade,
        subject_consents=tuple(
            _consent(item, f"$.subject_consents[{i}]") for i, item in enumerate(consents)
        ),
        staff=_staff(row.get("staff")),
        on_behalf=_optional(row, "on_behalf"),
        relation=None if relation is None else _relation(relation),
    )


def _consent(value: Json, path: str) -> ConsentFact:
    if isinstance(value, str):
        return ConsentFact(kind=_consent_kind(value, path))
    row = _mapping(value, path, _CONSENT_KEYS)
    given, withdrawn = _when(row, "given_at", path), _when(row, "withdrawn_at", path)
    if given is not None and withdrawn is not None and withdrawn < given:
        _refuse(f"{path}.withdrawn_at", "lies before given_at")
    return ConsentFact(
        kind=_consent_kind(_text(row, "kind", path), f"{path}.kind"),
        given_at=given,
        withdrawn_at=withdrawn,
        expires_at=_when(row, "expires_at", path),
        partner=_optional(row, "partner", path),
        purpose=_optional(row, "purpose", path),
    )


def _consent_kind(text: str, path: str) -> ConsentKind:
    if text not in {kind.value for kind in ConsentKind}:
        _refuse(path, "not a kind of consent")
    return ConsentKind(text)


def _relation(text: str) -> Relation:
    if text not in {relation.value for relation in Relation}:
        _refuse("$.relation", "not a relation")
    return Relation(text)


def _staff(value: Json) -> StaffStanding | None:
    if value is None:
        return None
    row = _mapping(value, "$.staff", frozenset({"institution", "registered", "valid_until"}))
    registered = row.get("registered")
    if not isinstance(registered, bool):
        _refuse("$.staff.registered", "must be true or false")
    until = _optional(row, "valid_until", "$.staff")
    try:
        ends = None if until is None else instant_of(until, "$.staff.valid_until", end_of_day=True)
    except BadInput as fault:
        raise AccessRequestMalformed(str(fault), where="$.staff.valid_until") from fault
    institution = _text(row, "institution", "$.staff")
    return StaffStanding(institution=institution, registered=registered, valid_until=ends)


def _when(row: Mapping[str, Json], key: str, path: str) -> datetime | None:
    text = _optional(row, key, path)
    try:
        return None if text is None else parse_instant(text, f"{path}.{key}")
    except BadInput as fault:
        raise AccessRequestMalformed(str(fault), where=f"{path}.{key}") from fault


def _mapping(value: Json, path: str, keys: frozenset[str]) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        _refuse(path, "must be an object")
    for key in value:
        # An unknown key is refused, for it might have been a limit.
        if key not in keys:
            _refuse(path, f"has an unknown key; known are {', '.join(sorted(keys))}")
    return value


def _list(row: Mapping[str, Json], key: str) -> Sequence[Json]:
    value = row.get(key)
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        _refuse(f"$.{key}", "must be a list")
    if len(value) > _MOST_ITEMS:
        _refuse(f"$.{key}", f"has more than {_MOST_ITEMS} items")
    return value


def _text(row: Mapping[str, Json], key: str, path: str = "$") -> str:
    return _word(row.get(key), f"{path}.{key}")


def _optional(row: Mapping[str, Json], key: str, path: str = "$") -> str | None:
    return None if row.get(key) is None else _text(row, key, path)


def _word(value: Json, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        _refuse(path, f"must be text of 1 to {_LONGEST_TEXT} characters")
    return value


def _refuse(path: str, message: str) -> NoReturn:
    raise AccessRequestMalformed(f"{path}: {message}", where=path)
