"""What does an assessment need from the world outside its rules?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared_kernel.canonical_json import Json


class ReadState(StrEnum):
    """Why there is, or is not, something in hand. Only ``MISSING`` proves absence."""

    OK = "ok"
    MISSING = "missing"
    DENIED = "denied"
    """The file exists or may exist, but this user may not look."""
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    """An I/O error, or another kind of thing than expected."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of a file, or the reason why there is none."""

    state: ReadState
    text: str = ""
    """Undecodable bytes are replaced; never used for digests."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The names in a folder, sorted, or the reason why there are none."""

    state: ReadState
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Owner, permission and age of a file; symbolic links are followed."""

    state: ReadState
    mode: int = 0
    """Permission bits only, e.g. 0o640."""
    uid: int = 0
    gid: int = 0
    size: int = 0
    modified: int = 0
    """Seconds since 1970 UTC."""
    is_folder: bool = False


class HostReader(Protocol):
    """One Linux host, read-only. No method starts a process or changes anything."""

    @property
    def effective_uid(self) -> int:
        """0 when the collector runs as root."""
        ...

    def read_text(self, path: str, limit: int = 2_000_000) -> Reading:
        """The whole file if it is at most ``limit`` bytes. Never raises for a bad path."""
        ...

    def read_bytes(self, path: str, limit: int = 65_536) -> bytes | None:
        """Raw bytes for binary files, None when they cannot be had."""
        ...

    def list_dir(self, path: str, limit: int = 20_000) -> Listing:
        """Names in a folder, at most ``limit``."""
        ...

    def stat(self, path: str) -> Standing:
        """Owner and permission."""
        ...


class OwnSystemFacts(Protocol):
    """What our own store and daemon know about themselves.

    The keys, their types and who must try what are listed in
    ``classification.facts.own_system.OWN_FACTS``; a key that is missing counts as
    not known, an unknown key is refused.
    """

    def store_facts(self) -> Mapping[str, Json]:
        """Facts about the record store, its keys and its log."""
        ...

    def daemon_facts(self) -> Mapping[str, Json]:
        """Facts about the running service; empty when none runs."""
        ...


class Progress(Protocol):
    """Told before each step, so that a person sees what runs now."""

    def __call__(self, step: str, done: int, total: int, /) -> None:
        """``step`` is the name of what begins; ``done`` of ``total`` steps lie behind."""
        ...


class Journal(Protocol):
    """One entry in the audit log of the surrounding transaction."""

    def record(self, action: str, details: Mapping[str, Json], *, at: datetime, actor: str) -> int:
        """Write and return the index of the entry."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """One assessment as it is kept: the exact bytes that were signed."""

    tenant: str
    run_id: str
    at: datetime
    target: str
    facts: bytes
    report: bytes
    report_digest: str
    """``sha256:…`` over ``report``."""
    conclusion: str
    approved_by: str | None = None
    approved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A line of the list of runs."""

    run_id: str
    at: datetime
    target: str
    report_digest: str
    conclusion: str
    approved_by: str | None


class AssessmentStore(Protocol):
    """Keeps runs and official evaluations apart and never overwrites either."""

    def add_run(self, run: StoredRun) -> None:
        """Keep a run. Raises ``RunImmutable`` when the id is taken."""
        ...

    def run(self, tenant: str, run_id: str) -> StoredRun:
        """One run. Raises ``RunUnknown``."""
        ...

    def runs(self, tenant: str, limit: int = 50) -> tuple[RunSummary, ...]:
        """Newest first."""
        ...

    def approve(self, tenant: str, run_id: str, actor: str, at: datetime) -> None:
        """Note the approval once. Raises ``RunUnknown``, ``RunImmutable``."""
        ...

    def add_official(self, tenant: str, evaluation_id: str, document: bytes, at: datetime) -> None:
        """Keep an official evaluation. Raises ``RunImmutable`` when the id is taken."""
        ...

    def official(self, tenant: str, evaluation_id: str) -> bytes:
        """One official evaluation as stored. Raises ``RunUnknown``."""
        ...
