"""Is this home in order, and if not, what should be done first?"""

from __future__ import annotations

import stat
from dataclasses import dataclass

from jinkui.bridges.witnessed_minimum import MinimumLowered
from jinkui.procedures.key_status import key_status
from jinkui.settings.home import Home
from jinkui.wiring.toolkit import Toolkit
from secure_records.errors import StoreDamaged


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
    return (*first, _keys(toolkit), *_contents(toolkit)) if first[0].ok else first


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
        Finding(
            id="records", ok=True, detail=f"{records} records, suite {toolkit.home.suite}", hint=""
        ),
    )


def _store(toolkit: Toolkit) -> Finding:
    hint = "restore the newest backup and open an incident"
    try:
        toolkit.check_store()
    except StoreDamaged as error:
        return Finding(id="store", ok=False, detail=str(error), hint=hint)
    return Finding(id="store", ok=True, detail="every page authenticates", hint=hint)


def _keys(toolkit: Toolkit) -> Finding:
    status = key_status(toolkit)
    due = [term.what for term in status.terms if term.due]
    detail = f"root {status.root.generation}, {status.root.provider}"
    detail += f"; due: {', '.join(due)}" if due else "; nothing due"
    hint = "jinkui keys status"
    try:
        toolkit.require_minimum()
    except MinimumLowered as error:
        return Finding(id="keys", ok=False, detail=str(error), hint=error.hint)
    if status.rotation is not None:
        what = status.rotation.kind.value
        detail = f"a rotation of the {what} key has not ended"
        return Finding(id="keys", ok=False, detail=detail, hint=f"jinkui keys rotate {what}")
    return Finding(id="keys", ok=True, detail=detail, hint=hint)


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
