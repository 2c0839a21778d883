"""How is a home made, and how is it opened again?

``create`` writes the settings, makes a root key under a passphrase, the key
file, the record file with every domain's tables, and the institution's keys, in
this order; a home that broke off in the middle has no ``keys/root.json`` or no
store and is refused. ``open_files`` is the way back in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from classification.adapters.tables import metadata as classification_tables
from incident.adapters.tables import metadata as incident_tables
from jinkui.settings.home import Home, HomeExists, read_home, write_home
from secure_records.adapters.agreement_tables import metadata as agreement_tables
from secure_records.adapters.audit_tables import audit_metadata as audit_tables
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.key_store import SqlKeyStore
from secure_records.adapters.key_tables import metadata as key_tables
from secure_records.adapters.media_tables import media_metadata as media_tables
from secure_records.adapters.tables import metadata as record_tables
from secure_records.envelope.suites import Suite, suite_named
from secure_records.errors import RootDescriptorRefused, StoreDamaged
from secure_records.keys.key_ring import KeyRing
from secure_records.keys.root_providers import PassphraseRoot, descriptor_suite, keys_file_key
from shared_kernel.canonical_json import Json
from shared_kernel.errors import NotFound
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock
from supervision.adapters.tables import metadata as supervision_tables

ROOT_FILE: Final = "root.json"
DEMO_FILE: Final = "passphrase"
_DEMO_PASSPHRASE_BYTES: Final = 24
_LARGEST_PASSPHRASE: Final = 4096


class PassphraseMissing(NotFound):
    """The file with the root passphrase is not there."""

    code = "home.passphrase_missing"
    default_hint = "name the file with --passphrase-file or JINKUI_PASSPHRASE_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeFiles:
    """The two encrypted files of a home, open, and the keys between them."""

    home: Home
    suite: Suite
    keys: KeyRing
    key_file: EmbeddedStore
    store: EmbeddedStore

    def close(self) -> None:
        """Close both files."""
        self.store.close()
        self.key_file.close()


def create(
    folder: Path,
    head: Mapping[str, str],
    sections: Mapping[str, Mapping[str, str]],
    passphrase_file: Path | None,
    clock: Clock,
    entropy: Entropy,
) -> HomeFiles:
    """Make a home; ``head`` is the [home] section, ``sections`` are further settings.

    Raises:
        HomeExists: there is one already.
        PassphraseMissing: no passphrase file, and not a demo.
    """
    demo = head["profile"] == "demo"
    if passphrase_file is None and not demo:
        raise PassphraseMissing("a home outside the demo profile needs a passphrase file")
    if (folder / "home.toml").exists():
        raise HomeExists(f"{folder} already holds a home", where=str(folder))
    # Demo only: the passphrase lies beside what it protects, so that no person is needed.
    made = entropy(_DEMO_PASSPHRASE_BYTES).hex().encode()
    passphrase = made if passphrase_file is None else _read_passphrase(passphrase_file)
    # Everything that can be refused is refused before the first file is written.
    provider = PassphraseRoot(profile=head["profile"])
    descriptor, _ = provider.create(suite_named(head["suite"]), passphrase, entropy, clock.now())
    write_home(folder, head, sections)
    home = read_home(folder)
    path = passphrase_file or home.keys_folder / DEMO_FILE
    if passphrase_file is None:
        path.write_bytes(made + b"\n")
        path.chmod(0o600)
    root_file = home.keys_folder / ROOT_FILE
    root_file.write_text(json.dumps(descriptor, indent=2) + "\n", encoding="utf-8")
    root_file.chmod(0o600)
    files = open_files(folder, path, clock, entropy, fresh=True)
    files.keys.open_tenant(home.institution)
    with files.store.transaction() as connection:
        for metadata in (
            record_tables,
            media_tables,
            audit_tables,
            agreement_tables,
            incident_tables,
            supervision_tables,
            classification_tables,
        ):
            metadata.create_all(connection)
    return files


def open_files(
    folder: Path,
    passphrase_file: Path | None,
    clock: Clock,
    entropy: Entropy,
    *,
    fresh: bool = False,
) -> HomeFiles:
    """Unlock the root and open both files; ``fresh``: they are to be made.

    Raises:
        StoreDamaged: a file that was there is missing or empty.
        HomeNotFound: no home there.
        PassphraseMissing: no passphrase file.
        RootLocked: the wrong passphrase.
    """
    home = read_home(folder)
    path = passphrase_file
    if path is None and home.profile == "demo":
        path = home.keys_folder / DEMO_FILE
    if path is None:
        raise PassphraseMissing("no file with the root passphrase was named")
    descriptor = _read_descriptor(home.keys_folder / ROOT_FILE)
    suite = descriptor_suite(descriptor)
    root = PassphraseRoot(profile=home.profile).unlock(descriptor, _read_passphrase(path))
    if not fresh:
        # An absent file would be made anew, and an empty hospital would look like a whole one.
        _require_present(home.keys_folder / "keys.db")
        _require_present(home.records_file)
    key_file = EmbeddedStore(home.keys_folder / "keys.db", keys_file_key(suite, root), "FULL")
    with key_file.transaction() as connection:
        key_tables.create_all(connection)
    keys = KeyRing(suite, root, SqlKeyStore(key_file), entropy, clock)
    store = EmbeddedStore(
        home.records_file,
        keys.file_key(),
        "NORMAL" if home.text("store", "synchronous") == "NORMAL" else "FULL",
        cache_mib=home.number("store", "cache_mebibytes"),
    )
    return HomeFiles(home=home, suite=suite, keys=keys, key_file=key_file, store=store)


def _require_present(path: Path) -> None:
    if not path.is_file() or path.stat().st_size == 0:
        raise StoreDamaged(f"{path.name} is missing or empty", where=path.name)


def _read_passphrase(path: Path) -> bytes:
    if not path.is_file():
        raise PassphraseMissing(f"no passphrase file at {path}", where=str(path))
    with path.open("rb") as file:
        return file.read(_LARGEST_PASSPHRASE).strip(b"\r\n")


def _read_descriptor(path: Path) -> Mapping[str, Json]:
    if not path.is_file():
        raise RootDescriptorRefused("the home has no keys/root.json", where=str(path))
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RootDescriptorRefused("keys/root.json is not JSON", where=str(path)) from error
    if not isinstance(document, dict):
        raise RootDescriptorRefused("keys/root.json is no JSON object", where=str(path))
    return document
