"""How does the report become one HTML file that prints well and asks nothing of a network?

No script, no font, no picture from outside; language is switched by a radio button
and CSS alone. Everything shown comes from the report document, escaped.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from classification.catalogue.models import Catalogue
from classification.facts.document import unseal
from classification.reports.page import page_of
from shared_kernel.instants import china_text, parse_instant

_LANGUAGES: Final = frozenset({"zh", "en"})


def html_report(report: bytes, catalogue: Catalogue, language: str = "zh") -> str:
    """Render a signed JSON report.

    Args:
        report: The report file as ``run_assessment`` returns it.
        catalogue: For the words of the items.
        language: Shown first, ``zh`` or ``en``; the file holds both.

    Raises:
        FactsRefused: not a sealed file.
        ReportRefused: another format.
    """
    sealed = unseal(report)
    page = page_of(sealed.document, catalogue)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            sealed=sealed,
            first=language if language in _LANGUAGES else "zh",
            assessed_at=china_text(
                parse_instant(str(sealed.document["assessed_at"]), "assessed_at")
            ),
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("classification.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
