"""How does a reason code become a sentence with its clause?

Texts and citations are rows of ``law/reasons.yaml``. Names that come from a
request are quoted back only in a shortened, printable form: a decision ends in
logs and on screens.
"""

from __future__ import annotations

from secure_records.access.law import LawClause, reason_texts
from secure_records.access.outcome import Reason
from secure_records.access.vocabulary import AgreementKind

_LONGEST_ECHO = 64


def reason(
    code: str,
    *,
    clause: str | None = None,
    kind: AgreementKind | None = None,
    law: LawClause | None = None,
    **arguments: str,
) -> Reason:
    """Build a reason.

    Args:
        code: A row of ``law/reasons.yaml``.
        clause: Clause of the agreement that decided; None: the law is named instead.
        kind: Kind of the agreement, where the cited law depends on it.
        law: Cited instead of the law of the row.
        arguments: Words for the text, by name.
    """
    row = reason_texts()[code]
    cited = law or row.law.get(kind) or row.law.get(None)
    words = {name: _echo(word) for name, word in arguments.items()}
    citation = None if cited is None else cited.citation
    return Reason(
        code=code,
        clause=clause or ("" if citation is None else citation.text()),
        text=row.says.zh.format_map(words),
        text_en=row.says.en.format_map(words),
        law=citation,
    )


def _echo(word: str) -> str:
    shown = "".join(char if char.isprintable() else "?" for char in word)
    return shown if len(shown) <= _LONGEST_ECHO else shown[: _LONGEST_ECHO - 1] + "…"
