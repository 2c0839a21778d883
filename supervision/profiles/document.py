"""Is this YAML document an acceptable platform profile?

Strict: unknown keys, aliases and repeated keys are refused, expressions are
parsed, tables must be total. ``supervision.profiles.acceptance`` then runs the
golden vectors; only an accepted profile may be used.
"""

from __future__ import annotations

import re
from enum import StrEnum
from importlib.resources import files
from typing import Final, Literal

import msgspec
import yaml

from shared_kernel.digests import sha256
from supervision.errors import ProfileMalformed, ProfileRefused
from supervision.profiles.expressions import Expression, parse_expression
from supervision.profiles.operations import Step

LARGEST: Final = 256 * 1024
"""Bytes of a profile document."""

SHIPPED: Final = ("jinkui-exchange-1.0", "tj-selfbuilt-1.0", "ngari-openapi-1.0")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")


class Evidence(StrEnum):
    """How well the described interface is known; travels to whatever the user reads."""

    OWN = "own"
    PUBLISHED = "published"
    VERIFIED_THIRD_PARTY = "verified-third-party"
    PARTIAL = "partial"
    SAMPLE = "sample"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the document; unknown keys are refused."""


class TransportPart(_Part, frozen=True, kw_only=True):
    """Where and how the request goes."""

    kind: Literal["https"]
    method: Literal["POST"]
    path: str = ""
    """Appended to the base address of the environment."""

    content_type: str
    timeout_s: int


class ReplyPart(_Part, frozen=True, kw_only=True):
    """Reply expressions; whatever none of them decides is *unknown*."""

    ok: str
    retry: str
    data_error: str
    credential_error: str
    signed: bool = False
    """The platform returns a receipt signed with its pinned key; without it nothing is accepted."""


class FieldMapping(_Part, frozen=True, kw_only=True):
    """How one platform field is filled."""

    source: str = msgspec.field(name="from")
    max: int | None = None
    table: str | None = None
    join: str | None = None
    default: str | None = None


class ResourceMapping(_Part, frozen=True, kw_only=True):
    """How one canonical resource is dressed for the platform."""

    method: str = ""
    after: list[str] = []
    complete: bool
    """Every required platform field is mapped. An incomplete mapping never goes to production."""

    empty_array_if_none: bool = False
    fields: dict[str, FieldMapping] = {}


class VectorExpectation(_Part, frozen=True, kw_only=True):
    """What the pipeline must produce, exactly."""

    body: str | None = None
    headers: dict[str, str] = {}
    slots: dict[str, str] = {}


class GoldenVector(_Part, frozen=True, kw_only=True):
    """A worked example with dummy keys."""

    name: str
    source: str
    rows: list[dict[str, str | int]] = []
    message: str | None = None
    """Canonical message text, for profiles that send it whole."""

    variables: dict[str, str]
    secrets: dict[str, str]
    """As the environment would hold them; ``hex:`` prefixes raw bytes."""

    entropy: str = ""
    """Hex of the random bytes that the run consumes, in order."""

    signature: str = ""
    """Hex of the signature that the stand-in signer returns."""

    expect: VectorExpectation


class _Document(_Part, frozen=True, kw_only=True):
    id: str
    title: str
    evidence: Evidence
    notes: list[str] = []
    compatibility_only: bool
    deduplicates: bool
    transport: TransportPart
    secrets: list[str]
    wrap: Literal["array", "none"]
    pipeline: list[Step]
    reply: ReplyPart
    resources: dict[str, ResourceMapping]
    tables: dict[str, dict[str, str]] = {}
    vectors: list[GoldenVector]


class Classification(msgspec.Struct, frozen=True, kw_only=True):
    """Parsed reply expressions."""

    ok: Expression
    retry: Expression
    data_error: Expression
    credential_error: Expression


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One platform, one version."""

    id: str
    digest: str
    """``sha256:…`` of the document; receipts carry it."""

    title: str
    evidence: Evidence
    notes: tuple[str, ...]
    compatibility_only: bool
    """Weak protection that the platform demands; refused in production."""

    deduplicates: bool
    """The platform recognises a repeated message id, so an unknown outcome may be sent again."""

    transport: TransportPart
    secrets: tuple[str, ...]
    wrap: str
    pipeline: tuple[Step, ...]
    reply: Classification
    signed_receipts: bool
    resources: dict[str, ResourceMapping]
    tables: dict[str, dict[str, str]]
    vectors: tuple[GoldenVector, ...]

    def mapping(self, resource: str) -> ResourceMapping:
        """How this platform takes ``resource``; a ``*`` row speaks for all.

        Raises:
            ProfileRefused: it does not take it.
        """
        found = self.resources.get(resource) or self.resources.get("*")
        if found is None:
            raise ProfileRefused(f"profile {self.id} has no mapping for {resource}")
        return found


def parse_profile(data: bytes) -> Profile:
    """Read a profile document.

    Raises:
        ProfileMalformed: any rule of the schema is broken.
        ExpressionMalformed: a reply expression is outside the language.
    """
    document = _read(data)
    if _NAME.match(document.id) is None:
        raise ProfileMalformed("id must be lower-case letters, digits, dots and hyphens")
    if not document.vectors:
        raise ProfileMalformed("a profile without a golden vector is not accepted")
    for name, mapping in document.resources.items():
        for field, rule in mapping.fields.items():
            if rule.table is not None and rule.table not in document.tables:
                raise ProfileMalformed(f"resources.{name}.{field} uses an unknown table")
    for name, table in document.tables.items():
        if "*" not in table:
            raise ProfileMalformed(f"tables.{name} has no * row: a value could fall through")
    return Profile(
        id=document.id,
        digest=str(sha256(data)),
        title=document.title,
        evidence=document.evidence,
        notes=tuple(document.notes),
        compatibility_only=document.compatibility_only,
        deduplicates=document.deduplicates,
        transport=document.transport,
        secrets=tuple(document.secrets),
        wrap=document.wrap,
        pipeline=tuple(document.pipeline),
        reply=Classification(
            ok=parse_expression(document.reply.ok),
            retry=parse_expression(document.reply.retry),
            data_error=parse_expression(document.reply.data_error),
            credential_error=parse_expression(document.reply.credential_error),
        ),
        signed_receipts=document.reply.signed,
        resources=document.resources,
        tables=document.tables,
        vectors=tuple(document.vectors),
    )


def shipped_profile_bytes(name: str) -> bytes:
    """The document of a shipped profile.

    Raises:
        ProfileRefused: no profile of this name is shipped.
    """
    if name not in SHIPPED:
        raise ProfileRefused(f"no profile {name!r} is shipped", hint=f"one of {', '.join(SHIPPED)}")
    return files("supervision.profiles").joinpath(f"shipped/{name}.yaml").read_bytes()


def _read(data: bytes) -> _Document:
    if len(data) > LARGEST:
        raise ProfileMalformed(f"the document is larger than {LARGEST} bytes")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(data, Loader=loader):
            if isinstance(event, yaml.AliasEvent):  # an alias bomb grows exponentially
                raise ProfileMalformed("aliases are not allowed in a profile")
        node = yaml.compose(data, Loader=loader)
        _refuse_repeated_keys(node)
        tree = yaml.load(data, Loader=loader)  # noqa: S506  # both are safe loaders
        return msgspec.convert(tree, _Document)
    except yaml.YAMLError as error:
        raise ProfileMalformed("the document is no YAML") from error
    except RecursionError as error:
        raise ProfileMalformed("the document is nested too deeply") from error
    except msgspec.ValidationError as error:
        raise ProfileMalformed(str(error)) from error


def _refuse_repeated_keys(node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) != len(keys):
            line = node.start_mark.line + 1
            raise ProfileMalformed(f"a key is repeated in the mapping at line {line}")
        for _, value in node.value:
            _refuse_repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(value)
