"""A store that is older or other than its anchor is refused, and the anchor survives."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from jinkui.procedures.doctor import examine
from jinkui.settings.home import HomeExists
from jinkui.wiring.anchor import LogRolledBack
from jinkui.wiring.homes import create
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.audit.entry import AuditFact
from secure_records.audit.errors import NoteRefused
from secure_records.errors import RootDescriptorRefused, RootLocked


def note(toolkit: Toolkit, action: str) -> None:
    with toolkit.transaction() as unit:
        fact = AuditFact(at=toolkit.clock.now(), actor="test", action=action, decision="done")
        unit.log.append(fact)


def copy_store(folder: Path, to: Path) -> None:
    to.mkdir()
    for path in folder.glob("records.db*"):
        shutil.copy2(path, to / path.name)


def put_back(folder: Path, kept: Path) -> None:
    for path in folder.glob("records.db*"):
        path.unlink()
    for path in kept.iterdir():
        shutil.copy2(path, folder / path.name)


def test_an_older_store_is_refused_and_the_anchor_survives(
    toolkit: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """
    Put an old file back: nothing is signed, the anchor keeps the newer promise, verify says no.
    """
    copy_store(folder, tmp_path / "old")
    note(toolkit, "later")
    promised = toolkit.seal_log()
    toolkit.close()
    put_back(folder, tmp_path / "old")

    with open_toolkit(folder, None, toolkit.clock, os.urandom) as again:
        with pytest.raises(LogRolledBack):
            again.require_anchored()
        note(again, "forged")
        with pytest.raises(LogRolledBack):
            again.seal_log()
        assert again.anchor.read() == promised
        assert not again.verify_log().ok


def test_a_forked_log_of_the_same_length_is_refused(
    toolkit: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """
    As many entries, but others: the root at the anchor's size differs.
    """
    copy_store(folder, tmp_path / "old")
    note(toolkit, "true")
    toolkit.seal_log()
    toolkit.close()
    put_back(folder, tmp_path / "old")

    with open_toolkit(folder, None, toolkit.clock, os.urandom) as again:
        note(again, "false")
        with pytest.raises(LogRolledBack, match="not those of the anchor"):
            again.seal_log()


def test_a_log_that_grew_is_accepted(toolkit: Toolkit) -> None:
    """
    Growth is what a log does.
    """
    note(toolkit, "more")
    toolkit.require_anchored()
    toolkit.seal_log()

    assert toolkit.verify_log().ok


@pytest.mark.parametrize("change", [lambda t: t.replace("\n", "x\n", 1), lambda _: "no note"])
def test_a_doctored_anchor_is_refused(toolkit: Toolkit, change: object) -> None:
    """
    An anchor that the log's keys did not sign proves nothing and is not overwritten.
    """
    assert callable(change)
    path = toolkit.home.anchor_file
    doctored = change(path.read_text("utf-8"))
    path.write_text(doctored, "utf-8")

    with pytest.raises((NoteRefused, LogRolledBack)):
        toolkit.seal_log()
    assert path.read_text("utf-8") == doctored


def test_doctor_reports_a_damaged_store_instead_of_dying(toolkit: Toolkit, folder: Path) -> None:
    """
    A flipped byte in a page is a finding with a hint, not an exception.
    """
    toolkit.close()
    path = folder / "records.db"
    data = bytearray(path.read_bytes())
    data[-2048] ^= 0x40  # in the last page: the schema at the front still opens
    path.write_bytes(data)

    with open_toolkit(folder, None, toolkit.clock, os.urandom) as again:
        findings = {finding.id: finding for finding in examine(again)}

    assert not findings["store"].ok
    assert findings["store"].hint


def test_a_home_is_made_whole_or_not_at_all(toolkit: Toolkit, tmp_path: Path) -> None:
    """
    A passphrase that is refused leaves no folder behind; a home is never overwritten.
    """
    short = tmp_path / "short"
    short.write_text("abc\n", "ascii")
    home = toolkit.home
    head = {
        "institution": home.institution,
        "institution_name": "x",
        "profile": "production",
        "suite": "gm",
        "origin": home.origin,
        "default_actor": "",
    }

    with pytest.raises(RootDescriptorRefused):
        create(tmp_path / "new", head, {}, short, toolkit.clock, os.urandom)
    assert not (tmp_path / "new").exists()
    with pytest.raises(HomeExists):
        create(home.folder, head, {}, None or short, toolkit.clock, os.urandom)


def test_the_wrong_passphrase_is_one_clear_refusal(
    toolkit: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """
    Nothing opens, and the message does not say how wrong it was.
    """
    wrong = tmp_path / "wrong"
    wrong.write_text("not the passphrase\n", "ascii")

    with pytest.raises(RootLocked):
        open_toolkit(folder, wrong, toolkit.clock, os.urandom)
