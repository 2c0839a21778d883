"""What does the daemon do by itself, between requests?

Like a night watch: once a minute it signs the head of the log if entries were added
(an entry without checkpoint can still be cut off unnoticed), and every few hours it
verifies the whole log. A round that fails is logged and tried again at the next one;
a verification that fails stays on the first page of the console.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Final, Protocol

from shared_kernel.instants import Clock

SEAL_EVERY: Final = timedelta(minutes=1)
VERIFY_EVERY: Final = timedelta(hours=6)

_LOG: Final = logging.getLogger("jinkui.daemon")


class Watched(Protocol):
    """What is watched over."""

    def seal_log(self) -> bool:
        """Sign the head of the log if it has grown."""
        ...

    def verify_log(self) -> bool:
        """Verify the whole log and remember the result."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One kind of work and when it was done last."""

    name: str
    work: Callable[[], bool]
    every: timedelta
    last: datetime


class Rounds:
    """Does what is due; ``walk`` once, or ``walking`` until the end of a block."""

    def __init__(self, watched: Watched, clock: Clock) -> None:
        self._clock = clock
        now = clock.now()
        self._rounds = [
            Round(name="seal", work=watched.seal_log, every=SEAL_EVERY, last=now),
            Round(name="verify", work=watched.verify_log, every=VERIFY_EVERY, last=now),
        ]

    def walk(self) -> tuple[str, ...]:
        """Do what is due now; returns the names of what was done without failing."""
        now, done = self._clock.now(), []
        for place, item in enumerate(self._rounds):
            if now - item.last < item.every:
                continue
            self._rounds[place] = Round(name=item.name, work=item.work, every=item.every, last=now)
            try:
                item.work()
            except Exception:  # noqa: BLE001 - whatever it was, it must not end the watch
                _LOG.exception("the round %s failed", item.name)
            else:
                done.append(item.name)
        return tuple(done)

    @contextmanager
    def walking(self) -> Iterator[None]:
        """Walk in a thread of its own until the block ends."""
        stop = Event()

        def watch() -> None:
            while not stop.wait(SEAL_EVERY.total_seconds()):
                self.walk()

        thread = Thread(target=watch, name="jinkui-rounds", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
