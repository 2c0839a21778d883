"""What would a thief of the store learn, and who asked for it?

Counting takes a while in a large store, so it reads beside the writers; the entry
that says who asked commits before the answer leaves.
"""

from __future__ import annotations

from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.leakage import LeakageReport
from secure_records.models import Caller


def report_leakage(toolkit: Toolkit, caller: Caller) -> LeakageReport:
    """Count what the store shows without record keys."""
    report = toolkit.leakage()
    with toolkit.transaction() as unit:
        unit.log.append(
            AuditFact(
                at=toolkit.clock.now(),
                actor=caller.actor,
                role=caller.role,
                action="records.leakage",
                decision="permit",
                details={"records": report.records, "subjects": report.subjects},
            )
        )
    return report
