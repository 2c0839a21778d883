"""A session ends by idling, by term and by sign-out; guessing is slowed down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jinkui.console.sessions import (
    NotSignedIn,
    SessionLimits,
    Sessions,
    SignInRefused,
    require_csrf,
)

NIGHT = datetime(2026, 3, 1, 19, 0, tzinfo=UTC)
LIMITS = SessionLimits(
    idle=timedelta(minutes=30),
    term=timedelta(hours=8),
    attempts=5,
    pause=timedelta(minutes=15),
)


class SteppedClock:
    def __init__(self) -> None:
        self.at = NIGHT

    def now(self) -> datetime:
        return self.at


class Counter:
    def __init__(self) -> None:
        self.value = 0

    def __call__(self, count: int, /) -> bytes:
        self.value += 1
        return self.value.to_bytes(count, "big")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def sessions(clock: SteppedClock) -> Sessions:
    return Sessions(LIMITS, clock, Counter())


def test_a_used_session_lives_until_its_term(sessions: Sessions, clock: SteppedClock) -> None:
    """
    Use sets the idle timer back, but never the term.
    """
    token, _ = sessions.begin("officer", ("security_admin",))
    while clock.at < NIGHT + LIMITS.term - timedelta(minutes=20):
        clock.at += timedelta(minutes=20)
        sessions.require(token)
    clock.at = NIGHT + LIMITS.term

    with pytest.raises(NotSignedIn):
        sessions.require(token)


def test_an_idle_session_ends_exactly_at_the_limit(sessions: Sessions, clock: SteppedClock) -> None:
    """
    One second before the limit it lives; at the limit it is gone for good.
    """
    token, _ = sessions.begin("officer", ())
    clock.at += LIMITS.idle - timedelta(seconds=1)
    sessions.require(token)
    clock.at += LIMITS.idle

    with pytest.raises(NotSignedIn):
        sessions.require(token)
    clock.at = NIGHT
    with pytest.raises(NotSignedIn):
        sessions.require(token)


@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_an_unknown_token_opens_nothing(sessions: Sessions, token: str | None) -> None:
    """
    No cookie, an empty one and a guessed one are all refused alike.
    """
    sessions.begin("officer", ())

    with pytest.raises(NotSignedIn):
        sessions.require(token)


def test_signing_out_ends_the_session(sessions: Sessions) -> None:
    """
    After sign-out the old cookie is worthless.
    """
    token, _ = sessions.begin("officer", ())
    sessions.end(token)

    with pytest.raises(NotSignedIn):
        sessions.require(token)


def test_repeated_failures_pause_the_name_and_the_pause_ends(
    sessions: Sessions, clock: SteppedClock
) -> None:
    """
    The fifth failure starts a pause; other names are not touched; it ends by itself.
    """
    for _ in range(LIMITS.attempts):
        sessions.require_not_paused("officer")
        sessions.note_failure("officer")
    with pytest.raises(SignInRefused):
        sessions.require_not_paused("officer")
    sessions.require_not_paused("another")
    clock.at += LIMITS.pause

    sessions.require_not_paused("officer")


def test_a_form_of_another_session_is_refused(sessions: Sessions) -> None:
    """
    The form token belongs to one session only.
    """
    _, mine = sessions.begin("officer", ())
    _, other = sessions.begin("officer", ())

    require_csrf(mine, mine.csrf)
    with pytest.raises(NotSignedIn):
        require_csrf(mine, other.csrf)
