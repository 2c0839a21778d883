"""How does a canonical body become the row that a platform reads?

Field by field as the profile says: rename, translate codes by table, join
lists, cut nothing. A value that does not fit is an error here and not a
truncation there.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared_kernel.canonical_json import Json
from supervision.errors import PipelineFailed
from supervision.profiles.document import FieldMapping, Profile, ResourceMapping


def platform_row(
    profile: Profile, mapping: ResourceMapping, body: Mapping[str, Json]
) -> dict[str, Json]:
    """The row for one body, fields in the order of the profile.

    Raises:
        PipelineFailed: a value is too long or has no row in its table.
    """
    row: dict[str, Json] = {}
    for name, rule in mapping.fields.items():
        value = _value(profile, name, rule, body.get(rule.source))
        if value is not None:
            row[name] = value
    return row


def _value(profile: Profile, name: str, rule: FieldMapping, value: Json) -> Json:
    if value is None:
        return rule.default
    if isinstance(value, list | tuple):
        if rule.join is None:
            return value
        value = rule.join.join(str(item) for item in value)
    if rule.table is not None:
        table = profile.tables[rule.table]
        value = table.get(str(value), table["*"])
    if rule.max is not None and len(str(value)) > rule.max:
        raise PipelineFailed(f"{name} is longer than the {rule.max} characters the platform takes")
    return value
