"""Who looked into the log itself?

Reading the trail tells who was treated by whom; it is a disclosure like any other
and leaves its entry first. The entry names the filters, not what they were.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.audit.trail import TrailPage, TrailQuery, find_entries
from secure_records.models import Caller

_NO_FILTERS: Final = frozenset({"limit", "cursor", "newest_first"})


def read_trail(toolkit: Toolkit, caller: Caller, query: TrailQuery) -> TrailPage:
    """One page of the trail, after the entry that says who asked for it.

    Raises:
        TrailQueryRefused: a limit or cursor out of range.
    """
    names = [field.name for field in fields(query) if field.name not in _NO_FILTERS]
    asked = sorted(name for name in names if getattr(query, name) is not None)
    with toolkit.transaction() as unit:
        page = find_entries(unit.audit_store, query)
        unit.log.append(
            AuditFact(
                at=toolkit.clock.now(),
                actor=caller.actor,
                role=caller.role,
                action="audit.trail",
                decision="permit",
                details={"filters": list(asked), "entries": len(page.entries)},
            )
        )
    return page
