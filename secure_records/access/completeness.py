"""What does the law make the parties state that this document does not state?

Rows of ``law/required_clauses.yaml`` against the document. An agreement with a
gap is never applied, and explaining it denies: half an agreement permits nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from secure_records.access.agreement import Agreement
from secure_records.access.errors import AgreementIncomplete, AgreementNamesUnknown
from secure_records.access.law import LawClause, RequiredClause, consent_rows, required_clauses
from secure_records.access.vocabulary import ConsentKind
from shared_kernel.canonical_json import Json


def missing_clauses(agreement: Agreement) -> tuple[RequiredClause, ...]:
    """Every required clause that is absent or empty; empty when the document is complete."""
    return tuple(
        row
        for row in required_clauses()
        if agreement.document.kind in row.kinds
        and _applies(row, agreement.source)
        and not _stated(row, agreement.source)
    )


def require_complete(agreement: Agreement) -> None:
    """Refuse an agreement with gaps.

    Raises:
        AgreementIncomplete: the message lists every gap with its citation.
    """
    gaps = missing_clauses(agreement)
    if not gaps:
        return
    listed = "; ".join(f"{gap.asks.zh} {gap.asks.en} ({gap.path}): {cited(gap)}" for gap in gaps)
    raise AgreementIncomplete(
        f"{agreement.reference} lacks {len(gaps)} required clause(s): {listed}",
        missing=tuple(gap.id for gap in gaps),
    )


def require_known_names(agreement: Agreement, catalogue: Mapping[str, Collection[str]]) -> None:
    """Refuse record kinds and fields that do not exist.

    Args:
        agreement: A readable agreement.
        catalogue: Record kind → the names its fields have in agreements.

    Raises:
        AgreementNamesUnknown: the message lists every unknown name with its path.
    """
    found: list[str] = []
    document = agreement.document
    clauses = [
        *(
            (f"$.grants[{i}]", one.kinds, tuple(one.fields))
            for i, one in enumerate(document.grants)
        ),
        *(
            (f"$.prohibitions[{i}]", one.kinds, one.fields)
            for i, one in enumerate(document.prohibitions)
        ),
    ]
    for path, kinds, fields in clauses:
        found.extend(f"{path}.kinds: {kind}" for kind in kinds if kind not in catalogue)
        reached = [catalogue[kind] for kind in (kinds or catalogue) if kind in catalogue]
        known = {name for names in reached for name in names}
        found.extend(f"{path}.fields: {name}" for name in fields if name not in known)
    if found:
        raise AgreementNamesUnknown(
            f"{agreement.reference} names what does not exist here: {'; '.join(found)}",
            where=found[0],
        )


def cited(row: RequiredClause) -> str:
    """The citations of a row on one line."""
    return ", ".join(clause.citation.text() for clause in row.law)


def owed_consents(agreement: Agreement) -> tuple[tuple[ConsentKind, LawClause], ...]:
    """The consents every request under this agreement needs, with the law behind each.

    Those the document names, and those its kind owes whatever the document says.
    """
    document = agreement.document
    return tuple(
        (row.consent, row.law)
        for row in consent_rows()
        if row.consent in document.consent.requires or document.kind in row.owed_by
    )


def _applies(row: RequiredClause, source: Mapping[str, Json]) -> bool:
    if row.when_path is None or row.when_word is None:
        return True
    return _holds(_at(source, row.when_path), row.when_word)


def _stated(row: RequiredClause, source: Mapping[str, Json]) -> bool:
    value = _at(source, row.path)
    if row.must_hold is not None:
        return _holds(value, row.must_hold)
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, Sequence):
        return any(not isinstance(item, str) or item.strip() for item in value)
    return value is not None and value != {}


def _holds(value: Json, word: str) -> bool:
    if isinstance(value, str):
        return value == word
    return isinstance(value, Sequence) and word in value


def _at(source: Mapping[str, Json], path: str) -> Json:
    value: Json = source
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
