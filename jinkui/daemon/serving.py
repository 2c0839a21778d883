"""How is the daemon started on its address, and how does it stop?"""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from jinkui.console.sessions import Sessions
from jinkui.daemon.application import create_application
from jinkui.daemon.backend import HomeBackend
from jinkui.daemon.limits import session_limits
from jinkui.daemon.rounds import Rounds
from jinkui.wiring.toolkit import Toolkit
from shared_kernel.errors import Refused

_BACKLOG: Final = 128
_LAST_ANSWERS_SECONDS: Final = 5
"""How long a stopping daemon waits for answers under way."""

_STOP: Final = (signal.SIGINT, signal.SIGTERM)


class AddressTaken(Refused):
    """Something else listens on that port."""

    code = "daemon.address_taken"
    default_hint = "stop the other process, or choose a port with --port (0 takes a free one)"


def serve(toolkit: Toolkit, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted or told to stop; ``ready`` is told the address once it listens.

    Raises:
        AddressTaken: the port is in use.
    """
    backend = HomeBackend(toolkit)
    backend.verify_log()
    sessions = Sessions(session_limits(toolkit.home), toolkit.clock, toolkit.entropy)
    app = create_application(backend, sessions)
    try:
        listener = socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise AddressTaken(f"cannot listen on {host}:{port}: {error.strerror}") from error
    # Without it every short answer waits for the other side's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with closing(listener), Rounds(backend, toolkit.clock).walking():
        ready(f"http://{host}:{listener.getsockname()[1]}/")
        http_server(app).run(sockets=[listener])
    backend.seal_log()


def http_server(app: FastAPI) -> uvicorn.Server:
    """The server, quiet and nameless, that returns when the process is told to stop."""
    # The access log would repeat query strings; what matters is in the audit log.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
        )
    )


class _Server(uvicorn.Server):
    """Returns after SIGINT or SIGTERM instead of raising the signal again.

    A service manager stops a daemon with SIGTERM; raised again, it would end the process
    before the head of the log is signed and the files are closed.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ask the server to stop when the process is told to."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _STOP}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
