"""How is the simulated platform started on a free loopback port, and stopped again?"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

import uvicorn

from shared_kernel.signatures import PublicKey
from supervision.simulator.app import create_simulator
from supervision.simulator.platform import SimulatedPlatform

_BACKLOG: Final = 64
_STARTS_WITHIN_S: Final = 30
LOOPBACK: Final = "127.0.0.1"


class SimulatorDidNotStart(RuntimeError):
    """The web server ended before it served; a fault of the machine, not of the caller."""


class _Server(uvicorn.Server):
    """Says when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.serving.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorHandle:
    """A running simulator."""

    base_url: str
    public_key: PublicKey
    """To be pinned in the environment of the exchange profile."""

    platform: SimulatedPlatform
    server: _Server
    thread: Thread

    def stop(self) -> None:
        """Stop serving and wait for the end; may be called twice."""
        self.server.should_exit = True
        self.thread.join()


def start_simulator(platform: SimulatedPlatform, *, port: int = 0) -> SimulatorHandle:
    """Serve ``platform`` on the loopback address in a thread; port 0 takes a free one.

    Raises:
        SimulatorDidNotStart: the server ended at once.
        OSError: the port is taken.
    """
    listener = socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
    # Without it every short answer waits for the other side's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        create_simulator(platform),
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
    )
    server = _Server(config)
    thread = Thread(
        target=server.run,
        kwargs={"sockets": [listener]},
        name="supervision-simulator",
        daemon=True,
    )
    thread.start()
    if not server.serving.wait(_STARTS_WITHIN_S):
        server.should_exit = True
        listener.close()
        raise SimulatorDidNotStart("the simulated platform did not start")
    return SimulatorHandle(
        base_url=f"http://{LOOPBACK}:{listener.getsockname()[1]}",
        public_key=platform.public_key,
        platform=platform,
        server=server,
        thread=thread,
    )


@contextmanager
def running_simulator(platform: SimulatedPlatform, *, port: int = 0) -> Iterator[SimulatorHandle]:
    """A simulator for the length of a ``with`` block."""
    handle = start_simulator(platform, port=port)
    try:
        yield handle
    finally:
        handle.stop()
