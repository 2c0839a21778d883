"""The sentence on top says the state; unknown is never shown as good."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest

from jinkui.console.pages.status import duration_text, sentence, status_context
from jinkui.console.sessions import Session
from jinkui.procedures.status import (
    CheckState,
    ClockLine,
    LogState,
    OutboxState,
    Status,
    status_document,
)

NOW = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
SESSION = Session(actor="officer", roles=(), begun=NOW, seen=NOW, csrf="c")


def clock(state: str, due: datetime | None) -> ClockLine:
    return ClockLine(
        case="case_01k2abcdefghjkmnpqrstvwxyz",
        rule_id="R",
        recipient_zh="属地省级网信部门",
        recipient_en="provincial CAC",
        due_at=due,
        limit_zh="最迟 4 小时",
        limit_en="at most 4 hours",
        state=state,
        citation="《某办法》第四条",
        verified=False,
    )


def status(
    *clocks: ClockLine,
    verified: bool | None = None,
    check: CheckState | None = None,
    stuck: int = 0,
) -> Status:
    return Status(
        at=NOW,
        institution="12460100000000019E",
        institution_name="示范互联网医院",
        profile="demo",
        suite="gm",
        records=1,
        clocks=clocks,
        outbox=OutboxState(accepted=0, waiting=0, stuck=stuck, last_receipt_at=None),
        check=check,
        log=LogState(
            size=1,
            checkpoint_size=1,
            checkpoint_at=NOW,
            verified_ok=verified,
            verified_at=NOW if verified is not None else None,
            root="AA==",
        ),
    )


def test_the_most_urgent_comes_first() -> None:
    """
    Overdue before running, running before prompt duties, then the rest.
    """
    said = sentence(
        status(
            clock("running", NOW + timedelta(hours=1, minutes=42)),
            clock("overdue", NOW - timedelta(hours=1)),
            clock("no_hours", None),
            stuck=1,
        ),
        "zh",
    )

    assert said.startswith("1 项法定时限已逾期；1 项法定时限正在计时，最近一项 01:42 后到期")
    assert said.index("立即") < said.index("待人工处理") < said.index("日志")


def test_a_discharged_clock_is_no_running_clock() -> None:
    """
    What has been filed no longer counts down.
    """
    assert sentence(status(clock("discharged", NOW + timedelta(hours=1))), "zh").startswith(
        "没有正在计时的法定时限"
    )


@pytest.mark.parametrize(("verified", "look"), [(None, "unknown"), (True, "ok"), (False, "late")])
def test_an_unverified_log_never_looks_verified(verified: bool | None, look: str) -> None:
    """
    Not verified, passed and failed have three different looks.
    """
    assert status_context(status(verified=verified), SESSION, "zh", NOW)["log_look"] == look


def test_durations_round_down_and_never_go_below_zero() -> None:
    """
    A clock never promises a minute that is not there.
    """
    assert duration_text(timedelta(minutes=1, seconds=59)) == "00:01"
    assert duration_text(timedelta(days=29, hours=3, minutes=15)) == "29 d 03:15"
    assert duration_text(-timedelta(minutes=5)) == "00:00"


def test_both_languages_have_the_same_phrases() -> None:
    """
    A phrase that exists in one language exists in the other, with the same places.
    """
    read = {
        name: tomllib.loads(
            (files("jinkui.console") / "messages" / f"{name}.toml").read_text("utf-8")
        )
        for name in ("zh", "en")
    }

    assert read["zh"].keys() == read["en"].keys()
    for key, value in read["zh"].items():
        places = {part.split("}")[0] for part in value.split("{")[1:]}
        assert places == {part.split("}")[0] for part in read["en"][key].split("{")[1:]}


def test_the_json_twin_says_what_the_page_says() -> None:
    """
    Every clock on the page is in the twin, with its due instant and verified flag.
    """
    document = status_document(status(clock("running", NOW)))

    assert isinstance(document, dict)
    assert document["clocks"] == [
        {
            "case": "case_01k2abcdefghjkmnpqrstvwxyz",
            "rule_id": "R",
            "recipient": "属地省级网信部门",
            "recipient_en": "provincial CAC",
            "due_at": "2026-03-01T16:00:00Z",
            "limit_text": "at most 4 hours",
            "limit_text_zh": "最迟 4 小时",
            "state": "running",
            "discharged_at": None,
            "late": False,
            "provisional": False,
            "citation": "《某办法》第四条",
            "verified": False,
        }
    ]
