"""A program opens a home in a few lines, and the promises of the house hold there too."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import jinkui
from jinkui import make_home, open_home, open_vault
from jinkui.embedding import CallerMissing, HomeHeadRefused
from jinkui.procedures.offices import NotYourOffice
from jinkui.settings.home import HomeExists, HomeNotFound
from jinkui.wiring.anchor import LogRolledBack
from jinkui.wiring.homes import PassphraseMissing
from secure_records import Caller, StoreReceipt, Vault, read_lines
from secure_records.errors import RootLocked
from secure_records.registry.errors import NumberRefused
from secure_records.testing import (
    INSTITUTION,
    FixedClock,
    SeededEntropy,
    registry_document,
    synthetic_lines,
)
from secure_records.testing.synthetic import lines_as_bytes

NAME = "金匮示范互联网医院"
DESK = Caller(actor="records-desk", role="records_officer")


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Any]:
    """Arguments that open a registered, empty home."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple\n", "utf-8")
    home = tmp_path / "home"
    make_home(home, institution=INSTITUTION, name=NAME, passphrase_file=passphrase, profile="test")
    arguments = {"folder": home, "passphrase_file": passphrase}
    with open_home(**arguments) as opened:
        opened.register(registry_document())
    return arguments


def records(visit: int = 1) -> list[Any]:
    return list(read_lines(lines_as_bytes(synthetic_lines(visit))))


def test_a_vault_is_opened_in_one_line_and_keeps_what_it_got(place: dict[str, Any]) -> None:
    """
    What one block stored, the next one finds.
    """
    with open_vault(**place) as vault:
        assert isinstance(vault, Vault)
        receipts = vault.store(DESK, records(), "test")
        assert all(isinstance(receipt, StoreReceipt) for receipt in receipts)
    with open_vault(**place) as vault:
        assert vault.count() == 5
        assert vault.read(DESK, receipts[0].record, "patient_request").kind == "revisit_proof"


def test_the_head_of_the_log_is_signed_when_entries_were_added(place: dict[str, Any]) -> None:
    """
    Leaving covers every entry, also after an error; without a new entry the note stays.
    """
    anchor = place["folder"] / "anchor" / "checkpoint"
    before = anchor.read_text("utf-8")
    with open_vault(**place):
        pass
    assert anchor.read_text("utf-8") == before

    with pytest.raises(ZeroDivisionError), open_vault(**place) as vault:  # noqa: PT012
        vault.store(DESK, records(), "test")
        raise ZeroDivisionError
    assert anchor.read_text("utf-8") != before
    with open_home(**place) as opened:
        verdict = opened.verify_log()
    assert verdict.ok
    assert verdict.covered == verdict.size > 5


def test_a_program_that_runs_for_days_signs_in_between(place: dict[str, Any]) -> None:
    """
    ``sign_log`` covers what has been written so far.
    """
    with open_home(**place) as opened:
        opened.vault.store(DESK, records(), "test")
        open_tail = opened.verify_log()
        note = opened.sign_log()
        assert open_tail.covered < open_tail.size
        assert opened.verify_log().covered == open_tail.size
        assert note == (place["folder"] / "anchor" / "checkpoint").read_text("utf-8")


def test_threads_share_an_open_home(place: dict[str, Any]) -> None:
    """
    Four threads store and read at once through one vault: all of it is there, the log holds.
    """

    def work(visit: int) -> str:
        receipts = opened.vault.store(DESK, records(visit), "test")
        assert all(isinstance(receipt, StoreReceipt) for receipt in receipts)
        view = opened.vault.read(DESK, receipts[3].record, "patient_request")
        return str(view.body["record_no"])

    with open_home(**place) as opened:
        with ThreadPoolExecutor(4) as threads:
            numbers = list(threads.map(work, range(1, 13)))
        assert numbers == [f"SYN-E{visit:07d}" for visit in range(1, 13)]
        assert opened.vault.count() == 12 * 5
        assert opened.verify_log().ok


def test_a_store_that_does_not_continue_its_anchor_is_not_opened(place: dict[str, Any]) -> None:
    """
    An older store under a newer anchor is refused before the block begins.
    """
    store = place["folder"] / "records.db"
    old = store.read_bytes()
    with open_vault(**place) as vault:
        vault.store(DESK, records(), "test")
    store.write_bytes(old)

    with pytest.raises(LogRolledBack), open_vault(**place):
        pytest.fail("the store was opened")


def test_clock_and_randomness_may_be_handed_in(place: dict[str, Any]) -> None:
    """
    A record bears the instant of the clock that was handed in.
    """
    clock = FixedClock()
    with open_vault(**place, clock=clock, entropy=SeededEntropy("here")) as vault:
        receipt = vault.store(DESK, records()[:1], "test")[0]
        view = vault.read(DESK, receipt.record, "patient_request")
    assert view.created_at == clock.now()


def test_the_register_is_changed_by_an_office_once_there_are_accounts(
    place: dict[str, Any],
) -> None:
    """
    The first registry needs no caller; later a missing one and a role without office are refused.
    """
    with open_home(**place) as opened:
        with pytest.raises(CallerMissing):
            opened.register(registry_document())
        with pytest.raises(NotYourOffice):
            opened.register(registry_document(), DESK)
        officer = Caller(actor="security", role="security_admin")
        assert len(opened.register(registry_document(), officer).actors) == 6


def test_a_home_is_made_once_and_for_a_true_code_only(place: dict[str, Any]) -> None:
    """
    An existing home stays; a wrong check character, profile or suite makes nothing.
    """
    fresh = place["folder"].parent / "fresh"
    good = {"institution": INSTITUTION, "name": NAME, "passphrase_file": place["passphrase_file"]}
    with pytest.raises(HomeExists):
        make_home(place["folder"], **good, profile="test")
    with pytest.raises(NumberRefused):
        make_home(fresh, **(good | {"institution": INSTITUTION[:-1] + "A"}))
    for change in ({"profile": "prod"}, {"suite": "both"}):
        with pytest.raises(HomeHeadRefused, match="expected one of"):
            make_home(fresh, **good, **change)
    with pytest.raises(PassphraseMissing):
        make_home(fresh, institution=INSTITUTION, name=NAME)
    assert not fresh.exists()


def test_what_cannot_be_opened_says_which_part_is_missing(place: dict[str, Any]) -> None:
    """
    No home, no passphrase, a wrong passphrase: three errors, each with its hint.
    """
    wrong = place["folder"].parent / "wrong"
    wrong.write_text("another passphrase\n", "utf-8")
    for change, error in (
        ({"folder": place["folder"].parent / "nowhere"}, HomeNotFound),
        ({"passphrase_file": None}, PassphraseMissing),
        ({"passphrase_file": wrong}, RootLocked),
    ):
        with pytest.raises(error) as refusal, open_vault(**(place | change)):
            pytest.fail("opened")
        assert refusal.value.hint


def test_the_package_offers_its_names_without_loading_the_house() -> None:
    """
    ``import jinkui`` loads no domain; an unknown name is an AttributeError.
    """
    with pytest.raises(AttributeError, match="no attribute 'open_sesame'"):
        jinkui.__getattr__("open_sesame")
    seen = "import sys, jinkui; print('secure_records' in sys.modules, jinkui.open_vault.__name__)"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert done.stdout == "False open_vault\n"
