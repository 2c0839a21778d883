"""A hospital is copied while it works, and comes back whole, from both engines, or not at all."""

# ruff: noqa: ANN401 - homes and servers come from conftests, whose types tests cannot import

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import text

from jinkui.procedures.back_up import BackedUp, BackupPlaceRefused, back_up
from jinkui.procedures.backup_manifest import BackupDamaged, BackupMalformed, BackupNotFound
from jinkui.procedures.filing_proofs import fetch_proof, keep_proof
from jinkui.procedures.restore_home import KeysMissing, Restored, RestoreOrder, restore_home
from jinkui.settings.home import HomeExists
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.system_clock import stopwatch
from jinkui.wiring.anchor import LogRolledBack
from jinkui.wiring.key_room import RotationRunning
from jinkui.wiring.schemas import StoreTaken, all_tables
from jinkui.wiring.toolkit import open_toolkit
from secure_records.adapters import embedded_store
from secure_records.audit.entry import AuditFact
from secure_records.audit.errors import NoteRefused
from secure_records.errors import RootLocked
from secure_records.models import Caller
from shared_kernel.errors import JinkuiError

if TYPE_CHECKING:
    from furnishing import House

BOTH = pytest.mark.parametrize("engine", ["embedded", "postgresql"], indirect=True)
KEEPER = Caller(actor="a002", role="security_admin")
CLERK = Caller(actor="a008", role="records_officer")


def silent(_part: str, _done: int, _every: int) -> None:
    """Nobody watches."""


def save(house: House, folder: Path, tell: Any = silent) -> BackedUp:
    return back_up(
        house.toolkit,
        KEEPER,
        folder / "records",
        folder / "keys",
        tell=tell,
        stopwatch=stopwatch,
    )


def bring_back(house: House, saved: Path, home: Path, **changes: Any) -> Restored:
    order = {
        "records": saved / "records",
        "keys": saved / "keys",
        "home": home,
        "passphrase_file": house.passphrase,
    }
    return restore_home(
        RestoreOrder(**(order | changes)),
        house.clock,
        os.urandom,
        tell=silent,
        stopwatch=stopwatch,
    )


def rows(toolkit: Any) -> dict[str, list[Any]]:
    """Every row of every table."""
    with toolkit.reading() as unit:
        return {
            table.name: sorted(map(repr, unit.connection.execute(table.select()).all()))
            for table in all_tables().sorted_tables
        }


@pytest.fixture
def saved(house: House, tmp_path: Path) -> Path:
    """A backup of the stocked home, records and keys."""
    save(house, tmp_path / "saved")
    return tmp_path / "saved"


@BOTH
def test_what_was_saved_comes_back(house: House, tmp_path: Path) -> None:
    """
    Records, log, register and agreements; one entry more, which says that it was restored.
    """
    done = save(house, tmp_path / "saved")
    kept = rows(house.toolkit)
    record, line = house.planted("prescription")[0]
    back = bring_back(house, tmp_path / "saved", tmp_path / "again")

    assert (done.manifest.records, back.records) == (len(house.good), len(house.good))
    assert done.manifest.recovery_point == back.recovery_point == house.clock.now()
    assert back.keys > 0
    assert back.seconds > 0
    with open_toolkit(tmp_path / "again", house.passphrase, house.clock, os.urandom) as toolkit:
        assert toolkit.home.engine == "embedded"
        toolkit.require_anchored()
        assert toolkit.verify_log().ok
        assert toolkit.verify_log().size == back.entries == done.manifest.entries + 1
        again = rows(toolkit)
        view = toolkit.vault.read(CLERK, record, "patient_request")
        assert view.body["patient.id_no"] == line["subject"]["id_no"]
        with toolkit.reading() as unit:
            last = next(iter(unit.audit_store.entries(back.entries - 1)))[0]
    assert last.action == "store.restored"
    changed = {name for name in kept if kept[name] != again[name]}
    assert changed == {"audit_entries", "audit_checkpoints"}
    assert set(kept["audit_entries"]) < set(again["audit_entries"])


@BOTH
def test_a_backup_is_one_state_although_others_write_meanwhile(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What commits after the copy began is not in it, not even in part.
    """
    monkeypatch.setattr(embedded_store, "_PAGES_AT_ONCE", 16)
    written = 0

    def write_meanwhile(part: str, _done: int, _every: int) -> None:
        nonlocal written
        if part != "records" or written == 3:
            return
        with house.toolkit.transaction() as unit:
            fact = AuditFact(at=house.clock.now(), actor="x", action="meanwhile", decision="done")
            unit.log.append(fact)
        written += 1

    size = house.size()
    done = save(house, tmp_path / "saved", write_meanwhile)
    back = bring_back(house, tmp_path / "saved", tmp_path / "again")

    assert written == 3
    assert done.manifest.entries == size + 1
    assert back.entries == size + 2
    assert house.size() == size + 4


@BOTH
def test_keys_that_commit_while_records_are_copied_are_in_the_copy_of_the_keys(
    house: House, tmp_path: Path
) -> None:
    """
    The keys are copied after the records, so none that a copied record needs is missing.
    """
    order: list[str] = []
    save(house, tmp_path / "saved", lambda part, _done, _every: order.append(part))

    assert order == sorted(order, key=["records", "keys"].index)
    assert set(order) == {"records", "keys"}


def test_a_backup_alone_is_of_no_use(house: House, saved: Path) -> None:
    """
    Encrypted, readable by its owner only, and neither folder holds what opens the other.
    """
    files = [path for path in saved.rglob("*") if path.is_file()]
    names = {str(path.relative_to(saved)) for path in files}
    words = [line["subject"]["id_no"].encode() for line in house.good.values()]

    assert names == {
        "records/records.db",
        "records/home.toml",
        "records/manifest.json",
        "records/manifest.note",
        "keys/keys.db",
        "keys/root.json",
        "keys/platform-secrets.json",
        "keys/manifest.json",
        "keys/manifest.note",
    }
    for name in ("records/records.db", "keys/keys.db"):
        content = (saved / name).read_bytes()
        assert not content.startswith(b"SQLite format 3")
        assert b"audit_entries" not in content
        assert b"wrapped_keys" not in content
    for path in files:
        assert not any(word in path.read_bytes() for word in words)
    assert (saved / "records").stat().st_mode & 0o077 == 0
    assert (saved / "keys").stat().st_mode & 0o077 == 0
    assert (saved / "records" / "records.db").stat().st_mode & 0o077 == 0


def test_a_backup_leaves_an_entry_and_a_checkpoint(house: House, tmp_path: Path) -> None:
    """
    Who copied a hospital, and whether with its keys, stands in the log and in the copy.
    """
    done = save(house, tmp_path / "saved")
    [entry] = house.entries(action="store.backup")

    assert (entry.actor, entry.content["details"]) == ("a002", {"keys": True})
    assert entry.index == done.manifest.entries - 1
    assert done.manifest.checkpoint == house.toolkit.anchor.read()


@pytest.mark.parametrize(
    ("out", "keys"),
    [
        ("copy", "copy"),
        ("copy", "copy/keys"),
        ("keys/records", "keys"),
        ("copy/home/backup", "elsewhere"),
        ("there", "elsewhere"),
        ("elsewhere", "there"),
    ],
)
def test_records_and_keys_never_lie_together(
    house: House, tmp_path: Path, out: str, keys: str
) -> None:
    """
    Nor inside the home, nor over something that is there; nothing is written.
    """
    (tmp_path / "there").mkdir()
    before = {path for path in tmp_path.rglob("*") if "copy" not in path.parts}
    size = house.size()

    with pytest.raises(BackupPlaceRefused):
        back_up(
            house.toolkit,
            KEEPER,
            tmp_path / out,
            tmp_path / keys,
            tell=silent,
            stopwatch=stopwatch,
        )
    assert {path for path in tmp_path.rglob("*") if "copy" not in path.parts} == before
    assert house.size() == size


@BOTH
def test_a_backup_that_breaks_off_leaves_nothing(house: House, tmp_path: Path) -> None:
    """
    A full disk or a stopped program: no folder that looks like a backup, none that is in the way.
    """

    def stop(part: str, _done: int, _every: int) -> None:
        if part == "keys":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(house, tmp_path / "saved", stop)
    assert list((tmp_path / "saved").iterdir()) == []
    save(house, tmp_path / "saved")


def test_sealed_objects_come_back_with_the_records(house: House, tmp_path: Path) -> None:
    """
    Proofs of filings and recordings lie beside the store: they are saved, compared, restored.
    """
    proof = tmp_path / "receipt.pdf"
    proof.write_bytes(b"%PDF- stamped by the office")
    kept = keep_proof(house.toolkit, "inc_" + "0" * 26, proof)
    recording = house.toolkit.home.folder / "media" / "ab" / ("c" * 64)
    recording.parent.mkdir(parents=True)
    recording.write_bytes(b"sealed by somebody else's test")
    (recording.parent / "half-written.part").write_bytes(b"left by a crash")

    save(house, tmp_path / "saved")
    [copied] = (tmp_path / "saved" / "records" / "evidence").rglob("*.sealed")
    whole = copied.read_bytes()
    copied.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    assert "evidence/" in str(refused(house, tmp_path / "saved", tmp_path / "again"))
    copied.write_bytes(whole)
    bring_back(house, tmp_path / "saved", tmp_path / "again")

    with open_toolkit(tmp_path / "again", house.passphrase, house.clock, os.urandom) as toolkit:
        assert fetch_proof(toolkit, "inc_" + "0" * 26, kept.digest) == proof.read_bytes()
        media = sorted(p for p in (toolkit.home.folder / "media").rglob("*") if p.is_file())
    assert [path.read_bytes() for path in media] == [recording.read_bytes()]


def test_keys_are_not_copied_while_they_are_replaced(house: House, tmp_path: Path) -> None:
    """
    Key file and root are two files: between them no rotation, or the copy would not open.
    """
    with house.toolkit.key_room.standing_still(), pytest.raises(RotationRunning):
        save(house, tmp_path / "saved")

    assert list((tmp_path / "saved").iterdir()) == []


# What is refused on the way back


def refused(house: House, saved: Path, home: Path, **changes: Any) -> JinkuiError:
    """The refusal; nothing stands where the home should be, nor beside it."""
    before = set(home.parent.iterdir())
    with pytest.raises(JinkuiError) as caught:
        bring_back(house, saved, home, **changes)
    assert set(home.parent.iterdir()) == before
    return caught.value


def test_one_bit_anywhere_in_a_backup_is_noticed(house: House, saved: Path, tmp_path: Path) -> None:
    """
    In each file, at its beginning, in its middle and at its end.
    """
    for path in sorted(p for p in saved.rglob("*") if p.is_file()):
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            changed = bytearray(whole)
            changed[place] ^= 0x01
            path.write_bytes(changed)
            refused(house, saved, tmp_path / "again")
        path.write_bytes(whole[:-1])
        refused(house, saved, tmp_path / "again")
        path.unlink()
        refused(house, saved, tmp_path / "again")
        path.write_bytes(whole)
    bring_back(house, saved, tmp_path / "again")


def test_a_manifest_that_was_rewritten_is_refused(
    house: House, saved: Path, tmp_path: Path
) -> None:
    """
    Whoever exchanges a file and its digest cannot sign for the exchange.
    """
    path = saved / "records" / "manifest.json"
    told = orjson.loads(path.read_bytes())
    told["records"] += 1
    path.write_bytes(orjson.dumps(told, option=orjson.OPT_SORT_KEYS))

    assert isinstance(refused(house, saved, tmp_path / "again"), BackupDamaged)


def test_the_note_of_another_backup_is_refused(house: House, saved: Path, tmp_path: Path) -> None:
    """
    A signature vouches for one manifest.
    """
    house.clock.forward(minutes=1)
    save(house, tmp_path / "later")
    shutil.copy(tmp_path / "later" / "records" / "manifest.note", saved / "records")

    assert isinstance(refused(house, saved, tmp_path / "again"), BackupDamaged)


def test_parts_in_each_others_place_are_refused(house: House, saved: Path, tmp_path: Path) -> None:
    """
    The folder of the keys is no backup of records, and an empty folder is none at all.
    """
    (tmp_path / "nothing").mkdir()

    swapped = refused(house, saved, tmp_path / "again", records=saved / "keys")
    empty = refused(house, saved, tmp_path / "again", keys=tmp_path / "nothing")
    assert (type(swapped), type(empty)) == (BackupMalformed, BackupNotFound)


def test_keys_that_are_older_than_the_records_are_refused(
    house: House, saved: Path, tmp_path: Path
) -> None:
    """
    Records that nothing opens would be found out on the day somebody needs them.
    """
    strangers = SyntheticHospital(99, 12, 12, start=date(2026, 3, 1))
    path = tmp_path / "strangers.jsonl"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in strangers.lines()))
    assert house.import_all(path).accepted > 0
    save(house, tmp_path / "later")

    fault = refused(house, tmp_path / "later", tmp_path / "again", keys=saved / "keys")
    assert isinstance(fault, KeysMissing)
    bring_back(house, saved, tmp_path / "again", keys=tmp_path / "later" / "keys")


def test_the_wrong_passphrase_brings_nothing_back(
    house: House, saved: Path, tmp_path: Path
) -> None:
    """
    Both folders together are still sealed under the passphrase.
    """
    other = tmp_path / "other"
    other.write_bytes(b"another passphrase\n")

    fault = refused(house, saved, tmp_path / "again", passphrase_file=other)
    assert isinstance(fault, RootLocked)


def test_a_home_that_is_there_is_never_overwritten(
    house: House, saved: Path, tmp_path: Path
) -> None:
    """
    Not the hospital's own, nor a folder with anything in it; an empty folder is filled.
    """
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    (full / "letter").write_text("mine", "utf-8")
    empty.mkdir()

    assert isinstance(refused(house, saved, house.folder), HomeExists)
    assert isinstance(refused(house, saved, full), HomeExists)
    assert (full / "letter").read_text("utf-8") == "mine"
    bring_back(house, saved, empty)
    assert (empty / "home.toml").is_file()


def test_an_anchor_from_elsewhere_shows_that_the_backup_is_old(
    house: House, saved: Path, tmp_path: Path
) -> None:
    """
    The anchor of the day of the backup is continued; a later one is not, and says so.
    """
    then = tmp_path / "then"
    shutil.copy(house.folder / "anchor" / "checkpoint", then)
    bring_back(house, saved, tmp_path / "again", anchor=then)
    house.vault.search(CLERK, {"phone": "13912340987"}, "patient_request")
    house.toolkit.seal_log()
    newer = house.folder / "anchor" / "checkpoint"

    assert isinstance(refused(house, saved, tmp_path / "b", anchor=newer), LogRolledBack)
    newer.write_text(newer.read_text("utf-8").replace("— ", "— x"), "utf-8")
    forged = refused(house, saved, tmp_path / "b", anchor=newer)
    assert isinstance(forged, NoteRefused)


# From one engine to the other


def test_a_hospital_moves_into_a_database_and_back(
    house: House, saved: Path, tmp_path: Path, dsn_file: Path
) -> None:
    """
    Every row arrives; the home in between serves from the server, and its file is gone.
    """
    moved, back = tmp_path / "moved", tmp_path / "back"
    bring_back(house, saved, moved, engine="postgresql", dsn_file=dsn_file)
    with open_toolkit(moved, house.passphrase, house.clock, os.urandom) as toolkit:
        assert toolkit.home.engine == "postgresql"
        assert not list(moved.glob("records.db*"))
        assert toolkit.verify_log().ok
        record, line = house.planted("prescription")[0]
        view = toolkit.vault.read(CLERK, record, "patient_request")
        assert view.body["patient.id_no"] == line["subject"]["id_no"]
        back_up(
            toolkit,
            KEEPER,
            tmp_path / "two" / "records",
            tmp_path / "two" / "keys",
            tell=silent,
            stopwatch=stopwatch,
        )
        there = rows(toolkit)
    bring_back(house, tmp_path / "two", back)
    with open_toolkit(back, house.passphrase, house.clock, os.urandom) as toolkit:
        here = rows(toolkit)

    changed = {name for name in there if there[name] != here[name]}
    assert changed == {"audit_entries", "audit_checkpoints"}


def test_a_database_that_is_taken_is_refused_before_anything_is_made(
    house: House, saved: Path, tmp_path: Path, dsn_file: Path
) -> None:
    """
    Records of another home are never mixed with these.
    """
    bring_back(house, saved, tmp_path / "one", engine="postgresql", dsn_file=dsn_file)

    fault = refused(house, saved, tmp_path / "b", engine="postgresql", dsn_file=dsn_file)
    assert isinstance(fault, StoreTaken)


def test_a_move_that_fails_leaves_the_database_empty(
    house: House,
    saved: Path,
    tmp_path: Path,
    dsn_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    If the log does not verify in the server, its tables are gone again, and there is no home.
    """
    from jinkui.wiring import moving  # noqa: PLC0415

    def not_whole(toolkit: Any) -> None:
        with toolkit.transaction() as unit:
            unit.connection.execute(text("UPDATE audit_entries SET actor = 'x' WHERE idx = 3"))
        real(toolkit)

    real = moving._require_log
    monkeypatch.setattr(moving, "_require_log", not_whole)
    fault = refused(house, saved, tmp_path / "b", engine="postgresql", dsn_file=dsn_file)
    assert fault.code == "store.damaged"
    monkeypatch.undo()

    bring_back(house, saved, tmp_path / "b", engine="postgresql", dsn_file=dsn_file)
