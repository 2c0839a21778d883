"""How is the daemon run from a terminal or a service unit?"""

from __future__ import annotations

import click

from jinkui.cli.output import talk
from jinkui.cli.session import terminal


@click.command()
@click.option("--host", help="Default: from the settings.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: from the settings; 0: free.")
def serve(host: str | None, port: int | None) -> int:
    """Serve the console on this machine until interrupted."""
    from jinkui.daemon.serving import serve as serve_home  # noqa: PLC0415 - web stack only if used

    with terminal() as desk:
        home = desk.toolkit.home
        serve_home(
            desk.toolkit,
            host or home.text("daemon", "host"),
            home.number("daemon", "port") if port is None else port,
            lambda address: talk(f"jinkui serves {address} (stop with Ctrl-C)"),
        )
    return 0
