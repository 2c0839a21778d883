"""Who did what with which record, and can anybody prove that the answer is whole?

An RFC 6962 SHA-256 Merkle log with C2SP checkpoints. Start with ``log.AuditLog``
to write, ``verification.verify_log`` to check, ``trail`` to ask. No I/O here:
rows come and go through ``ports.AuditStore``.
"""
