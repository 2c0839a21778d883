"""How are the keys of an open home replaced, one rotation at a time?

Here rows, descriptor and lock come together. The lock is the operating system's: a
killed process gives it back, and whoever runs the rotation again goes on where it
stopped. What may be done, and that it is noted first, is the procedure's business
(``jinkui/procedures/key_rotation.py``).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jinkui.wiring.homes import HomeFiles
from jinkui.wiring.root_file import Credentials, read_descriptor, write_private
from secure_records.adapters.key_rotation_store import SqlKeyRotations
from secure_records.adapters.key_store import SqlKeyStore
from secure_records.errors import RotationUnfinished
from secure_records.keys.models import KeyKind, KeySlot, KindAge, Rotation, RotationKind
from secure_records.keys.recovery_shares import RecoveryPerson, make_shares
from secure_records.keys.root_descriptor import (
    RootKey,
    descriptor_generation,
    next_root,
    provider_section,
    seal_root,
)
from secure_records.keys.rotation import (
    ROWS_AT_ONCE,
    TenantRotation,
    begin_root,
    rewrap_root_rows,
)
from shared_kernel.canonical_json import Json
from shared_kernel.errors import Refused
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock, instant_text, parse_instant

LOCK_FILE: Final = "rotation.lock"
SHARES_NOTE: Final = "shares.json"

Told = Callable[[str, int, int], None]
"""Told where a rotation is: name of the step just done, rows done, rows in all."""


class RotationRunning(Refused):
    """Another process is rotating a key of this home at this moment."""

    code = "keys.rotation_running"
    default_hint = "wait until it has ended; `jinkui keys status` shows it"


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationOutcome:
    """What a rotation that ended has done in this run."""

    rotation: Rotation
    rows: int
    """Rows rewrapped in this run; those of an earlier, stopped run are not counted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootState:
    """What ``keys/root.json`` says in clear."""

    provider: str
    generation: int
    since: datetime
    """When the root was made."""

    sealed_at: datetime
    """When its passphrase was last set."""

    apart: bool
    """Has the key file a key of its own, or (format 1) one that follows from the first root?"""


class KeyRoom:
    """Rotations of one open home."""

    def __init__(self, files: HomeFiles, clock: Clock, entropy: Entropy) -> None:
        self._files = files
        self._clock = clock
        self._entropy = entropy
        self._keys = SqlKeyStore(files.key_file)
        self._rows = SqlKeyRotations(files.key_file)

    # --- what there is ------------------------------------------------------------------

    def unfinished(self) -> Rotation | None:
        """The rotation that has begun and not ended."""
        return self._rows.unfinished()

    def root_state(self) -> RootState:
        """Age and provider of the root, without opening it."""
        descriptor = read_descriptor(self._files.root_file.path)
        sealed_at = parse_instant(str(descriptor.get("created_at")), "created_at")
        since = descriptor.get("root_since")
        return RootState(
            provider=str(provider_section(descriptor)["name"]),
            generation=descriptor_generation(descriptor),
            since=sealed_at if since is None else parse_instant(str(since), "root_since"),
            sealed_at=sealed_at,
            apart="keys_file" in descriptor,
        )

    def ages(self, tenant: str) -> tuple[KindAge, ...]:
        """What there is of each kind of key; ``""`` is the home itself."""
        return self._rows.ages(tenant)

    def tenant_version(self, tenant: str) -> int:
        """Version of the newest tenant key; 0 if there is none."""
        rows = self._keys.in_slot(KeySlot(tenant=tenant, kind=KeyKind.TENANT))
        return rows[-1].version if rows else 0

    def minimum(self, tenant: str) -> Mapping[KeyKind, int]:
        """The lowest versions that still open anything; kinds without one open all."""
        return self._keys.minimum(tenant)

    def rows_on_root(self, generation: int) -> int:
        """Rows that hang on the root of this generation."""
        return self._rows.count_on_root(generation)

    def rows_below(self, tenant: str, parent: int) -> int:
        """Rows that hang on a lower version of the tenant key."""
        return self._rows.count_below(tenant, parent)

    # --- what changes it ----------------------------------------------------------------

    def rotate_tenant(
        self, tenant: str, by: str, told: Told, rows_at_once: int = ROWS_AT_ONCE
    ) -> RotationOutcome:
        """Replace the tenant key, or end the replacement that was stopped.

        Raises:
            RotationRunning: another process is at it.
            RotationUnfinished: a rotation of the root has to be ended first.
            WrappedKeyRefused: a row opens under no tenant key; nothing was destroyed.
        """
        with self._alone():
            work = TenantRotation(
                self._files.suite,
                self._root().parent,
                self._keys,
                self._rows,
                entropy=self._entropy,
                clock=self._clock,
            )
            rotation = work.begin(tenant, by)
            told("begun", 0, 0)
            rows = work.run(
                rotation, lambda done, total: told("rewrapped", done, total), rows_at_once
            )
            told("ended", rows, rows)
            self._settle()
        return RotationOutcome(rotation=rotation, rows=rows)

    def rotate_root(self, by: str, told: Told) -> RotationOutcome:
        """Replace the root, or end the replacement that was stopped.

        Touches the descriptor and the rows that hang on the root: how many patients
        there are makes no difference.

        Raises:
            RotationRunning: another process is at it.
            RotationUnfinished: a rotation of the tenant key has to be ended first.
        """
        with self._alone():
            root_file = self._files.root_file
            generation = descriptor_generation(read_descriptor(root_file.path))
            rotation = begin_root(self._rows, generation, self._clock, by)
            told("begun", 0, 0)
            rows = 0
            if self._rows.root_generation() == rotation.old:
                # A coming root of an earlier run opens nothing yet: it is made anew.
                old = root_file.open_generation(rotation.old)
                coming = next_root(old, self._entropy, self._clock.now())
                provider = root_file.provider()
                root_file.write_next(seal_root(coming, provider, self._entropy, self._clock.now()))
                told("prepared", 0, 0)
                rows = rewrap_root_rows(
                    old.suite, old.parent, coming.parent, self._rows, rotation, self._entropy
                )
                told("rewrapped", rows, rows)
            if descriptor_generation(read_descriptor(root_file.path)) == rotation.old:
                root_file.promote()
            told("replaced", rows, rows)
            self._rows.end_root(rotation)
            told("ended", rows, rows)
            self._settle()
        return RotationOutcome(rotation=rotation, rows=rows)

    def change_credentials(self, wanted: Credentials) -> RootState:
        """Write a new descriptor of the same root, for new credentials.

        Raises:
            RotationUnfinished: a rotation of the root has to be ended first.
            RootDescriptorRefused: the new passphrase is too weak.
        """
        with self._alone():
            self._require_settled()
            return self._sealed(self._root(), wanted)

    def seal_root(self, root: RootKey, wanted: Credentials) -> RootState:
        """The same for a root that was opened otherwise, by recovery shares.

        Raises:
            RotationUnfinished: a rotation of the root has to be ended first.
            RootDescriptorRefused: the new passphrase is too weak.
        """
        with self._alone():
            self._require_settled()
            return self._sealed(root, wanted)

    def make_shares(
        self, institution: str, persons: Sequence[RecoveryPerson], needed: int
    ) -> list[dict[str, Json]]:
        """Shares of the present root, and a note in the home which root they are of.

        Raises:
            SharesMalformed: too few needed or too few persons, a key twice, another suite.
            RotationUnfinished: a rotation of the root has to be ended first.
        """
        with self._alone():
            self._require_settled()
            root, at = self._root(), self._clock.now()
            shares = make_shares(root, institution, persons, needed, self._entropy, at)
            note: dict[str, Json] = {
                "generation": root.generation,
                "made_at": instant_text(at),
                "needed": needed,
                "of": len(persons),
            }
            write_private(self._files.home.keys_folder / SHARES_NOTE, note)
        return shares

    def shares_note(self) -> Mapping[str, Json] | None:
        """Which shares were made last: generation, made_at, needed, of. It is only a note."""
        path = self._files.home.keys_folder / SHARES_NOTE
        return read_descriptor(path) if path.is_file() else None

    def raise_minimum(self, tenant: str, kind: KeyKind, version: int) -> None:
        """Let no key below this version open anything any more.

        Raises:
            MinimumRefused: keys below it are in use, or it would sink.
        """
        with self._alone():
            self._rows.raise_minimum(tenant, kind, version)
        self._files.keys.reread()

    def standing_still(self) -> AbstractContextManager[None]:
        """No process replaces a key of this home while this is open.

        Raises:
            RotationRunning: one is doing so already.
        """
        return self._alone()

    # --- inside -------------------------------------------------------------------------

    def _root(self) -> RootKey:
        """The root, opened again: whoever changes keys has its passphrase at hand."""
        root = self._files.root_file.open()
        generation = self._rows.root_generation()
        if generation in {None, root.generation}:
            return root
        return self._files.root_file.open_generation(generation or root.generation)

    def _require_settled(self) -> None:
        held = self._rows.unfinished()
        if held is not None and held.kind is RotationKind.ROOT:
            raise RotationUnfinished("a rotation of the root has not ended")

    def _sealed(self, root: RootKey, wanted: Credentials) -> RootState:
        provider = self._files.root_file.provider(wanted)
        descriptor = seal_root(root, provider, self._entropy, self._clock.now())
        self._files.root_file.write(descriptor)
        self._files.root_file.use(wanted)
        return self.root_state()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        path = self._files.home.keys_folder / LOCK_FILE
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RotationRunning("another process is rotating a key of this home") from error
            yield
        finally:
            os.close(handle)

    def _settle(self) -> None:
        """What was replaced must not linger in the write-ahead log."""
        self._files.keys.reread()
        self._files.key_file.empty_log()
