"""How are health records kept so that only the right person ever reads them?

The ten names a program needs: read lines with ``read_lines``, hand them to
``Vault.store``, ask with ``Vault.read`` and ``Vault.search`` as a ``Caller``.
Everything else is reached through its own wing.
"""

from secure_records.errors import SecureRecordsError
from secure_records.intake import parse_line, read_lines
from secure_records.models import (
    Caller,
    NewRecord,
    RecordView,
    SearchPage,
    StoreReceipt,
    StoreRefusal,
)
from secure_records.vault import Vault

__all__ = [
    "Caller",
    "NewRecord",
    "RecordView",
    "SearchPage",
    "SecureRecordsError",
    "StoreReceipt",
    "StoreRefusal",
    "Vault",
    "parse_line",
    "read_lines",
]
