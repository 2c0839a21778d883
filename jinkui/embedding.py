"""How does a program of the hospital open a home and hold its vault in a few lines?

The documented way in for platforms that embed Jinkui; the guide is
``docs/guides/embed_the_vault.md``. It wires the same objects as the command line
and the daemon do, and keeps their two promises: a store that does not continue
its anchor is not opened, and the head of the log is signed when the home closes.

A program that opens a home answers for who is asking: it hands a ``Caller`` to
the vault, and the vault decides and logs on that account.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from jinkui.procedures.offices import require_office
from jinkui.procedures.registry_entry import enter_registry
from jinkui.settings.home import PROFILES, SUITES, Home
from jinkui.system_clock import SystemClock
from jinkui.wiring.homes import create
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.audit.findings import LogVerdict
from secure_records.columns import ColumnKeys
from secure_records.models import Caller
from secure_records.registry.credit_code import read_credit_code
from secure_records.registry.models import RegistryDocument
from secure_records.vault import Vault
from shared_kernel.errors import BadInput, Refused
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock

FIRST_ACTOR: Final = "embedding-program"
"""Who enters the first registry of a home: there is no account yet to act as."""

_REGISTER: Final = "registry.enter"


class HomeHeadRefused(BadInput):
    """A home cannot be made with this credit code, profile or suite."""

    code = "home.head_refused"
    default_hint = "copy the 18 characters of the credit code from the licence"


class CallerMissing(Refused):
    """Accounts exist: whoever changes the register acts as one of them."""

    code = "home.caller_missing"
    default_hint = "hand over a Caller whose role holds the office registry.enter"


class OpenHome:
    """One open home: the vault, the register and the log.

    Hold one for the life of the process; it may be used from several threads.
    """

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit

    @property
    def vault(self) -> Vault:
        """The sealed records of the institution."""
        return self._toolkit.vault

    @property
    def settings(self) -> Home:
        """Folder, institution and settings."""
        return self._toolkit.home

    @cached_property
    def columns(self) -> ColumnKeys:
        """Keys for sealed columns of the platform's own tables."""
        toolkit = self._toolkit
        return ColumnKeys(toolkit.keys, toolkit.tenant, toolkit.entropy)

    def register(self, document: bytes, caller: Caller | None = None) -> RegistryDocument:
        """Enter institution, staff, partners and accounts; what it omits stays.

        Args:
            document: YAML or JSON; the shape is shown in the guide.
            caller: Who enters it. None only while the home has no account at all.

        Raises:
            CallerMissing: there are accounts, and nobody was named.
            NotYourOffice: the caller's role may not change the register.
            RegistryRefused, NumberRefused, ForeignRegistry: the document; nothing was entered.
        """
        if caller is None:
            with self._toolkit.reading() as unit:
                if unit.registry.actors(self._toolkit.tenant):
                    raise CallerMissing("the register of this home is not empty", where="caller")
            return enter_registry(self._toolkit, FIRST_ACTOR, document)
        require_office(self._toolkit, caller, _REGISTER)
        return enter_registry(self._toolkit, caller.actor, document)

    def verify_log(self) -> LogVerdict:
        """Recompute everything that the audit log claims, the anchor included."""
        return self._toolkit.verify_log()

    def sign_log(self) -> str:
        """Sign the head of the log now and keep the note outside the store.

        Closing does it as well. A program that runs for days calls it once a
        minute: an entry above the newest note can still be cut off unnoticed.

        Raises:
            LogRolledBack: an older or another store was put in place.
        """
        return self._toolkit.seal_log()


def make_home(
    folder: str | os.PathLike[str],
    *,
    institution: str,
    name: str,
    passphrase_file: str | os.PathLike[str] | None = None,
    profile: Literal["production", "test", "demo"] = "production",
    suite: Literal["gm", "intl"] = "gm",
) -> None:
    """Make a home: settings, root key under a passphrase, encrypted files, keys of the log.

    Args:
        folder: Made if absent, readable by its owner only.
        institution: Unified social credit code.
        name: Name on the licence.
        passphrase_file: File with the root passphrase; only the profile ``demo`` does without.
        profile: ``production``, ``test`` or ``demo``.
        suite: ``gm`` or ``intl``, for good.

    Raises:
        NumberRefused: the credit code fails its check.
        HomeHeadRefused: an unknown profile or suite, or a code with foreign characters.
        HomeExists: there is one already.
        PassphraseMissing: no passphrase file.
        RootDescriptorRefused: the passphrase is too short.
    """
    for field, value, known in (("profile", profile, PROFILES), ("suite", suite, SUITES)):
        if value not in known:
            raise HomeHeadRefused(f"{field}: expected one of {', '.join(known)}", where=field)
    try:
        code = read_credit_code(institution, "institution").code
    except ValueError as error:
        raise HomeHeadRefused("the credit code fails its check", where="institution") from error
    head = {
        "institution": code,
        "institution_name": name,
        "profile": profile,
        "suite": suite,
        "origin": f"jinkui.local/{code}/audit",
        "default_actor": "",
    }
    create(Path(folder).absolute(), head, {}, _path(passphrase_file), *_surroundings()).close()


@contextmanager
def open_home(
    folder: str | os.PathLike[str],
    *,
    passphrase_file: str | os.PathLike[str] | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> Iterator[OpenHome]:
    """Open a home for the length of a block; the log's head is signed at its end.

    Args:
        folder: Where ``make_home`` or ``jinkui init`` made it.
        passphrase_file: File with the root passphrase; a demo home has its own.
        clock: Default: the clock of the machine.
        entropy: Default: the randomness of the system.

    Raises:
        HomeNotFound, PassphraseMissing, RootLocked: it cannot be opened.
        StoreDamaged, StoreLocked: a file is missing, empty or none of this home.
        LogRolledBack: an older or another store was put in place; nothing is served.
    """
    machine, system = _surroundings()
    opened = open_toolkit(
        Path(folder).absolute(), _path(passphrase_file), clock or machine, entropy or system
    )
    with opened as toolkit:
        toolkit.require_anchored()
        before = _entries(toolkit)
        try:
            yield OpenHome(toolkit)
        finally:
            if _entries(toolkit) != before:
                toolkit.seal_log()


@contextmanager
def open_vault(
    folder: str | os.PathLike[str],
    *,
    passphrase_file: str | os.PathLike[str] | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> Iterator[Vault]:
    """The vault of a home, for the length of a block; see ``open_home``."""
    with open_home(folder, passphrase_file=passphrase_file, clock=clock, entropy=entropy) as home:
        yield home.vault


def _surroundings() -> tuple[Clock, Entropy]:
    return SystemClock(), os.urandom


def _path(path: str | os.PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path).absolute()


def _entries(toolkit: Toolkit) -> int:
    with toolkit.reading() as unit:
        return unit.log.size()
