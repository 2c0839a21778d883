"""How is a patient found without anybody reading the index?

A blind index: each searchable value is normalised and turned into a keyed,
truncated code. ``normalisers`` says when two spellings are the same value,
``columns`` which values may be searchable at all, ``terms`` turns values into
codes. A hit is only a candidate: whoever searches compares the value again after
decryption.
"""

from secure_records.index.columns import COLUMNS, IndexColumn, column_table
from secure_records.index.terms import (
    IndexTerm,
    LiveVersions,
    TermMac,
    identity_bytes,
    matches,
    query_term,
    query_terms,
    terms_for,
)

__all__ = [
    "COLUMNS",
    "IndexColumn",
    "IndexTerm",
    "LiveVersions",
    "TermMac",
    "column_table",
    "identity_bytes",
    "matches",
    "query_term",
    "query_terms",
    "terms_for",
]
