"""May this caller write a further version of a record, and which reasons count?

Amending is decided by rows like reading is, but by other rows: who may read a
record may not therefore change it. Partners are not on the list, so they never may.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from secure_records.access.decision import decide_internal
from secure_records.access.internal_roles import compiled_amending_roles
from secure_records.access.outcome import Decision
from secure_records.access.package_data import read_table
from secure_records.access.request import AccessRequest
from secure_records.access.vocabulary import Label

PURPOSE: Final = "correction"
"""The one purpose of amending, as it stands in the log."""


@cache
def amending_reasons() -> Mapping[str, Label]:
    """Every reason for which a record may get a further version, by code."""
    rows = read_table("amending_reasons.yaml", ("code", "zh", "en"))
    return MappingProxyType({row["code"]: Label(zh=row["zh"], en=row["en"]) for row in rows})


def decide_amendment(request: AccessRequest) -> Decision:
    """Answer from ``amending_roles.yaml``; whoever is not named there is denied."""
    return decide_internal(compiled_amending_roles(), request)
