"""What are the facts about this host and about our own system, right now?

One pass over files; no process is started and nothing is written. Root is not
needed: what a plain user cannot read stays unknown and is noted, with the source
that root would add.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from classification.facts.host.accounts import collect_accounts
from classification.facts.host.login_rules import collect_login_rules
from classification.facts.host.network import collect_network
from classification.facts.host.records import collect_records
from classification.facts.host.remote_access import collect_remote_access
from classification.facts.host.system import collect_system
from classification.facts.models import COLLECTOR, FactsDocument, ObjectFacts, ObjectKind
from classification.facts.notebook import Notebook
from classification.facts.own_system import checked_own_facts
from classification.ports import HostReader, OwnSystemFacts, Progress
from shared_kernel.instants import in_utc

_STEPS: Final[tuple[tuple[str, Callable[[Notebook, datetime], None]], ...]] = (
    ("accounts", collect_accounts),
    ("login rules", lambda book, _: collect_login_rules(book)),
    ("remote access", lambda book, _: collect_remote_access(book)),
    ("network", lambda book, _: collect_network(book)),
    ("records", collect_records),
    ("system", collect_system),
)
HOST_STEPS: Final = len(_STEPS)


def _silent(step: str, done: int, total: int, /) -> None:
    """Nobody watches."""
    del step, done, total


def collect_host(
    host: HostReader, name: str, now: datetime, progress: Progress = _silent
) -> ObjectFacts:
    """Facts about one Linux host.

    Args:
        host: Reader of its files.
        name: What people call it; becomes the object id ``host:name``.
        now: Instant of collection; ages are counted back from it.
        progress: Told before each of the ``HOST_STEPS`` steps.
    """
    book = Notebook(host)
    book.put("collector.root", host.effective_uid == 0)
    for index, (step, collect) in enumerate(_STEPS):
        progress(step, index, len(_STEPS))
        try:
            collect(book, now)
        except (ValueError, LookupError) as error:
            # a file in a shape nobody foresaw costs the facts of this step, never the run
            book.miss(f"{step}.", "unreadable", f"{step}: {type(error).__name__}")
    return ObjectFacts(
        id=f"host:{name}", kind=ObjectKind.HOST, facts=dict(book.facts), notes=book.notes
    )


def collect_own(own: OwnSystemFacts) -> tuple[ObjectFacts, ...]:
    """Facts about our store and, if one runs, our daemon."""
    found = []
    for kind, given in (
        (ObjectKind.STORE, own.store_facts()),
        (ObjectKind.DAEMON, own.daemon_facts()),
    ):
        if given:
            facts, notes = checked_own_facts(kind, given)
            found.append(ObjectFacts(id=f"{kind}:jinkui", kind=kind, facts=facts, notes=notes))
    return tuple(found)


def facts_document(target: str, objects: tuple[ObjectFacts, ...], now: datetime) -> FactsDocument:
    """Bind the objects of one target into a document."""
    return FactsDocument(
        collected_at=in_utc(now, "collected_at"),
        collector=COLLECTOR,
        target=target,
        objects=objects,
    )
