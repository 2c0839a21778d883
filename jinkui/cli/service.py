"""How is the daemon run from a terminal or a service unit?"""

from __future__ import annotations

import click

from jinkui.cli.output import print_json, talk
from jinkui.cli.session import terminal


@click.command()
@click.option("--host", help="Default: from the settings.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: from the settings; 0: free.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON once it listens.")
def serve(host: str | None, port: int | None, *, as_json: bool) -> int:
    """Serve the console on this machine until interrupted."""
    from jinkui.daemon.serving import serve as serve_home  # noqa: PLC0415 - web stack only if used

    def ready(address: str) -> None:
        if as_json:
            print_json({"address": address})
        talk(f"jinkui serves {address} (stop with Ctrl-C)")

    with terminal() as desk:
        home = desk.toolkit.home
        serve_home(
            desk.toolkit,
            host or home.text("daemon", "host"),
            home.number("daemon", "port") if port is None else port,
            ready,
        )
    return 0
