"""How is the daemon started on its address, and how does it stop?"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Final

import uvicorn

from jinkui.console.sessions import Sessions
from jinkui.daemon.application import create_application
from jinkui.daemon.backend import HomeBackend
from jinkui.daemon.limits import session_limits
from jinkui.wiring.toolkit import Toolkit
from shared_kernel.errors import Refused

_BACKLOG: Final = 128


class AddressTaken(Refused):
    """Something else listens on that port."""

    code = "daemon.address_taken"
    default_hint = "stop the other process, or choose a port with --port (0 takes a free one)"


def serve(toolkit: Toolkit, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted; ``ready`` is told the address once it listens.

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
    with closing(listener):
        # The access log would repeat query strings; what matters is in the audit log.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
        ready(f"http://{host}:{listener.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[listener])
    toolkit.seal_log()
