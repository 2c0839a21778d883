"""Which resources can be reported, with which fields, and where was each field seen?

Reads the dataset files beside this module once. New resources and fields are
rows there; this file does not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, cast

import yaml

from shared_kernel.canonical_json import Json
from supervision.errors import DatasetMalformed, UnknownResource
from supervision.messages.code_systems import CodeSystem
from supervision.messages.field_types import FieldType, parse_type

SCHEMA_VERSION: Final = 1
"""Edition of the canonical resources; ``version`` in ``code_systems.yaml``."""

_GROUPS: Final = ("filing", "process", "quality", "incidents", "control")
_UNSEEN: Final = "K"
_Row = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a resource."""

    name: str
    zh: str
    en: str
    type: FieldType
    required: str
    """``yes``, ``no`` or ``cond``."""

    when: str | None
    """For ``cond``: the rule in words; ``conditions.yaml`` has those a machine can decide."""

    code: str | None
    seen_in: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether the field was seen on an interface or in a law, not only remembered."""
        return any(source != _UNSEEN for source in self.seen_in)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind of report."""

    name: str
    zh: str
    en: str
    fields: tuple[Field, ...]
    """Shared blocks first, own fields after."""

    children: Mapping[str, tuple[Field, ...]]
    """Row shapes of list fields, by name; shared blocks can be rows too."""

    evidence: str
    cadence: str
    optional: bool
    platform_names: Mapping[str, str]
    depends_on: tuple[str, ...]
    key: tuple[str, ...]
    """Fields that name the business."""

    date_field: str | None
    attachment_digests: Mapping[str, str]
    media_types: Mapping[str, tuple[str, ...]]

    def field(self, name: str) -> Field | None:
        """The field of that name, if the resource has it."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A machine-decidable ``when``."""

    field: str
    relation: str
    """``one_of``, ``below`` or ``at_least``."""

    values: frozenset[str]
    than: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything the dataset files say."""

    resources: Mapping[str, Resource]
    code_systems: Mapping[str, CodeSystem]
    conditions: Mapping[str, Condition]

    def resource(self, name: str) -> Resource:
        """The resource called ``name``.

        Raises:
            UnknownResource: there is none.
        """
        found = self.resources.get(name)
        if found is None:
            raise UnknownResource(f"no canonical resource is called {name!r}", where="resource")
        return found


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue; read once per process.

    Raises:
        DatasetMalformed: a shipped file was changed into nonsense.
    """
    try:
        return _build()
    except (KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise DatasetMalformed("a dataset file cannot be read") from error


def _build() -> Catalogue:
    blocks = {
        name: tuple(_field(row) for row in cast("list[_Row]", rows))
        for name, rows in _section("blocks", "blocks").items()
    }
    keys = _section("keys", "keys")
    resources = {}
    for group in _GROUPS:
        for row in cast("list[_Row]", _document(group)["resources"]):
            resource = _resource(row, blocks, cast("_Row", keys[cast("str", row["id"])]))
            resources[resource.name] = resource
    return Catalogue(
        resources=MappingProxyType(resources),
        code_systems=MappingProxyType(
            {
                name: _code_system(name, cast("_Row", row))
                for name, row in _section("code_systems", "code_systems").items()
            }
        ),
        conditions=MappingProxyType(
            {
                text: _condition(cast("_Row", row))
                for text, row in _section("conditions", "conditions").items()
            }
        ),
    )


def _document(name: str) -> _Row:
    text = files("supervision.messages").joinpath(f"datasets/{name}.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # wheels without libyaml lack it
    return cast("_Row", yaml.load(text, Loader=loader))  # noqa: S506  # both are safe loaders


def _section(document: str, key: str) -> _Row:
    return cast("_Row", _document(document)[key])


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(cast("list[str]", value or []))


def _field(row: _Row) -> Field:
    return Field(
        name=cast("str", row["name"]),
        zh=str(row["zh"]),
        en=str(row["en"]),
        type=parse_type(cast("str", row["type"])),
        required=cast("str", row["required"]),
        when=cast("str | None", row.get("when")),
        code=cast("str | None", row["code"]),
        seen_in=_texts(row["src"]),
    )


def _resource(row: _Row, blocks: Mapping[str, tuple[Field, ...]], keys: _Row) -> Resource:
    own = tuple(_field(item) for item in cast("list[_Row]", row["fields"]))
    own_names = {field.name for field in own}
    shared = tuple(
        field
        for block in _texts(row.get("use"))
        for field in blocks[block]
        if field.name not in own_names
    )
    children = {
        name: tuple(_field(item) for item in cast("list[_Row]", rows))
        for name, rows in cast("_Row", row.get("children") or {}).items()
    }
    digests = cast("Mapping[str, str]", keys.get("attachment_digests") or {})
    media = cast("Mapping[str, list[str]]", keys.get("media_types") or {})
    return Resource(
        name=cast("str", row["id"]),
        zh=str(row["zh"]),
        en=str(row["en"]),
        fields=shared + own,
        children=MappingProxyType({**blocks, **children}),
        evidence=str(row["evidence"]),
        cadence=str(row.get("cadence", "")),
        optional=bool(row.get("optional", False)),
        platform_names=MappingProxyType(
            dict(cast("Mapping[str, str]", row.get("platform_names") or {}))
        ),
        depends_on=_texts(row.get("depends_on")),
        key=_texts(keys["key"]),
        date_field=cast("str | None", keys["date"]),
        attachment_digests=MappingProxyType(dict(digests)),
        media_types=MappingProxyType({name: tuple(types) for name, types in media.items()}),
    )


def _code_system(name: str, row: _Row) -> CodeSystem:
    values = cast("Mapping[str, object] | None", row.get("values"))
    return CodeSystem(
        name=name,
        zh=str(row["zh"]),
        standard=cast("str | None", row.get("standard")),
        values=None
        if values is None
        else MappingProxyType({str(code): str(meaning) for code, meaning in values.items()}),
        pattern=cast("str | None", row.get("pattern")),
        length=cast("int | None", row.get("length")),
        check=cast("str | None", row.get("check")),
        verified=any(source != _UNSEEN for source in _texts(row["src"])),
    )


def _condition(row: _Row) -> Condition:
    return Condition(
        field=cast("str", row["field"]),
        relation=cast("str", row["is"]),
        values=frozenset(_texts(row.get("values"))),
        than=cast("int", row.get("than", 0)),
    )
