"""The night watch signs what was added, verifies the whole, and does not fall asleep."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jinkui.daemon.rounds import SEAL_EVERY, VERIFY_EVERY, Rounds
from secure_records.errors import StoreDamaged

if TYPE_CHECKING:
    from conftest import House


def covered(house: House) -> tuple[int, int]:
    with house.toolkit.reading() as unit:
        latest = unit.audit_store.latest_checkpoint()
        return (0 if latest is None else latest.size), unit.log.size()


def test_a_grown_log_is_signed_within_a_minute(house: House) -> None:
    """
    A sign-in is under a checkpoint, and in the anchor, after the next round.
    """
    rounds = Rounds(house.backend, house.clock)
    with house.browser() as client:
        house.sign_in(client)
    assert covered(house)[0] < covered(house)[1]
    house.clock.at += SEAL_EVERY

    assert rounds.walk() == ("seal",)
    size, entries = covered(house)
    assert size == entries
    assert f"\n{size}\n" in (house.toolkit.anchor.read() or "")


def test_an_unchanged_log_is_left_alone(house: House) -> None:
    """
    Nothing new, nothing to sign: the anchor file is not even touched.
    """
    house.backend.seal_log()
    before = house.toolkit.home.anchor_file.stat().st_mtime_ns

    assert house.backend.seal_log() is False
    assert house.toolkit.home.anchor_file.stat().st_mtime_ns == before


def test_nothing_is_done_before_it_is_due(house: House) -> None:
    """
    Between two rounds the watch only walks.
    """
    rounds = Rounds(house.backend, house.clock)
    house.clock.at += SEAL_EVERY - timedelta(seconds=1)

    assert rounds.walk() == ()


def test_the_whole_log_is_verified_now_and_then(house: House) -> None:
    """
    After the period the page shows a fresh result with its size.
    """
    rounds = Rounds(house.backend, house.clock)
    house.clock.at += VERIFY_EVERY

    assert rounds.walk() == ("seal", "verify")
    log = house.backend.status().log
    assert (log.verified_ok, log.verified_at, log.verified_size) == (True, house.clock.at, log.size)


def test_a_failed_round_does_not_end_the_watch(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A store that cannot be read shows as failed, is said in the log, and is tried again.
    """
    house.backend.verify_log()
    rounds = Rounds(house.backend, house.clock)

    def damaged() -> None:
        raise StoreDamaged("3 pages of records.db fail authentication")

    monkeypatch.setattr(house.toolkit, "verify_log", damaged)
    house.clock.at += VERIFY_EVERY
    with caplog.at_level(logging.ERROR, logger="jinkui.daemon"):
        assert rounds.walk() == ("seal",)
    assert "verify failed" in caplog.text
    assert house.backend.status().log.verified_ok is False

    monkeypatch.undo()
    house.clock.at += VERIFY_EVERY
    assert rounds.walk() == ("seal", "verify")
    assert house.backend.status().log.verified_ok is True
