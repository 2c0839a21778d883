"""Is this home in order, and if not, what should be done first?"""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from incident.workflow.fold import fold
from jinkui.bridges.witnessed_minimum import MinimumLowered
from jinkui.procedures.filing_proofs import missing_proofs
from jinkui.procedures.key_status import key_status
from jinkui.settings.home import EMBEDDED, Home
from jinkui.wiring.homes import KEYS_FILE, store_files
from jinkui.wiring.schemas import SchemaNewer, SchemaOlder, SchemaUnknown
from jinkui.wiring.toolkit import Toolkit
from jinkui.wiring.unit import Unit
from secure_records.audit.trail import TrailQuery, find_entries
from secure_records.errors import (
    StoreBusy,
    StoreDamaged,
    StoreLocked,
    StoreSettingsRefused,
    StoreUnreachable,
    WrappedKeyRefused,
)
from secure_records.media.errors import MediaStoreFailed
from secure_records.vault_detecting import DETECTION
from secure_records.vault_media_care import check_media, find_orphans
from shared_kernel.errors import JinkuiError

_OPENED: Final = "incident.opened"

CLOSED: Final = (
    StoreLocked,
    StoreDamaged,
    StoreSettingsRefused,
    StoreUnreachable,
    StoreBusy,
    WrappedKeyRefused,
    SchemaOlder,
    SchemaNewer,
    SchemaUnknown,
)
"""Why a home whose root key opens may still not open: something to find, not to stumble over.
A first page that was damaged looks like a wrong key, and the key has just been proven right."""

_RESTORE: Final = "restore the newest backup and open an incident"


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
    keys = _pages("keys", toolkit.check_keys)
    store = _pages("store", toolkit.check_store)
    first = (store, keys, _modes(toolkit.file_names()), _profile(toolkit.home))
    return (*first, _keys(toolkit), *_contents(toolkit)) if store.ok and keys.ok else first


def examine_closed(home: Home, fault: JinkuiError) -> tuple[Finding, ...]:
    """What can be said of a home that does not open, one of ``CLOSED`` being the reason."""
    keys = fault.where == KEYS_FILE or isinstance(fault, WrappedKeyRefused)
    detail, hint = str(fault), fault.hint
    if isinstance(fault, StoreLocked) and (keys or home.engine == EMBEDDED):
        detail, hint = f"{detail}: exchanged, or damaged in its first page", _RESTORE
    found = Finding(id="keys" if keys else "store", ok=False, detail=detail, hint=hint)
    return (found, _modes(store_files(home)), _profile(home))


def _contents(toolkit: Toolkit) -> tuple[Finding, ...]:
    verdict = toolkit.verify_log()
    with toolkit.reading() as unit:
        institution = unit.registry.institution(toolkit.tenant)
        actors = unit.registry.actors(toolkit.tenant)
        records = unit.records.count(toolkit.tenant)
        proofs = _proofs(unit)
    missing = missing_proofs(toolkit, proofs)
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
            id="evidence",
            ok=not missing,
            detail=f"{len(proofs)} proofs of filings are kept"
            + (f"; {len(missing)} do not open: {missing[0]}" if missing else ""),
            hint="restore evidence/ from a backup; ask the person who filed for the original",
        ),
        Finding(
            id="records", ok=True, detail=f"{records} records, suite {toolkit.home.suite}", hint=""
        ),
        *_recordings(toolkit),
    )


def _recordings(toolkit: Toolkit) -> tuple[Finding, ...]:
    parts, home = toolkit.parts, toolkit.home
    if parts.media is None:
        return (Finding(id="media", ok=True, detail="this home keeps no recordings", hint=""),)
    before = toolkit.clock.now() - timedelta(hours=home.number("media", "orphan_hours"))
    try:
        verdict = check_media(parts, home.number("media", "sample"), lambda _: None)
        orphans = find_orphans(parts, before)
    except MediaStoreFailed as error:
        return (Finding(id="media", ok=False, detail=str(error), hint=error.hint),)
    codes = ", ".join(sorted({fault.code for fault in verdict.faults}))
    bad = f"; {len(verdict.faults)} do not open: {codes}" if verdict.faults else ""
    return (
        Finding(
            id="media",
            ok=not verdict.faults,
            detail=f"{verdict.checked} of {verdict.recordings} recordings opened{bad}",
            hint="jinkui records media-check names them; restore the objects, open an incident",
        ),
        Finding(
            id="media_orphans",
            ok=not orphans,
            detail=f"{len(orphans)} objects without record, {sum(o.size for o in orphans)} bytes",
            hint="jinkui records orphans --remove",
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


def _proofs(unit: Unit) -> tuple[tuple[str, str], ...]:
    """Case and digest of every proof that a case names, and that is not in the case itself.

    The proof that individuals were told is their letter, which the case holds.
    """
    cases = (fold(unit.cases.events(unit.tenant, name)) for name in unit.cases.cases(unit.tenant))
    return tuple(
        (case.case, digest)
        for case in cases
        for digest in (
            *(f.proof_digest for f in case.filings if f.proof_digest != f.digest),
            *(action.proof_digest for action in case.actions),
        )
        if digest is not None
    )


def _pages(name: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except StoreSettingsRefused as error:
        return Finding(id=name, ok=False, detail=str(error), hint=error.hint)
    except (StoreDamaged, StoreLocked, StoreUnreachable) as error:
        return Finding(id=name, ok=False, detail=str(error), hint=_RESTORE)
    return Finding(id=name, ok=True, detail="every page authenticates", hint=_RESTORE)


def _keys(toolkit: Toolkit) -> Finding:
    status = key_status(toolkit)
    due = [term.what for term in status.terms if term.due]
    detail = f"root {status.root.generation}, {status.root.provider}"
    detail += f"; due: {', '.join(due)}" if due else "; nothing due"
    hint = "jinkui keys status"
    try:
        toolkit.require_minimum()
    except MinimumLowered as error:
        return Finding(id="key_terms", ok=False, detail=str(error), hint=error.hint)
    if status.rotation is not None:
        what = status.rotation.kind.value
        detail = f"a rotation of the {what} key has not ended"
        return Finding(id="key_terms", ok=False, detail=detail, hint=f"jinkui keys rotate {what}")
    return Finding(id="key_terms", ok=True, detail=detail, hint=hint)


def _modes(files: Sequence[Path]) -> Finding:
    loose = [path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]
    detail = "only the owner may read the files" if not loose else f"readable by others: {loose}"
    return Finding(id="permissions", ok=not loose, detail=detail, hint="chmod 600 these files")


def _profile(home: Home) -> Finding:
    changed = sorted(key for key, source in home.sources.items() if source != "defaults")
    durable = home.text("store", "synchronous") == "FULL"
    ok = home.profile != "production" or durable
    detail = f"{home.profile}; changed settings: {', '.join(changed) or 'none'}"
    return Finding(id="settings", ok=ok, detail=detail, hint='set synchronous = "FULL" in [store]')
