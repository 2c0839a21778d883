"""Does the store still continue what was once signed and kept outside it?

The newest checkpoint lies in a file of its own, meant for another medium. A store
that is older than its anchor was put back; a store with another history was
exchanged. Either is refused before anything new is signed, and the anchor is never
overwritten by a log that does not continue it.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from pathlib import Path

from secure_records.audit.checkpoint import verify_checkpoint
from secure_records.audit.errors import NoteMalformed
from secure_records.audit.note import NoteKey, vkey_text
from secure_records.audit.ports import AuditStore
from secure_records.audit.stored_tree import StoredTree
from shared_kernel.errors import VerificationFailed
from shared_kernel.signatures import SignatureVerifier


class LogRolledBack(VerificationFailed):
    """The store does not continue the checkpoint that is kept outside it."""

    code = "audit.rolled_back"
    default_hint = (
        "an older or another store was put in place: keep copies of store and anchor, "
        "run `jinkui audit verify`; if nothing newer is left, two people declare it with "
        "`jinkui rollback`; do not delete the anchor"
    )


class Anchor:
    """The file with the newest checkpoint."""

    def __init__(self, path: Path, keys: Sequence[NoteKey], verifier: SignatureVerifier) -> None:
        self._path = path
        self._keys = keys
        self._verifier = verifier

    def read(self) -> str | None:
        """The note, if there is one."""
        if not self._path.is_file():
            return None
        try:
            return self._path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            where = self._path.name
            raise LogRolledBack("the anchor is not a checkpoint", where=where) from error

    def require_continued(self, store: AuditStore) -> None:
        """Return if and only if the log in ``store`` continues the anchor, or there is none.

        Costs a few look-ups however long the log is; a full verification is another matter.

        Raises:
            NoteRefused: the anchor itself is not signed by us.
            LogRolledBack: it is none, or the log does not continue it.
        """
        note = self.read()
        if note is None:
            return
        try:
            promised = verify_checkpoint(note, self._keys, self._verifier, need=len(self._keys))
        except NoteMalformed as error:
            where = self._path.name
            raise LogRolledBack("the anchor is not a checkpoint", where=where) from error
        tree = StoredTree(store)
        if promised.size > tree.size:
            raise LogRolledBack(
                f"the log has {tree.size} entries, the anchor promises {promised.size}",
                where=str(promised.size),
            )
        if promised.size and not hmac.compare_digest(tree.root(promised.size), promised.root):
            raise LogRolledBack(
                f"the first {promised.size} entries of the log are not those of the anchor",
                where=str(promised.size),
            )

    def write(self, note: str) -> None:
        """Keep a newer note, and the public keys beside it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        # Write beside, then rename: a crash leaves the old anchor or the new one.
        with beside.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        keys = "".join(f"{vkey_text(key)}\n" for key in self._keys)
        self._path.with_name("log-keys").write_text(keys, encoding="utf-8")
