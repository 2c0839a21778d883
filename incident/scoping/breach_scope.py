"""Whose data was reached, counted from proven log entries, with honest bounds?

What counts as served: a permitted read, search or export out of which at least one
field left the house, clear or masked. A denial is an attempt, not a disclosure.

The bounds are about distinct persons.

- ``low``: persons that the proven entries name, or 1 if entries served records but
  every opening is erased. Nothing else is ever added to it.
- ``high``: the persons named, plus one for every served record whose person is no
  longer named, plus the listed hits of searches. If the log has a gap, or the replay
  failed, an unseen entry may have served anything: then high is the number of
  persons that the party could reach at all, or unknown (null) if nobody knows that.
- high is never below low.

``proofs_ok`` is false unless the replay held, there is no gap, and the window is
consistent with itself; a scope with ``proofs_ok`` false is still the best answer
there is, and says so.
"""

from __future__ import annotations

from incident.scoping.evidence import (
    AccessAction,
    BreachScope,
    EvidenceEntry,
    EvidenceWindow,
    KindCount,
)
from shared_kernel.digests import DIGEST_BYTES
from shared_kernel.grades import STRICTEST
from shared_kernel.instants import in_utc

_DISCLOSING = (AccessAction.READ, AccessAction.SEARCH, AccessAction.EXPORT)


def served(entry: EvidenceEntry) -> bool:
    """Did this entry let data out?"""
    disclosing = entry.decision == "permit" and entry.action in _DISCLOSING
    return disclosing and bool(entry.fields) and (entry.record is not None or entry.hits > 0)


def scope(window: EvidenceWindow) -> BreachScope:
    """Count what the window proves. Pure: the same window gives the same scope."""
    findings = _findings(window)
    entries = _distinct(window.entries)
    out = tuple(entry for entry in entries if served(entry))
    subjects = {entry.subject for entry in out if entry.subject is not None}
    named = {entry.record for entry in out if entry.subject is not None and entry.record}
    unnamed = {entry.record for entry in out if entry.subject is None and entry.record} - named
    hits = sum(entry.hits for entry in out)
    if unnamed:
        findings.append("subject_unknown")
    if hits:
        findings.append("search_hits_not_named")
    proofs_ok = window.replay_ok and not any(code.startswith("window.") for code in findings)
    low = max(len(subjects), 1 if unnamed or hits else 0)
    counted = len(subjects) + len(unnamed) + hits
    if proofs_ok:
        high: int | None = max(counted, low)
    else:
        high = None if window.reachable is None else max(window.reachable, counted, low)
    return BreachScope(
        query=window.query,
        subject_refs=tuple(sorted(subjects)),
        records=len(named | unnamed),
        fields=tuple(sorted({name for entry in out for name in entry.fields})),
        minors=len(subjects & window.minors),
        entries=len(out),
        denied=sum(1 for entry in entries if entry.decision == "deny"),
        proofs_ok=proofs_ok,
        low=low,
        high=high,
        partners=tuple(sorted({entry.partner for entry in out if entry.partner is not None})),
        by_kind=_by_kind(out),
        highest_grade=max((entry.grade or STRICTEST for entry in out), default=None),
        root=window.root,
        size=window.size,
        findings=tuple(findings),
    )


def _distinct(entries: tuple[EvidenceEntry, ...]) -> tuple[EvidenceEntry, ...]:
    # A doctored source may repeat an entry to inflate, never to hide: each index once.
    return tuple({entry.index: entry for entry in entries}.values())


def _findings(window: EvidenceWindow) -> list[str]:
    since, until = in_utc(window.query.since, "since"), in_utc(window.query.until, "until")
    query = window.query
    checks = {
        "window.replay_failed": not window.replay_ok,
        "window.gaps": bool(window.gaps),
        "window.root_malformed": len(window.root) != DIGEST_BYTES,
        "window.index_outside_tree": any(
            not 0 <= entry.index < window.size for entry in window.entries
        ),
        "window.index_repeated": len({entry.index for entry in window.entries})
        != len(window.entries),
        "window.entry_outside_window": any(
            not since <= in_utc(entry.at, "at") < until for entry in window.entries
        ),
        "window.entry_of_another": any(
            (query.actor is not None and entry.actor != query.actor)
            or (query.partner is not None and entry.partner != query.partner)
            for entry in window.entries
        ),
    }
    return [code for code, wrong in checks.items() if wrong]


def _by_kind(out: tuple[EvidenceEntry, ...]) -> tuple[KindCount, ...]:
    records: dict[str, set[str]] = {}
    subjects: dict[str, set[str]] = {}
    for entry in out:
        if entry.record is None:
            continue
        kind = entry.kind or "unknown"
        records.setdefault(kind, set()).add(entry.record)
        held = subjects.setdefault(kind, set())
        if entry.subject is not None:
            held.add(entry.subject)
    return tuple(
        KindCount(kind=kind, records=len(records[kind]), subjects=len(subjects[kind]))
        for kind in sorted(records)
    )
