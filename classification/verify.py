"""Does the verdict follow from the facts, or was one of them changed afterwards?

A report carries the facts it was judged from. Verification recomputes every
result, every bound and both verdicts from these facts with the catalogue and the
rules of this program, after digests and signatures have been checked. What cannot
be recomputed (another edition of the rules) is a mismatch, not a shrug.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from classification.assessment.rule_book import RuleBook
from classification.catalogue.models import Catalogue
from classification.errors import ClassificationError
from classification.facts.document import (
    FACTS_DOMAIN,
    REPORT_DOMAIN,
    Sealed,
    parse_facts,
    require_intact,
    unseal,
)
from classification.facts.models import FACTS_FORMAT
from classification.reports.document import REPORT_FORMAT, recomputed_report
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import HashFunction
from shared_kernel.errors import BadInput, JinkuiError
from shared_kernel.signatures import SignatureVerifier

_MOST_SHOWN: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The answer of ``assess verify``."""

    ok: bool
    recomputed: int
    """Results judged again from the facts."""
    mismatches: tuple[str, ...]
    """Places that differ, e.g. ``results[12].outcome``; at most 50."""
    open_points: tuple[str, ...]
    """What could not be checked here, e.g. a signature without a verifier."""
    signed_by: tuple[str, ...]
    """``algorithm:key`` of the signatures that hold; comparing them is the reader's affair."""

    def to_json(self) -> Mapping[str, Json]:
        """The document of ``assess verify --json``."""
        return {
            "ok": self.ok,
            "recomputed": self.recomputed,
            "mismatches": list(self.mismatches),
            "open_points": list(self.open_points),
            "signed_by": list(self.signed_by),
        }


def verify_facts_or_report(
    raw: bytes,
    catalogue: Catalogue,
    rules: RuleBook,
    hashes: Sequence[HashFunction] = (),
    verifier: SignatureVerifier | None = None,
) -> Verification:
    """Check a facts file or a JSON report and recompute what follows from it.

    Raises:
        FactsRefused: neither of the two.
    """
    sealed = unseal(raw)
    is_facts = sealed.document.get("format") == FACTS_FORMAT
    domain = FACTS_DOMAIN if is_facts else REPORT_DOMAIN
    try:
        open_points = require_intact(sealed, domain, hashes, verifier)
    except JinkuiError as error:
        return _failed(str(error))
    if not is_facts and sealed.document.get("format") != REPORT_FORMAT:
        return _failed("format: neither facts nor a report of this tool")
    try:
        mismatches, count = _recomputed(sealed, catalogue, rules, is_facts=is_facts)
    except (ClassificationError, BadInput) as error:
        return _failed(str(error))
    signed = () if verifier is None else sealed.signatures
    return Verification(
        ok=not mismatches,
        recomputed=count,
        mismatches=tuple(mismatches[:_MOST_SHOWN]),
        open_points=open_points,
        signed_by=tuple(f"{one.key.algorithm}:{one.key.raw.hex()}" for one in signed),
    )


def _failed(reason: str) -> Verification:
    return Verification(ok=False, recomputed=0, mismatches=(reason,), open_points=(), signed_by=())


def _recomputed(
    sealed: Sealed, catalogue: Catalogue, rules: RuleBook, *, is_facts: bool
) -> tuple[list[str], int]:
    if is_facts:
        document = parse_facts(sealed.document)
        # a facts file states no verdict: rereading it strictly is all there is to recompute
        same = canonical_bytes(document.to_json()) == canonical_bytes(sealed.document)
        return ([] if same else ["document: not in normal form"]), len(document.objects)
    again = recomputed_report(sealed.document, catalogue, rules)
    results = again.get("results")
    count = len(results) if isinstance(results, list) else 0
    return list(_differences(sealed.document, again, "")), count


def _differences(stated: Json, computed: Json, path: str) -> Sequence[str]:
    if isinstance(stated, Mapping) and isinstance(computed, Mapping):
        found: list[str] = []
        for key in sorted({*stated, *computed}):
            place = f"{path}.{key}".lstrip(".")
            if key not in stated or key not in computed:
                found.append(f"{place}: {'missing' if key not in stated else 'not expected'}")
            else:
                found.extend(_differences(stated[key], computed[key], place))
        return found
    if isinstance(stated, list) and isinstance(computed, list):
        if len(stated) != len(computed):
            return [f"{path}: {len(stated)} entries, {len(computed)} recomputed"]
        pairs = enumerate(zip(stated, computed, strict=True))
        return [text for index, (a, b) in pairs for text in _differences(a, b, f"{path}[{index}]")]
    return [] if type(stated) is type(computed) and stated == computed else [f"{path} differs"]
