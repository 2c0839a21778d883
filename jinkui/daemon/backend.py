"""What does the daemon do with one open home?

Fills the console's port: status, sign-in with its audit entry, and a full
verification of the log at start and once in a while, remembered until the next.
"""

from __future__ import annotations

from threading import Lock

from jinkui.console.sessions import SignInRefused
from jinkui.procedures.passwords import password_fits
from jinkui.procedures.read_status import LastVerification, read_status
from jinkui.procedures.status import Status
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact


class HomeBackend:
    """Serves the console of one home; safe for threads."""

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit
        self._lock = Lock()
        self._verified: LastVerification | None = None
        self.profile = toolkit.home.profile

    def verify_log(self) -> bool:
        """Verify the whole log now and remember the result."""
        verdict = self._toolkit.verify_log()
        with self._lock:
            self._verified = LastVerification(ok=verdict.ok, at=self._toolkit.clock.now())
        return verdict.ok

    def status(self) -> Status:
        """How things stand now."""
        with self._lock:
            verified = self._verified
        return read_status(self._toolkit, verified)

    def sign_in(self, name: str, password: str) -> tuple[str, ...]:
        """Roles of the account if the password fits; both outcomes are audited.

        Accounts of partners do not sign in here.

        Raises:
            SignInRefused: wrong name or password, or a partner's account.
        """
        toolkit = self._toolkit
        with toolkit.reading() as unit:
            actor = unit.registry.actor(toolkit.tenant, name)
        fits = password_fits(None if actor is None else actor.password_hash, password)
        if actor is None or actor.partner is not None or not fits:
            # The name as typed may be anything, a password too: it does not enter the log.
            who = "unknown" if actor is None else actor.id
            self._note(who, "console.sign_in", permitted=False)
            raise SignInRefused("sign-in refused")
        self._note(actor.id, "console.sign_in", permitted=True)
        return actor.roles

    def note_sign_out(self, actor: str) -> None:
        """Audit a sign-out."""
        self._note(actor, "console.sign_out", permitted=True)

    def _note(self, actor: str, action: str, *, permitted: bool) -> None:
        with self._toolkit.transaction() as unit:
            unit.log.append(
                AuditFact(
                    at=self._toolkit.clock.now(),
                    actor=actor,
                    action=action,
                    decision="permit" if permitted else "deny",
                )
            )
