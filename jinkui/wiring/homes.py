"""How is a home made, and how is it opened again?

``create`` writes the settings, makes a root key under a passphrase, the key
file, the record file with every domain's tables, and the institution's keys, in
this order; a home that broke off in the middle has no ``keys/root.json`` or no
store and is refused. ``open_files`` is the way back in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinkui.settings.home import (
    POSTGRESQL,
    Home,
    HomeExists,
    SettingsRefused,
    read_home,
    write_home,
)
from jinkui.wiring.root_file import (
    DEMO_FILE,
    Credentials,
    PassphraseMissing,
    RootFile,
    read_passphrase,
)
from jinkui.wiring.schemas import make_tables, require_current
from jinkui.wiring.stores import HomeStore, open_store, require_free_server, require_present
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.key_rotation_store import SqlKeyRotations
from secure_records.adapters.key_store import SqlKeyStore
from secure_records.adapters.key_tables import prepare_key_tables
from secure_records.envelope.suites import Suite, suite_named
from secure_records.errors import SharesStale
from secure_records.keys.key_ring import KeyRing
from secure_records.keys.key_rows import Parent
from secure_records.keys.root_descriptor import RootKey, make_root, seal_root
from secure_records.keys.root_providers import PassphraseProvider, RootProvider, TwoPersonProvider
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock

KEYS_FILE: Final = "keys.db"
_DEMO_PASSPHRASE_BYTES: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeFiles:
    """Key file and store of a home, open, and the keys between them."""

    home: Home
    suite: Suite
    keys: KeyRing
    root_file: RootFile
    key_file: EmbeddedStore
    store: HomeStore

    def close(self) -> None:
        """Close both."""
        self.store.close()
        self.key_file.close()


def create(
    folder: Path,
    head: Mapping[str, str],
    sections: Mapping[str, Mapping[str, str]],
    credentials: Credentials | Path | None,
    clock: Clock,
    entropy: Entropy,
) -> HomeFiles:
    """Make a home; ``head`` is the [home] section, ``sections`` are further settings.

    A bare path is that of the one passphrase.

    Raises:
        HomeExists: there is one already.
        PassphraseMissing: no passphrase file, and not a demo.
        StoreTaken: the database holds records already.
    """
    demo = head["profile"] == "demo"
    given = _credentials(credentials)
    if given.passphrase_file is None and not demo:
        raise PassphraseMissing("a home outside the demo profile needs a passphrase file")
    if (folder / "home.toml").exists():
        raise HomeExists(f"{folder} already holds a home", where=str(folder))
    # Demo only: the passphrase lies beside what it protects, so that no person is needed.
    made = entropy(_DEMO_PASSPHRASE_BYTES).hex().encode()
    # Everything that can be refused is refused before the first file is written.
    root = make_root(suite_named(head["suite"]), entropy, clock.now())
    provider = _first_provider(given, made, head["profile"])
    descriptor = seal_root(root, provider, entropy, clock.now())
    store = sections.get("store", {})
    if store.get("engine") == POSTGRESQL:
        # Whose tables stand there already would have their records without keys.
        name = store.get("dsn_file")
        require_free_server(Path(name) if name else None)
    write_home(folder, head, sections)
    home = read_home(folder)
    if given.passphrase_file is None:
        path = home.keys_folder / DEMO_FILE
        path.write_bytes(made + b"\n")
        path.chmod(0o600)
    RootFile(home, given).write(descriptor)
    files = open_files(folder, given, clock, entropy, fresh=True)
    files.keys.open_tenant(home.institution)
    with files.store.transaction() as connection:
        make_tables(connection, home.institution)
    return files


def open_files(
    folder: Path,
    credentials: Credentials | Path | None,
    clock: Clock,
    entropy: Entropy,
    *,
    fresh: bool = False,
    any_schema: bool = False,
    recovered: RootKey | None = None,
) -> HomeFiles:
    """Unlock the root and open both files.

    Args:
        folder: The home.
        credentials: What unlocks the root; a bare path is that of the one passphrase. A
            demo home has its own.
        clock: Time of new keys.
        entropy: Bytes of new keys.
        fresh: The files are to be made.
        any_schema: Open a store of another schema as well; only an upgrade wants that.
        recovered: The root that recovery shares opened, in place of any passphrase.

    Raises:
        SharesStale: the recovered root is not the one that the keys hang on.
        StoreDamaged: a file that was there is missing or empty.
        HomeNotFound: no home there.
        PassphraseMissing: no passphrase file.
        RootLocked: the wrong passphrase.
        SchemaOlder, SchemaNewer: the store is not of this program's schema.
    """
    home = read_home(folder)
    root_file = RootFile(home, _credentials(credentials))
    root = recovered or root_file.open()
    if root.suite.name != home.suite:
        raise SettingsRefused(
            f"home.toml says suite {home.suite}, the keys of this home are of {root.suite.name}",
            hint="a home keeps its suite; correct home.toml",
            where="home.suite",
        )
    if not fresh:
        # An absent file would be made anew, and an empty hospital would look like a whole one.
        require_present(home.keys_folder / KEYS_FILE)
    key_file = EmbeddedStore(
        home.keys_folder / KEYS_FILE,
        root.keys_file_key,
        "FULL",
        memory_security=home.flag("store", "memory_security"),
    )
    with key_file.transaction() as connection:
        prepare_key_tables(connection)
    rotations = SqlKeyRotations(key_file)
    generation = rotations.root_generation()
    if generation is not None and generation != root.generation:
        if recovered is not None:
            raise SharesStale("the root of this home was replaced after these shares were made")
        # A rotation of the root stopped between its rows and its descriptor, or goes on now.
        root = root_file.open_generation(generation)

    def reopen() -> Parent:
        held = rotations.root_generation()
        return root_file.open_generation(held or root.generation).parent

    keys = KeyRing(
        root.suite,
        root.secret,
        SqlKeyStore(key_file),
        entropy,
        clock,
        generation=root.generation,
        reopen=reopen,
    )
    store = open_store(home, keys.file_key, fresh=fresh)
    if not fresh and not any_schema:
        with store.reading() as connection:
            require_current(connection, home.institution)
    return HomeFiles(
        home=home,
        suite=root.suite,
        keys=keys,
        root_file=root_file,
        key_file=key_file,
        store=store,
    )


def store_files(home: Home) -> list[Path]:
    """Every file of store and keys, the write-ahead logs included."""
    return sorted([*home.folder.glob("records.db*"), *home.keys_folder.glob(f"{KEYS_FILE}*")])


def _credentials(given: Credentials | Path | None) -> Credentials:
    return given if isinstance(given, Credentials) else Credentials(passphrase_file=given)


def _first_provider(given: Credentials, made: bytes, profile: str) -> RootProvider:
    """The provider of a home that is not there yet; ``made``: the passphrase of a demo."""
    if given.passphrase_file is None:
        return PassphraseProvider(made, profile=profile)
    first = read_passphrase(given.passphrase_file)
    if given.second_passphrase_file is None:
        return PassphraseProvider(first, profile=profile)
    return TwoPersonProvider(first, read_passphrase(given.second_passphrase_file), profile=profile)
