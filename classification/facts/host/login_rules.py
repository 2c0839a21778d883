"""What does this host demand of a password, a failed login and an idle session?"""

from __future__ import annotations

import re
from typing import Final

from classification.facts.notebook import Notebook, settings_of, whole

_AUTH_STACKS: Final = ("common-auth", "system-auth", "password-auth")
_PASSWORD_STACKS: Final = ("common-password", "system-auth", "password-auth")
_ACCOUNT_STACKS: Final = ("common-account", "system-auth", "password-auth")
_QUALITY: Final = ("pam_pwquality.so", "pam_passwdqc.so", "pam_cracklib.so")
_SECOND_FACTORS: Final = (
    "pam_google_authenticator.so",
    "pam_oath.so",
    "pam_u2f.so",
    "pam_pkcs11.so",
    "pam_radius_auth.so",
)
_PROFILES: Final = ("/etc/profile", "/etc/bash.bashrc", "/etc/bashrc")
_TMOUT: Final = re.compile(
    r"^\s*(?:export\s+|readonly\s+|declare\s+-\w+\s+|typeset\s+-\w+\s+)*TMOUT=(\d+)"
)
_TMOUT_FIXED: Final = re.compile(
    r"^\s*(?:readonly\b.*\bTMOUT\b|(?:declare|typeset)\s+-\w*r\w*\s+TMOUT\b)"
)
_UMASK: Final = re.compile(r"^\s*umask\s+(0?[0-7]{3})\b")
_CREDITS: Final = ("dcredit", "ucredit", "lcredit", "ocredit")


def collect_login_rules(book: Notebook) -> None:
    """PAM, pwquality, faillock, second factors, TMOUT and umask."""
    auth = _stack(book, _AUTH_STACKS, "auth")
    password = _stack(book, _PASSWORD_STACKS, "password")
    account = _stack(book, _ACCOUNT_STACKS, "account")
    if auth is not None:
        book.put("pam.nullok", any("nullok" in line for line in auth))
        _faillock(book, auth, account or [])
    if password is not None:
        _quality(book, password)
    sshd = book.text("/etc/pam.d/sshd", "pam.second_factor")
    if sshd is not None and auth is not None:
        active = "\n".join([*_rules(sshd, "auth"), *auth])
        book.put("pam.second_factor", next((m for m in _SECOND_FACTORS if m in active), None))
    _shell(book)


def _stack(book: Notebook, names: tuple[str, ...], kind: str) -> list[str] | None:
    found: list[str] = []
    present = False
    for name in names:
        text = book.text(f"/etc/pam.d/{name}", "pam.")
        if text is None:
            return None
        present = present or bool(text)
        found.extend(_rules(text, kind))
    if not present:
        book.miss("pam.", "missing", "/etc/pam.d")
        return None
    return found


def _rules(text: str, kind: str) -> list[str]:
    lines = (line.strip().lstrip("-") for line in text.replace("\\\n", " ").splitlines())
    return [line for line in lines if line.startswith(kind)]


def _argument(lines: list[str], module: str, name: str) -> str | None:
    for line in lines:
        if module in line:
            for word in line.split():
                if word.startswith(f"{name}="):
                    return word.partition("=")[2]
    return None


def _quality(book: Notebook, lines: list[str]) -> None:
    active = "\n".join(lines)
    module = next((name for name in _QUALITY if name in active), None)
    book.put("pam.quality_module", module)
    text = book.text("/etc/security/pwquality.conf", "pam.quality.")
    remember = _argument(lines, "pam_pwhistory.so", "remember")
    if remember is None and "pam_pwhistory.so" in active:
        history = book.text("/etc/security/pwhistory.conf", "pam.history")
        remember = settings_of(history).get("remember") if history else None
    if remember is None:
        remember = _argument(lines, "pam_unix.so", "remember")
    book.put("pam.history", whole(remember) or 0)
    if text is None:
        return
    settings = settings_of(text)

    def value(name: str) -> int | None:
        given = _argument(lines, module or "-", name)
        return whole(given if given is not None else settings.get(name))

    if module is None:
        book.put("pam.quality.minlen", None)
        book.put("pam.quality.classes", 0)
        return
    book.put("pam.quality.minlen", value("minlen"))
    forced = sum(1 for name in _CREDITS if (value(name) or 0) < 0)
    book.put("pam.quality.classes", max(forced, value("minclass") or 0))


def _faillock(book: Notebook, auth: list[str], account: list[str]) -> None:
    module = "pam_faillock.so"
    lines = [line for line in auth if module in line]
    complete = (
        any("preauth" in line for line in lines)
        and any("authfail" in line for line in lines)
        and any(module in line for line in account)
    )
    book.put("pam.lockout", complete)
    text = book.text("/etc/security/faillock.conf", "pam.lockout.")
    if text is None:
        return
    settings = settings_of(text)

    def value(name: str, default: int) -> int:
        given = whole(_argument(lines, module, name) or settings.get(name))
        return default if given is None else given

    if not lines:
        book.put("pam.lockout.deny", None)
        book.put("pam.lockout.unlock_time", None)
        return
    # 3 and 600 are the defaults built into pam_faillock (faillock.conf(5))
    book.put("pam.lockout.deny", value("deny", 3))
    book.put("pam.lockout.unlock_time", value("unlock_time", 600))


def _shell(book: Notebook) -> None:
    paths = list(_PROFILES)
    names = book.names("/etc/profile.d", "shell.")
    paths.extend(f"/etc/profile.d/{name}" for name in names or () if name.endswith(".sh"))
    limit: int | None = None
    fixed = False
    umask: str | None = None
    for path in paths:
        text = book.text(path, "shell.")
        if text is None:
            return
        for line in text.splitlines():
            if found := _TMOUT.match(line):
                limit = whole(found[1])
            fixed = fixed or _TMOUT_FIXED.match(line) is not None
            if found := _UMASK.match(line):
                umask = found[1]
    book.put("shell.tmout", limit)
    book.put("shell.tmout_readonly", fixed)
    login = book.facts.get("login_defs.umask")
    effective = umask or (login if isinstance(login, str) else None)
    book.put("shell.umask", None if effective is None else effective.zfill(4))
