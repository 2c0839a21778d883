"""How is a patient found without anybody reading the index?

A blind index: each searchable value is normalised and turned into a keyed,
truncated code. ``normalisers`` says when two spellings are the same value,
``terms`` turns values into codes. A hit is only a candidate: whoever searches
compares the value again after decryption.
"""

from secure_records.index.terms import (
    COLUMNS,
    IndexColumn,
    IndexTerm,
    TermMac,
    identity_bytes,
    matches,
    query_term,
    terms_for,
)

__all__ = [
    "COLUMNS",
    "IndexColumn",
    "IndexTerm",
    "TermMac",
    "identity_bytes",
    "matches",
    "query_term",
    "terms_for",
]
