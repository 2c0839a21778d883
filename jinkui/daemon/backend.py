"""What does the daemon do with one open home?

Fills the console's port: status, sign-in with its audit entry; and does the work
of the rounds: signing the head of a grown log, verifying the whole log.
"""

from __future__ import annotations

from threading import Lock, Semaphore
from typing import Final

from jinkui.console.sessions import SignInRefused
from jinkui.procedures.offices import require_office, suitable_role
from jinkui.procedures.passwords import password_fits
from jinkui.procedures.read_status import LastVerification, read_status
from jinkui.procedures.status import Status
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.models import Caller
from secure_records.registry.models import Actor

_PAGE: Final = "incident.read"
"""The first page shows open cases: who may not read those does not see it."""

_HASHES_AT_ONCE: Final = 2
"""Argon2id takes 64 MiB each: strangers must not be able to ask for forty at once."""


class HomeBackend:
    """Serves the console of one home; safe for threads."""

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit
        self._lock = Lock()
        self._hashing = Semaphore(_HASHES_AT_ONCE)
        self._verified: LastVerification | None = None
        self.profile = toolkit.home.profile

    def verify_log(self) -> bool:
        """Verify the whole log now and remember the result.

        Raises:
            StoreDamaged: the store cannot even be read; remembered as failed.
        """
        ok, size = False, 0
        try:
            verdict = self._toolkit.verify_log()
            ok, size = verdict.ok, verdict.size
        finally:
            # Also when the store is too damaged to be read: "passed" must not stay there.
            found = LastVerification(ok=ok, at=self._toolkit.clock.now(), size=size)
            with self._lock:
                self._verified = found
        return ok

    def seal_log(self) -> bool:
        """Sign the head of the log if it has grown; says whether it had."""
        with self._toolkit.reading() as unit:
            latest = unit.audit_store.latest_checkpoint()
            grown = latest is None or latest.size < unit.log.size()
        if grown:
            self._toolkit.seal_log()
        return grown

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
        actor = self._account(name)
        with self._hashing:
            fits = password_fits(None if actor is None else actor.password_hash, password)
        if actor is None:
            why = "unknown_account"
        elif not fits:
            why = "wrong_password"
        elif actor.partner is not None:
            why = "partner_account"
        else:
            self._note(actor.id, "console.sign_in", permitted=True)
            return actor.roles
        self._note_refused(actor, why)
        raise SignInRefused("sign-in refused")

    def require_reader(self, actor: str, roles: tuple[str, ...]) -> None:
        """Return if one of the roles may see open cases; a denial is audited.

        Raises:
            NotYourOffice: none of them.
        """
        account = self._account(actor)
        # The register decides at each request: a role taken away is gone from open sessions too.
        held = tuple(role for role in roles if account is not None and role in account.roles)
        role = suitable_role(_PAGE, held) or (roles[0] if roles and not held else "")
        require_office(self._toolkit, Caller(actor=actor, role=role), _PAGE)

    def note_refusal(self, name: str, why: str) -> None:
        """Audit a sign-in that was refused before its password was looked at."""
        self._note_refused(self._account(name), why)

    def note_sign_out(self, actor: str) -> None:
        """Audit a sign-out."""
        self._note(actor, "console.sign_out", permitted=True)

    def _account(self, name: str) -> Actor | None:
        with self._toolkit.reading() as unit:
            return unit.registry.actor(self._toolkit.tenant, name)

    def _note_refused(self, actor: Actor | None, why: str) -> None:
        # The name as typed may be anything, a password too: it does not enter the log.
        who = "unknown" if actor is None else actor.id
        self._note(who, "console.sign_in", permitted=False, outcome=why)

    def _note(
        self, actor: str, action: str, *, permitted: bool, outcome: str | None = None
    ) -> None:
        with self._toolkit.transaction() as unit:
            unit.log.append(
                AuditFact(
                    at=self._toolkit.clock.now(),
                    actor=actor,
                    action=action,
                    decision="permit" if permitted else "deny",
                    outcome=outcome,
                )
            )
