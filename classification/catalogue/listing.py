"""Which items does this version know, and what does it do about each by itself?"""

from __future__ import annotations

from collections.abc import Callable

from classification.catalogue.models import Catalogue
from shared_kernel.canonical_json import Json


def items(catalogue: Catalogue, automation: Callable[[str], str]) -> Json:
    """The document of ``assess items --json``.

    Args:
        catalogue: All items.
        automation: For an item id ``auto``, ``part`` or ``manual``; in practice
            ``RuleBook.automation``, which counts only rules with both examples.
    """
    return {
        "edition": catalogue.edition,
        "items": [
            {
                "id": item.id,
                "category": item.category,
                "category_zh": item.category_zh,
                "category_en": item.category_en,
                "control_point": item.control_point_zh,
                "control_point_en": item.control_point_en,
                "automation": str(automation(item.id)),
                "importance": item.importance.value,
                "importance_basis": "heuristic, not the official table",
                "side": item.side.value,
                "evidence": item.evidence.value,
                "high_risk": bool(item.high_risk),
                "major_risk_trigger": item.major_risk,
                "verified": item.verified,
                "zh": item.zh,
                "en": item.en,
            }
            for item in catalogue.items
        ],
    }
