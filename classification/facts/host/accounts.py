"""Who can log in to this host, with what kind of password, and who may become root?

Password hashes are looked at only to tell their scheme and whether one is empty;
they never become facts.
"""

from __future__ import annotations

from datetime import datetime
from struct import Struct
from typing import Final

from classification.facts.notebook import Notebook, octal, settings_of, whole
from classification.ports import ReadState
from shared_kernel.canonical_json import Json

_NO_LOGIN: Final = ("nologin", "false", "sync", "halt", "shutdown")
_FIRST_PERSON: Final = 1000
_NOBODY: Final = 65534
_PASSWD_FIELDS: Final = 7
_SHADOW_FIELDS: Final = 5
_SECONDS_A_DAY: Final = 86_400
_SCHEMES: Final = {
    "$y$": "yescrypt",
    "$7$": "scrypt",
    "$6$": "sha512",
    "$5$": "sha256",
    "$sm3$": "sm3",
    "$2": "bcrypt",
    "$1$": "md5",
}
_LASTLOG: Final = Struct("=I32s256s")
"""One record per uid: time, terminal, origin (Linux lastlog file)."""


def collect_accounts(book: Notebook, now: datetime) -> None:
    """Accounts, password rules of the accounts, sudo, home folders, last logins."""
    people = _passwd(book)
    holders = _shadow(book, now)
    _groups(book)
    _sudo(book)
    _homes(book, people)
    _unused(book, people, holders, now)
    for fact, path in (
        ("file.passwd_mode", "/etc/passwd"),
        ("file.shadow_mode", "/etc/shadow"),
        ("file.group_mode", "/etc/group"),
        ("file.gshadow_mode", "/etc/gshadow"),
    ):
        book.put_mode(fact, path)
    text = book.text("/etc/login.defs", "login_defs.")
    if text is not None:
        found = settings_of(text)
        book.put("login_defs.pass_max_days", whole(found.get("pass_max_days")))
        book.put("login_defs.encrypt_method", found.get("encrypt_method"))
        book.put("login_defs.umask", found.get("umask"))
    trusts = [path for path in ("/etc/hosts.equiv", "/root/.rhosts") if book.exists(path)]
    book.put("accounts.trust_files", trusts)


def _passwd(book: Notebook) -> dict[str, tuple[int, str]]:
    """Login names of people with uid and home folder."""
    text = book.text("/etc/passwd", "accounts.")
    if text is None:
        return {}
    rows = [line.split(":") for line in text.splitlines() if line.count(":") >= _PASSWD_FIELDS - 1]
    uids: dict[int, list[str]] = {}
    people: dict[str, tuple[int, str]] = {}
    system: list[Json] = []
    for row in rows:
        uid = whole(row[2])
        if uid is None:
            continue
        uids.setdefault(uid, []).append(row[0])
        can_login = not row[6].strip().endswith(_NO_LOGIN)
        if can_login and 0 < uid < _FIRST_PERSON:
            system.append(row[0])
        elif can_login and uid != _NOBODY:
            people[row[0]] = (uid, row[5])
    book.put("accounts.uid_zero", sorted(uids.get(0, [])))
    shared: list[str] = sorted(
        name for uid, names in uids.items() if uid and len(names) > 1 for name in names
    )
    book.put("accounts.duplicate_uid", shared)
    book.put("accounts.system_with_shell", sorted(map(str, system)))
    book.put("accounts.people", sorted(name for name in people if name != "root"))
    book.put("accounts.names", sorted(row[0] for row in rows))
    return people


def _shadow(book: Notebook, now: datetime) -> set[str] | None:
    """Names that can log in with a password; None when unknown."""
    text = book.text("/etc/shadow", "accounts.passwords.")
    if text is None:
        return None
    if not text:
        book.miss("accounts.passwords.", "missing", "/etc/shadow")
        return None
    today = int(now.timestamp()) // _SECONDS_A_DAY
    empty: list[str] = []
    holders: list[Json] = []
    schemes: set[str] = set()
    names: set[str] = set()
    for row in (line.split(":") for line in text.splitlines()):
        if len(row) < _SHADOW_FIELDS:
            continue
        secret = row[1]
        if not secret:
            empty.append(row[0])
        if secret.startswith(("!", "*")):
            continue
        names.add(row[0])
        if secret:
            schemes.add(_scheme(secret))
        changed = whole(row[2])
        longest = whole(row[4])
        holders.append(
            {
                "name": row[0],
                "max_days": 99_999 if longest is None else longest,
                "age_days": None if changed is None else today - changed,
            }
        )
    book.put("accounts.passwords.empty", sorted(empty))
    book.put("accounts.passwords.holders", holders)
    book.put("accounts.passwords.schemes", sorted(schemes))
    return names


def _scheme(secret: str) -> str:
    for prefix, name in _SCHEMES.items():
        if secret.startswith(prefix):
            return name
    return "other" if secret.startswith("$") else "des"


def _groups(book: Notebook) -> None:
    text = book.text("/etc/group", "accounts.admins")
    if text is None:
        return
    admins: set[str] = set()
    for row in (line.split(":") for line in text.splitlines()):
        if row[0] in {"sudo", "wheel", "admin"} and len(row) > 3:  # noqa: PLR2004
            admins.update(name for name in row[3].split(",") if name)
    book.put("accounts.admins", sorted(admins))


def _sudo(book: Notebook) -> None:
    text = book.text("/etc/sudoers", "sudo.")
    names = book.names("/etc/sudoers.d", "sudo.")
    if text is None or names is None:
        return
    parts = [text]
    for name in names:
        if "." in name or name.endswith("~"):  # sudo itself skips these
            continue
        piece = book.text(f"/etc/sudoers.d/{name}", "sudo.")
        if piece is None:
            return
        parts.append(piece)
    free: list[str] = []
    unlogged = False
    for line in "\n".join(parts).replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if stripped.startswith("#") or not stripped:
            continue
        unlogged = unlogged or (stripped.startswith("Defaults") and "!syslog" in stripped)
        spaced = stripped.replace(":", " ").replace(",", " ").split()
        if "NOPASSWD" in spaced and "ALL" in spaced[spaced.index("NOPASSWD") :]:
            free.append(spaced[0])
    book.put("sudo.installed", bool(text))
    book.put("sudo.free_for_all", sorted(set(free)))
    book.put("sudo.unlogged", unlogged)


def _homes(book: Notebook, people: dict[str, tuple[int, str]]) -> None:
    homes: list[Json] = []
    for name, (_, home) in sorted(people.items()):
        standing = book.standing(home, "accounts.homes")
        if standing is not None and home != "/":
            homes.append({"name": name, "mode": octal(standing.mode)})
    book.put("accounts.homes", homes)


def _unused(
    book: Notebook,
    people: dict[str, tuple[int, str]],
    holders: set[str] | None,
    now: datetime,
) -> None:
    """Password holders with the days since their last login, from the lastlog file."""
    source = "/var/log/lastlog"
    if holders is None:
        return
    standing = book.host.stat(source)
    if standing.state is not ReadState.OK or standing.size == 0:
        book.miss("accounts.last_login", "missing", source)
        return
    raw = book.host.read_bytes(source, limit=64_000_000)
    if raw is None:
        book.miss("accounts.last_login", "needs_root", source)
        return
    seen: list[Json] = []
    for name, (uid, _) in sorted(people.items()):
        if name not in holders:
            continue
        start = uid * _LASTLOG.size
        record = raw[start : start + _LASTLOG.size]
        at = _LASTLOG.unpack(record)[0] if len(record) == _LASTLOG.size else 0
        days = (int(now.timestamp()) - at) // _SECONDS_A_DAY if at else 99_999
        seen.append({"name": name, "days_ago": days})
    book.put("accounts.last_login", seen)
