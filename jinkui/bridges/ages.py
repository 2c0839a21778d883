"""Which of these patients are minors?

The incident room counts minors; birth dates lie sealed in the records. One
envelope of each patient is opened in memory for the answer; nothing but the set
of under-age subjects leaves this file. Whoever asks writes the audit entry.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from incident.scoping.minors import majority_rule, under_age
from secure_records.ports import RecordStore
from secure_records.sealing import open_row
from secure_records.vault_parts import VaultParts


def minors(
    parts: VaultParts, records: RecordStore, subjects: Collection[str], at: datetime
) -> frozenset[str]:
    """Subjects of ``subjects`` that are under age at ``at``.

    An identity without birth date counts as a minor: guardians are told once too often
    rather than once too seldom.
    """
    rule = majority_rule()
    found: set[str] = set()
    seen: set[str] = set()
    for row in records.of_subjects(parts.tenant, subjects):
        if row.subject in seen:
            continue
        seen.add(row.subject)
        identity = open_row(row, parts.keys.dek_by_id(parts.tenant, row.key_id)).patient
        if identity.birth_date is None or under_age(identity.birth_date, at, rule):
            found.add(row.subject)
    return frozenset(found)
