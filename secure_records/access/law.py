"""Which sentence of law stands behind a refusal, and which clauses must an agreement have?

Rows only: ``law/clauses.yaml`` (citations), ``law/reasons.yaml`` (what a reason
code says and cites) and ``law/required_clauses.yaml`` (what each kind of
agreement must state). A change of law is a changed row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from secure_records.access.errors import AccessDocumentMalformed
from secure_records.access.package_data import read_rows, read_table, text_of, texts_of
from secure_records.access.vocabulary import AgreementKind, ConsentKind, Label
from shared_kernel.canonical_json import Json
from shared_kernel.citations import Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class LawClause:
    """One cited sentence and our paraphrase of it."""

    id: str
    citation: Citation
    says: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredClause:
    """Something that agreements of some kinds must state."""

    id: str
    kinds: frozenset[AgreementKind]
    path: str
    """Dotted path in the document that must be present and not empty."""

    must_hold: str | None
    """If set: the list or text at ``path`` must hold exactly this word."""

    when_path: str | None
    when_word: str | None
    """The row applies only if the list or text at ``when_path`` holds ``when_word``."""

    law: tuple[LawClause, ...]
    asks: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonText:
    """What a reason code says to people; ``{name}`` stands for an argument."""

    says: Label
    law: Mapping[AgreementKind | None, LawClause]
    """Cited where no clause of the agreement decides; key ``None``: for every kind."""


@cache
def law_clauses() -> Mapping[str, LawClause]:
    """Every cited sentence by row id."""
    found: dict[str, LawClause] = {}
    for row in read_rows("law/clauses.yaml"):
        name = text_of(row, "id", "law/clauses.yaml")
        law, edition, clause, zh, en = (
            text_of(row, column, name) for column in ("law", "edition", "clause", "zh", "en")
        )
        found[name] = LawClause(
            id=name,
            citation=Citation(
                law=law, edition=edition, clause=clause, verified=row.get("verified") is True
            ),
            says=Label(zh=zh, en=en),
        )
    return MappingProxyType(found)


@cache
def required_clauses() -> tuple[RequiredClause, ...]:
    """Every row of the completeness check, in document order."""
    name = "law/required_clauses.yaml"
    return tuple(_required(row, name) for row in read_rows(name))


def _required(row: Mapping[str, Json], name: str) -> RequiredClause:
    return RequiredClause(
        id=text_of(row, "id", name),
        kinds=frozenset(AgreementKind(kind) for kind in texts_of(row, "kinds", name)),
        path=text_of(row, "path", name),
        must_hold=_optional(row, "must_hold", name),
        when_path=_optional(row, "when_path", name),
        when_word=_optional(row, "when_word", name),
        law=tuple(_clause(clause) for clause in texts_of(row, "law", name)),
        asks=Label(zh=text_of(row, "zh", name), en=text_of(row, "en", name)),
    )


@cache
def reason_texts() -> Mapping[str, ReasonText]:
    """Every reason code with its texts."""
    name = "law/reasons.yaml"
    found: dict[str, ReasonText] = {}
    for row in read_rows(name):
        code = text_of(row, "code", name)
        cited: dict[AgreementKind | None, LawClause] = {}
        given = row.get("law")
        if isinstance(given, str):
            cited[None] = _clause(given)
        elif isinstance(given, Mapping):
            for kind in given:
                cited[AgreementKind(kind)] = _clause(text_of(given, kind, f"{name} {code}"))
        found[code] = ReasonText(
            says=Label(zh=text_of(row, "zh", code), en=text_of(row, "en", code)),
            law=MappingProxyType(cited),
        )
    return MappingProxyType(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """A kind of consent, who owes it whatever the document says, and the law behind it."""

    consent: ConsentKind
    owed_by: frozenset[AgreementKind]
    law: LawClause


@cache
def consent_rows() -> tuple[ConsentRow, ...]:
    """Every kind of consent."""
    name = "law/consents.yaml"
    return tuple(
        ConsentRow(
            consent=ConsentKind(text_of(row, "consent", name)),
            owed_by=frozenset(AgreementKind(kind) for kind in texts_of(row, "kinds", name)),
            law=_clause(text_of(row, "law", name)),
        )
        for row in read_rows(name)
    )


@cache
def legal_bases() -> frozenset[str]:
    """Codes of the legal bases for processing (PIPL art. 13)."""
    return frozenset(row["code"] for row in read_table("law/legal_bases.yaml", ("code",)))


def _clause(name: str) -> LawClause:
    found = law_clauses().get(name)
    if found is None:
        raise AccessDocumentMalformed(f"law row {name} does not exist", where=name)
    return found


def _optional(row: Mapping[str, Json], column: str, where: str) -> str | None:
    return text_of(row, column, where) if column in row else None
