"""What can a sealed column of a platform's table refuse?

No message repeats a value: it names table and column only.
"""

from __future__ import annotations

from secure_records.errors import SecureRecordsError
from shared_kernel.errors import BadInput, Refused


class ColumnRuleRefused(SecureRecordsError, BadInput):
    """An encrypted field is declared with something it cannot do."""

    code = "columns.rule"
    default_hint = "compare with docs/guides/encrypted_columns.md"


class ValueRefused(SecureRecordsError, BadInput):
    """The value is not of the type that the field holds."""

    code = "columns.value"
    default_hint = "hand over the type the field declares: text, bytes or JSON"


class PlaceIncomplete(SecureRecordsError, BadInput):
    """A value is sealed for its row, and the row is not named yet."""

    code = "columns.place_incomplete"
    default_hint = "give the row its primary key and its subject before the field is sealed"


class PlaceChanged(SecureRecordsError, Refused):
    """Primary key or subject of a row changed, and a sealed field stayed behind."""

    code = "columns.place_changed"
    default_hint = "read the field first and assign it again in the same flush"


class PlaintextRefused(SecureRecordsError, Refused):
    """A plain value was about to be written into a sealed column."""

    code = "columns.plaintext"
    default_hint = "write through the ORM attribute, or seal the row with ColumnKeys.seal_row first"


class ColumnOperationRefused(SecureRecordsError, BadInput):
    """The database cannot sort, compare or search what it cannot read."""

    code = "columns.operation"
    default_hint = "ask with matches(value) for equality; sort and search after opening"


class MatchRefused(SecureRecordsError, BadInput):
    """There is no index on this field, or the value has no normal form."""

    code = "columns.match"
    default_hint = "declare the field with an index, and ask for a whole value of its kind"


class ColumnKeysMissing(SecureRecordsError, Refused):
    """Nobody handed the keys to the tables of this field."""

    code = "columns.keys_missing"
    default_hint = "call columns.attach(Base.metadata) once the home is open"
