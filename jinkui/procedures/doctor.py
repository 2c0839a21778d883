"""Is this home in order, and if not, what should be done first?"""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from typing import Final

from jinkui.settings.home import Home
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.trail import TrailQuery, find_entries
from secure_records.errors import StoreDamaged
from secure_records.vault_detecting import DETECTION

_OPENED: Final = "incident.opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    id: str
    ok: bool
    detail: str
    hint: str
    """What to do if it is not in order."""


def examine(toolkit: Toolkit) -> tuple[Finding, ...]:
    """Look at everything that can be looked at without another system.

    A store whose pages do not authenticate is not looked into any further.
    """
    first = (_store(toolkit), _modes(toolkit), _profile(toolkit.home))
    return (*first, *_contents(toolkit)) if first[0].ok else first


def _contents(toolkit: Toolkit) -> tuple[Finding, ...]:
    verdict = toolkit.verify_log()
    with toolkit.reading() as unit:
        institution = unit.registry.institution(toolkit.tenant)
        actors = unit.registry.actors(toolkit.tenant)
        records = unit.records.count(toolkit.tenant)
    bad = [check.detail for check in verdict.checks if not check.ok]
    anchored = toolkit.anchor.read() is not None
    return (
        Finding(
            id="log",
            ok=verdict.ok,
            detail=f"{verdict.size} entries, {verdict.covered} under a checkpoint"
            + ("" if verdict.ok else f"; {bad[0]}"),
            hint="keep a copy of the home and open an incident: jinkui incident open",
        ),
        Finding(
            id="anchor",
            ok=anchored,
            detail="a checkpoint is kept outside the store" if anchored else "no anchor",
            hint="run jinkui audit checkpoint and keep anchor/ on another medium",
        ),
        Finding(
            id="registry",
            ok=institution is not None and bool(actors),
            detail=f"{len(actors)} accounts" if institution else "the institution is not entered",
            hint="jinkui registry apply FILE",
        ),
        _canaries(toolkit),
        Finding(
            id="records", ok=True, detail=f"{records} records, suite {toolkit.home.suite}", hint=""
        ),
    )


def _canaries(toolkit: Toolkit) -> Finding:
    newest = TrailQuery(action=DETECTION, limit=1, newest_first=True)
    opened = replace(newest, action=_OPENED)
    with toolkit.reading() as unit:
        marks = len(unit.records.canary_marks(toolkit.tenant))
        seen = find_entries(unit.audit_store, newest).entries
        cases = find_entries(unit.audit_store, opened).entries
    # Somebody looked into it: a case was opened after the last time.
    ok = not seen or (bool(cases) and cases[0].index > seen[0].index)
    detail = f"{marks} marked" + ("" if ok else f"; touched, see entry {seen[0].index}")
    hint = "jinkui audit trail --action detection.canary, then jinkui incident open"
    return Finding(id="canaries", ok=ok, detail=detail, hint=hint)


def _store(toolkit: Toolkit) -> Finding:
    hint = "restore the newest backup and open an incident"
    try:
        toolkit.check_store()
    except StoreDamaged as error:
        return Finding(id="store", ok=False, detail=str(error), hint=hint)
    return Finding(id="store", ok=True, detail="every page authenticates", hint=hint)


def _modes(toolkit: Toolkit) -> Finding:
    loose = [
        path.name for path in toolkit.file_names() if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    detail = "only the owner may read the files" if not loose else f"readable by others: {loose}"
    return Finding(id="permissions", ok=not loose, detail=detail, hint="chmod 600 these files")


def _profile(home: Home) -> Finding:
    changed = sorted(key for key, source in home.sources.items() if source != "defaults")
    durable = home.text("store", "synchronous") == "FULL"
    ok = home.profile != "production" or durable
    detail = f"{home.profile}; changed settings: {', '.join(changed) or 'none'}"
    return Finding(id="settings", ok=ok, detail=detail, hint='set synchronous = "FULL" in [store]')
