"""Which commitment stands for a patient in the audit log?

The log asks for a commitment; the key ring holds the patient's audit key, which
is independent of every data key: erasing one does not open the other.
"""

from __future__ import annotations

from secure_records.envelope.suites import mac
from secure_records.keys.key_ring import KeyRing


class AuditKeyTags:
    """Fills ``SubjectTags`` from the key ring of one institution."""

    def __init__(self, keys: KeyRing, tenant: str) -> None:
        self._keys = keys
        self._tenant = tenant

    def commit(self, subject: str, nonce: bytes, /) -> bytes:
        """HMAC of the nonce under the patient's audit key, in the suite of the home."""
        return mac(self._keys.suite, self._keys.audit_key(self._tenant, subject), nonce)
