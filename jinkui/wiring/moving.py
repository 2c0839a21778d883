"""How do the records of a home move from its file into a database server?

In one transaction of the server, whose log is verified there before the file goes.
"""

from __future__ import annotations

from pathlib import Path

from jinkui.settings.engine_section import with_engine
from jinkui.settings.home import POSTGRESQL, read_home
from jinkui.wiring.copies import Report, move_rows
from jinkui.wiring.homes import open_files
from jinkui.wiring.schemas import all_tables
from jinkui.wiring.stores import read_address, server_store
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.errors import StoreDamaged
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock


def move_to_server(
    folder: Path,
    passphrase_file: Path | None,
    clock: Clock,
    entropy: Entropy,
    dsn_file: Path | None,
    report: Report,
) -> None:
    """Move the records of the home in ``folder``; afterwards its file is gone.

    Raises:
        StoreTaken: there are tables of a home in the database.
        StoreDamaged: the log does not verify there; the tables are gone again.
    """
    home = read_home(folder)
    target = server_store(read_address(dsn_file), home.institution)
    files = open_files(folder, passphrase_file, clock, entropy)
    settings = folder / "home.toml"
    before = settings.read_text(encoding="utf-8")
    try:
        move_rows(files.store, target, home.institution, report)
        files.close()
        place = None if dsn_file is None else dsn_file.absolute()
        settings.write_text(with_engine(before, POSTGRESQL, place), encoding="utf-8")
        try:
            with open_toolkit(folder, passphrase_file, clock, entropy) as toolkit:
                _require_log(toolkit)
        except BaseException:
            settings.write_text(before, encoding="utf-8")
            with target.transaction() as connection:
                all_tables().drop_all(connection)
            raise
    finally:
        files.close()
        target.close()
    for path in folder.glob("records.db*"):
        path.unlink()


def _require_log(toolkit: Toolkit) -> None:
    # Against the anchor it was held before it moved.
    if not toolkit.verify_log_alone().ok:
        raise StoreDamaged("the log does not verify in the database")
