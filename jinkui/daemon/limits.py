"""How long does a sign-in last, and how many guesses are free?"""

from __future__ import annotations

from datetime import timedelta

from jinkui.console.sessions import SessionLimits
from jinkui.settings.home import Home


def session_limits(home: Home) -> SessionLimits:
    """From the settings."""
    return SessionLimits(
        idle=timedelta(minutes=home.number("daemon", "session_idle_minutes")),
        term=timedelta(hours=home.number("daemon", "session_hours")),
        attempts=home.number("daemon", "login_attempts"),
        pause=timedelta(minutes=home.number("daemon", "login_pause_minutes")),
    )
