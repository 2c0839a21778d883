"""Who may come in over SSH, from where, and with which cryptography?

Reads ``sshd_config`` with its ``Include`` drop-ins as sshd does: the first value
wins. ``Match`` blocks are counted, not evaluated; ``sshd -T`` would need a process
and root. A value of null means: not set, the built-in default of sshd holds.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from classification.facts.notebook import Notebook, whole
from shared_kernel.canonical_json import Json

_MAIN: Final = "/etc/ssh/sshd_config"
_DEPTH: Final = 4
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_WORDS: Final = {
    "permit_root_login": "permitrootlogin",
    "password_authentication": "passwordauthentication",
    "pubkey_authentication": "pubkeyauthentication",
    "permit_empty_passwords": "permitemptypasswords",
    "authentication_methods": "authenticationmethods",
}
_NUMBERS: Final = {
    "max_auth_tries": "maxauthtries",
    "login_grace_seconds": "logingracetime",
    "client_alive_interval": "clientaliveinterval",
    "client_alive_count": "clientalivecountmax",
}
_LISTS: Final = {
    "ciphers": "ciphers",
    "macs": "macs",
    "kex": "kexalgorithms",
}


class _Settings:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.many: dict[str, list[str]] = {}
        self.matches: list[str] = []


def collect_remote_access(book: Notebook) -> None:
    """Settings of the SSH server; ``ssh.present`` false when none is installed."""
    main = book.text(_MAIN, "ssh.")
    if main is None:
        return
    installed = bool(main) or bool(book.exists("/usr/sbin/sshd"))
    book.put("ssh.present", installed)
    if not installed:
        return
    found = _Settings()
    if not _read(book, main, found, _DEPTH):
        return
    for fact, key in _WORDS.items():
        book.put(f"ssh.{fact}", found.values.get(key))
    for fact, key in _NUMBERS.items():
        book.put(f"ssh.{fact}", _seconds(found.values.get(key)))
    for fact, key in _LISTS.items():
        given = found.values.get(key)
        book.put(f"ssh.{fact}", None if given is None else _algorithms(given))
    users = found.many.get("allowusers", [])
    groups = found.many.get("allowgroups", [])
    book.put("ssh.allowed", sorted({*users, *groups}))
    by_origin = any("@" in user for user in users) or any(
        line.lower().startswith("address") for line in found.matches
    )
    book.put("ssh.origin_limited", by_origin)
    book.put("ssh.match_blocks", len(found.matches))
    keys: list[Json] = []
    for name in book.names("/etc/ssh", "ssh.host_keys") or ():
        standing = book.standing(f"/etc/ssh/{name}", "ssh.host_keys")
        if standing is not None and fnmatchcase(name, "ssh_host_*_key"):
            keys.append({"name": name, "mode": f"{standing.mode:04o}"})
    book.put("ssh.host_keys", keys)


def _read(book: Notebook, text: str, found: _Settings, depth: int) -> bool:
    """Add the settings of one file; False when an included file cannot be read."""
    in_match = False
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        key, _, value = line.replace("=", " ", 1).partition(" ")
        key, value = key.lower(), value.strip().strip('"')
        if key == "match":
            in_match = value.lower() != "all"
            found.matches.append(value)
        elif key == "include" and depth:
            for path in _included(book, value):
                piece = book.text(path, "ssh.")
                if piece is None or not _read(book, piece, found, depth - 1):
                    return False
        elif in_match:
            continue
        elif key in {"allowusers", "allowgroups"}:
            found.many.setdefault(key, []).extend(value.split())
        else:
            found.values.setdefault(key, value)
    return True


def _included(book: Notebook, patterns: str) -> list[str]:
    paths: list[str] = []
    for pattern in patterns.split():
        place = pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"
        folder, _, shape = place.rpartition("/")
        names = book.names(folder, "ssh.") or ()
        paths.extend(f"{folder}/{name}" for name in names if fnmatchcase(name, shape))
    return paths


def _algorithms(value: str) -> list[str]:
    """Names of a list that replaces or appends; a removing list (-…) adds none."""
    return [] if value.startswith("-") else value.lstrip("+^").split(",")


def _seconds(value: str | None) -> int | None:
    if value is None:
        return None
    plain = whole(value)
    if plain is not None:
        return plain
    number = whole(value[:-1])
    unit = _UNITS.get(value[-1:].lower())
    return None if number is None or unit is None else number * unit
