"""A hospital goes on from an older store only when two people say so, and never in silence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from jinkui.bridges.person_keys import PersonalKeys
from jinkui.procedures import declare_rollback as module
from jinkui.procedures.back_up import back_up
from jinkui.procedures.declare_rollback import (
    NothingRolledBack,
    RollbackNotDeclared,
    RollbackOfDamaged,
    declare_rollback,
    rolled_back,
)
from jinkui.procedures.registry_entry import enter_registry
from jinkui.procedures.restore_home import RestoreOrder, restore_home
from jinkui.settings.home import read_home
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.synthetic.institution import CREDIT_CODE, NAME
from jinkui.system_clock import stopwatch
from jinkui.wiring.anchor import LogRolledBack
from jinkui.wiring.homes import create
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.audit.entry import AuditFact
from secure_records.audit.epochs import parse_epoch, person_name, sign_epoch, verify_epoch
from secure_records.audit.errors import CheckpointInconsistent, NoteMalformed, NoteRefused
from secure_records.audit.note import NoteKey, parse_note
from secure_records.audit.trail import TrailQuery, find_entries
from secure_records.models import Caller
from secure_records.registry.models import RegistryDocument

ORIGIN = f"jinkui.test/{CREDIT_CODE}/audit"
TWO = ("a005", "a006")
KEEPER = Caller(actor="a002", role="security_admin")


class Clock:
    at = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


class Hospital:
    """A demo home, its store put back to an older day whenever a test says so."""

    def __init__(self, folder: Path) -> None:
        self.home, self.kept, self.clock = folder / "home", folder / "kept", Clock()
        head = {
            "institution": CREDIT_CODE,
            "institution_name": NAME,
            "profile": "demo",
            "suite": "gm",
            "origin": ORIGIN,
            "default_actor": "a004",
        }
        create(self.home, head, {}, None, self.clock, os.urandom).close()
        people = SyntheticHospital(3, 12, 12, start=self.clock.at.date()).registry_document()
        with self.open() as toolkit:
            enter_registry(toolkit, "test", orjson.dumps(people))
            toolkit.seal_log()
        self.keep()

    def open(self) -> Toolkit:
        return open_toolkit(self.home, None, self.clock, os.urandom)

    def keep(self) -> None:
        """Remember the store as it is now."""
        shutil.rmtree(self.kept, ignore_errors=True)
        self.kept.mkdir()
        for path in self.home.glob("records.db*"):
            shutil.copy2(path, self.kept)

    def put_back(self) -> None:
        """What a thief or a bad restoration does."""
        for path in self.home.glob("records.db*"):
            path.unlink()
        for path in self.kept.iterdir():
            shutil.copy2(path, self.home)

    def work(self, entries: int = 3) -> None:
        with self.open() as toolkit:
            for number in range(entries):
                note(toolkit, f"work-{number}")
            toolkit.seal_log()

    @property
    def anchor(self) -> str:
        return (self.home / "anchor" / "checkpoint").read_text("utf-8")


def note(toolkit: Toolkit, action: str) -> None:
    with toolkit.transaction() as unit:
        at = toolkit.clock.now()
        unit.log.append(AuditFact(at=at, actor="test", action=action, decision="done"))


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """Worked for a while, then put back."""
    made = Hospital(tmp_path)
    made.work()
    made.put_back()
    return made


def declare(hospital: Hospital, accounts: tuple[str, ...] = TWO) -> Any:  # noqa: ANN401
    with hospital.open() as toolkit:
        return declare_rollback(toolkit, accounts, "硬盘损坏，由备份恢复", os.urandom)


def states(hospital: Hospital) -> dict[str, bytes]:
    """Every file but the store's, whose bytes change with each opening."""
    files = [p for p in hospital.home.rglob("*") if p.is_file() and ".db" not in p.name]
    return {str(path): path.read_bytes() for path in files}


def test_two_people_let_the_log_begin_a_new_epoch(hospital: Hospital) -> None:
    """
    The home opens again under a new name, an incident is open, and both heads are kept.
    """
    lost = hospital.anchor
    with hospital.open() as toolkit:
        with pytest.raises(LogRolledBack):
            toolkit.require_anchored()
        promised, size = rolled_back(toolkit)
    declared = declare(hospital)

    assert (declared.abandoned, declared.kept.size) == (promised, size)
    assert declared.origin == read_home(hospital.home).origin == f"{ORIGIN}/epoch-2"
    assert (hospital.home / "anchor" / f"abandoned-{promised.size}").read_text("utf-8") == lost
    assert (hospital.home / "anchor" / "epoch-2.note").read_text("utf-8") == declared.note
    with hospital.open() as toolkit:
        toolkit.require_anchored()
        note(toolkit, "later")
        toolkit.seal_log()
        assert toolkit.verify_log().ok
        with toolkit.reading() as unit:
            assert unit.cases.cases(toolkit.tenant) == (declared.case,)
            query = TrailQuery(action="log.epoch")
            [entry] = find_entries(unit.audit_store, query).entries
        assert entry.content["details"] == {"with": "a006", "note": declared.note}
        assert (entry.actor, entry.record) == ("a005", declared.case)


def test_the_note_holds_under_both_names_and_by_both_people(hospital: Hospital) -> None:
    """
    An outsider with the public keys can check it; with a key missing or a word changed not.
    """
    declared = declare(hospital)
    with hospital.open() as toolkit:
        log = toolkit.log_keys()
        people = [
            NoteKey(name=person_name(account), public_key=key)
            for account in TWO
            for key in PersonalKeys(toolkit.keys).keys_of(toolkit.tenant, account)
        ]
        start = verify_epoch(declared.note, log, people, toolkit.verifier)
        stranger = toolkit.keys.personal_signer(toolkit.tenant, "a002").public_key
        other = NoteKey(name=log[0].name, public_key=stranger)
        doubled = replace(people[0], name=people[1].name)
        rows = declared.note.splitlines(keepends=True)
        signatures = [number for number, row in enumerate(rows) if row.startswith("— ")]

        assert (start.origin, start.case) == (declared.origin, declared.case)
        assert (start.abandoned, start.kept) == (declared.abandoned, declared.kept)
        assert len(signatures) == 6
        for log_keys, person_keys in (
            (log, people[:1]),
            (log, [people[0], people[0]]),
            (log, [people[0], doubled]),
            ([log[0], other], people),
        ):
            with pytest.raises(NoteRefused):
                verify_epoch(declared.note, log_keys, person_keys, toolkit.verifier)
        for number in signatures:
            without = "".join(row for place, row in enumerate(rows) if place != number)
            with pytest.raises(NoteRefused):
                verify_epoch(without, log, people, toolkit.verifier)
        for number in range(10):
            changed = rows.copy()
            changed[number] = "0" + changed[number]
            with pytest.raises((NoteMalformed, NoteRefused)):
                verify_epoch("".join(changed), log, people, toolkit.verifier)


def test_one_person_with_two_keys_is_one_person(hospital: Hospital) -> None:
    """
    Two good signatures under one name are not two people.
    """
    declared = declare(hospital)
    with hospital.open() as toolkit:
        log = toolkit.log_keys()
        signers = [toolkit.personal_signer(account) for account in TWO]
        start = parse_epoch(parse_note(declared.note).text)
        note = sign_epoch(
            start,
            toolkit.keys.log_signers(toolkit.tenant),
            [("a005", signer) for signer in signers],
        )
        people = [
            NoteKey(name=person_name("a005"), public_key=signer.public_key) for signer in signers
        ]
        with pytest.raises(NoteRefused, match="two different persons"):
            verify_epoch(note, log, people, toolkit.verifier)


def give_person(hospital: Hospital, account: str, person: str | None) -> None:
    with hospital.open() as toolkit, toolkit.transaction() as unit:
        actor = unit.registry.actor(toolkit.tenant, account)
        institution = unit.registry.institution(toolkit.tenant)
        assert actor is not None
        assert institution is not None
        changed = (replace(actor, person=person),)
        unit.registry.enter(
            RegistryDocument(
                institution=institution, staff=(), partners=(), actors=changed, warnings=()
            )
        )


@pytest.mark.parametrize(
    "accounts",
    [(), ("a005",), ("a005", "a005"), ("a005", "nobody"), ("a005", "a002"), ("a005", "x001"),
     ("a005", "a006", "a004")],
)  # fmt: skip
def test_fewer_or_other_than_two_releasers_declare_nothing(
    hospital: Hospital, accounts: tuple[str, ...]
) -> None:
    """
    One, the same one twice, a stranger, another office, a partner, a crowd.
    """
    before = states(hospital)

    with pytest.raises(RollbackNotDeclared):
        declare(hospital, accounts)
    assert states(hospital) == before


@pytest.mark.parametrize("person", ["SYN-A005", None])
def test_two_accounts_of_one_human_are_one(hospital: Hospital, person: str | None) -> None:
    """
    The register says whose an account is; an account of nobody is no second pair of eyes.
    """
    give_person(hospital, "a006", person)

    with pytest.raises(RollbackNotDeclared, match="two people"):
        declare(hospital)


def test_there_must_be_something_to_declare(tmp_path: Path) -> None:
    """
    A store that continues its anchor, or has none, cannot be made to look rolled back.
    """
    hospital = Hospital(tmp_path)
    before = states(hospital)
    with pytest.raises(NothingRolledBack):
        declare(hospital)
    assert states(hospital) == before
    (hospital.home / "anchor" / "checkpoint").unlink()
    with pytest.raises(NothingRolledBack):
        declare(hospital)


def test_a_forged_anchor_is_not_given_up(hospital: Hospital) -> None:
    """
    Two people cannot be made to sign away a head that the log never signed.
    """
    path = hospital.home / "anchor" / "checkpoint"
    lines = hospital.anchor.split("\n")
    path.write_text("\n".join([lines[0], "999", *lines[2:]]), "utf-8")

    with pytest.raises(NoteRefused):
        declare(hospital)


def test_a_log_that_is_damaged_in_itself_is_not_carried_on(hospital: Hospital) -> None:
    """
    Older is one thing, altered another.
    """
    with hospital.open() as toolkit, toolkit.transaction() as unit:
        unit.connection.exec_driver_sql("UPDATE audit_entries SET actor = 'x' WHERE idx = 0")

    with pytest.raises(RollbackOfDamaged):
        declare(hospital)


def test_after_the_declaration_the_older_store_is_refused_again(hospital: Hospital) -> None:
    """
    A new epoch is no licence: putting back what was before it is another rollback.
    """
    declare(hospital)
    hospital.put_back()
    with hospital.open() as toolkit, pytest.raises(LogRolledBack):
        toolkit.require_anchored()
    again = declare(hospital)

    assert again.origin == f"{ORIGIN}/epoch-3"
    assert again.abandoned.origin == f"{ORIGIN}/epoch-2"
    with hospital.open() as toolkit:
        toolkit.require_anchored()
        toolkit.seal_log()
        assert toolkit.verify_log().ok


class Stopped(BaseException):
    """Like a kill: nothing may catch it on the way."""


@pytest.mark.parametrize("step", range(4))
def test_a_declaration_that_was_cut_off_is_ended_by_the_next(
    hospital: Hospital, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Stopped before any of the four files: one case, one entry, and the same end.
    """
    lost = hospital.anchor
    calls = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any) -> Any:  # noqa: ANN401
            nonlocal calls
            if calls == step:
                raise Stopped
            calls += 1
            return real(*words)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(module, "_write", counted(module._write))
        patched.setattr(module.Anchor, "write", counted(module.Anchor.write))
        with pytest.raises(Stopped):
            declare(hospital)
    assert read_home(hospital.home).origin == ORIGIN
    with hospital.open() as toolkit, pytest.raises((LogRolledBack, CheckpointInconsistent)):
        toolkit.seal_log()
    declared = declare(hospital)

    assert declared.origin == read_home(hospital.home).origin == f"{ORIGIN}/epoch-2"
    kept = hospital.home / "anchor" / f"abandoned-{declared.abandoned.size}"
    assert kept.read_text("utf-8") == lost
    with hospital.open() as toolkit:
        toolkit.require_anchored()
        toolkit.seal_log()
        assert toolkit.verify_log().ok
        with toolkit.reading() as unit:
            assert len(unit.cases.cases(toolkit.tenant)) == 1
            found = find_entries(unit.audit_store, TrailQuery(action="log.epoch"))
        assert len(found.entries) == 1


def test_an_old_backup_is_restored_closed_and_opened_by_two(tmp_path: Path) -> None:
    """
    With the newest anchor named: refused; with --declare-rollback restored, but not served.
    """
    hospital = Hospital(tmp_path / "one")
    with hospital.open() as toolkit:
        saved = tmp_path / "saved"
        back_up(
            toolkit,
            KEEPER,
            saved / "records",
            saved / "keys",
            tell=lambda *_: None,
            stopwatch=stopwatch,
        )
    hospital.work()
    order = RestoreOrder(
        records=saved / "records",
        keys=saved / "keys",
        home=tmp_path / "again",
        passphrase_file=hospital.home / "keys" / "passphrase",
        anchor=hospital.home / "anchor" / "checkpoint",
    )

    def bring(order: RestoreOrder) -> Any:  # noqa: ANN401
        return restore_home(
            order, hospital.clock, os.urandom, tell=lambda *_: None, stopwatch=stopwatch
        )

    with pytest.raises(LogRolledBack) as refused:
        bring(order)
    assert "--declare-rollback" in refused.value.hint
    assert not order.home.exists()
    assert bring(replace(order, declare_rollback=True)).rolled_back is True
    passphrase = order.passphrase_file
    with open_toolkit(order.home, passphrase, hospital.clock, os.urandom) as toolkit:
        for act in (toolkit.require_anchored, toolkit.seal_log):
            with pytest.raises(LogRolledBack):
                act()
        declared = declare_rollback(toolkit, TWO, "由备份恢复", os.urandom)
    with open_toolkit(order.home, passphrase, hospital.clock, os.urandom) as toolkit:
        toolkit.require_anchored()
        toolkit.seal_log()
        assert toolkit.verify_log().ok
    assert declared.origin == f"{ORIGIN}/epoch-2"
    # The flag alone, with nothing lost, changes nothing.
    fine = replace(order, home=tmp_path / "fine", anchor=None, declare_rollback=True)
    assert bring(fine).rolled_back is False


def test_a_backup_from_before_an_epoch_meets_an_anchor_from_after_it(tmp_path: Path) -> None:
    """
    The names are of one log, so the older backup is old and not foreign; its epoch is the third.
    """
    hospital = Hospital(tmp_path / "one")
    hospital.work()
    hospital.put_back()
    with hospital.open() as toolkit:
        # As a backup of before: store, settings and keys, but the anchor of today.
        shutil.copytree(hospital.home, tmp_path / "old")
        assert toolkit.home.origin == ORIGIN
    declare(hospital)
    shutil.copy(hospital.home / "anchor" / "checkpoint", tmp_path / "old" / "anchor")
    old = tmp_path / "old"

    with open_toolkit(old, None, hospital.clock, os.urandom) as toolkit:
        with pytest.raises(LogRolledBack):
            toolkit.require_anchored()
        declared = declare_rollback(toolkit, TWO, "由备份恢复", os.urandom)
    assert declared.origin == f"{ORIGIN}/epoch-3"
    assert declared.kept.origin == ORIGIN
