"""How does a platform keep its own tables under the same keys as the vault?

``EncryptedField`` is a field of an ORM class or a pair of columns of a Core
table: the value is sealed for its table, column, row and patient, and found
again through a blind index. ``ColumnKeys`` holds the keys; an open home has it
as ``columns``. The guide is ``docs/guides/encrypted_columns.md``.

What the platform reads from its own tables is not in the audit log of the
vault: the log knows the vault's door only.
"""

from secure_records.columns.column_keys import ColumnKeys
from secure_records.columns.encrypted_field import EncryptedField
from secure_records.columns.errors import (
    ColumnKeysMissing,
    ColumnOperationRefused,
    ColumnRuleRefused,
    MatchRefused,
    PlaceIncomplete,
    PlaintextRefused,
    ValueRefused,
)

__all__ = [
    "ColumnKeys",
    "ColumnKeysMissing",
    "ColumnOperationRefused",
    "ColumnRuleRefused",
    "EncryptedField",
    "MatchRefused",
    "PlaceIncomplete",
    "PlaintextRefused",
    "ValueRefused",
]
