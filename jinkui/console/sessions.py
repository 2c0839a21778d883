"""Who is signed in to the console, and for how long?

Sessions live in memory: a restart signs everybody out. A session ends after a
term, after idling, or on sign-out. Failed sign-ins are counted per account; after
too many the account pauses, whether or not it exists, so that the answer does
not tell which names are real. The clock and randomness come in as arguments.
"""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from shared_kernel.errors import Refused
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock

TOKEN_BYTES: Final = 32
_MOST_NAMES: Final = 10_000
"""Bound on the memory that an attacker's invented names can take."""


class SignInRefused(Refused):
    """Name or password is wrong, or the account is paused; which one is not said."""

    code = "console.sign_in_refused"
    default_hint = "check name and password; after several failures the account pauses"


class NotSignedIn(Refused):
    """The page needs a session."""

    code = "console.not_signed_in"
    default_hint = "sign in"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """The hospital's own choices, from the settings."""

    idle: timedelta
    term: timedelta
    attempts: int
    """Failed sign-ins before a pause."""
    pause: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One signed-in browser."""

    actor: str
    roles: tuple[str, ...]
    begun: datetime
    seen: datetime
    csrf: str
    """Must come back with every form."""


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: datetime


class Sessions:
    """All sessions of one daemon; safe for threads."""

    def __init__(self, limits: SessionLimits, clock: Clock, entropy: Entropy) -> None:
        self._limits = limits
        self._clock = clock
        self._entropy = entropy
        self._lock = threading.Lock()
        self._sessions: dict[bytes, Session] = {}
        self._failures: dict[str, _Failures] = {}

    @property
    def limits(self) -> SessionLimits:
        """The settings."""
        return self._limits

    def require_not_paused(self, name: str) -> None:
        """Refuse a name that failed too often.

        Raises:
            SignInRefused: still inside the pause.
        """
        with self._lock:
            failures = self._failures.get(name)
            if failures is None or failures.count < self._limits.attempts:
                return
            if self._clock.now() - failures.last < self._limits.pause:
                raise SignInRefused("sign-in refused")
            del self._failures[name]

    def note_failure(self, name: str) -> None:
        """Count one failed sign-in for this name."""
        with self._lock:
            now = self._clock.now()
            if len(self._failures) >= _MOST_NAMES:
                self._failures = {
                    other: failures
                    for other, failures in self._failures.items()
                    if now - failures.last < self._limits.pause
                }
            before = self._failures.get(name)
            self._failures[name] = _Failures(before.count + 1 if before else 1, now)

    def begin(self, actor: str, roles: tuple[str, ...]) -> tuple[str, Session]:
        """Start a session; returns the cookie value, of which only a hash is kept.

        Sessions that have ended meanwhile are forgotten.
        """
        token = self._entropy(TOKEN_BYTES).hex()
        now = self._clock.now()
        csrf = self._entropy(TOKEN_BYTES).hex()
        session = Session(actor=actor, roles=roles, begun=now, seen=now, csrf=csrf)
        with self._lock:
            self._failures.pop(actor, None)
            alive = {key: old for key, old in self._sessions.items() if self.ends_at(old) > now}
            self._sessions = {**alive, _key(token): session}
        return token, session

    def ends_at(self, session: Session) -> datetime:
        """When the session ends if nobody uses it any more."""
        return min(session.seen + self._limits.idle, session.begun + self._limits.term)

    def require(self, token: str | None, *, used: bool = True) -> Session:
        """The session of this cookie.

        Args:
            token: The cookie's value.
            used: A person acted: the idle timer is set back. A page that reloads itself
                is no person; it must not keep an abandoned desk signed in.

        Raises:
            NotSignedIn: none, ended, or idle too long.
        """
        if not token:
            raise NotSignedIn("no session")
        key, now = _key(token), self._clock.now()
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                raise NotSignedIn("no session")
            if now >= self.ends_at(session):
                del self._sessions[key]
                raise NotSignedIn("the session has ended")
            if used:
                session = replace(session, seen=now)
                self._sessions[key] = session
        return session

    def end(self, token: str | None) -> None:
        """Sign out; an unknown token is no error."""
        if token:
            with self._lock:
                self._sessions.pop(_key(token), None)


def require_csrf(session: Session, value: str) -> None:
    """Compare the form's token in constant time.

    Raises:
        NotSignedIn: it is not the session's.
    """
    if not hmac.compare_digest(session.csrf.encode(), value.encode()):
        raise NotSignedIn("the form does not belong to this session")


def _key(token: str) -> bytes:
    return sha256(token.encode()).digest()
