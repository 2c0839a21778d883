"""An abandoned desk is signed out, and looking at the page changes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from secure_records.audit.trail import TrailQuery, find_entries

if TYPE_CHECKING:
    from conftest import House


def checkpoints(house: House) -> tuple[int, str]:
    with house.toolkit.reading() as unit:
        latest = unit.audit_store.latest_checkpoint()
        assert latest is not None
        return latest.size, latest.note


def test_an_idle_session_ends(house: House) -> None:
    """
    Just before the limit it lives, at the limit it is over, for page and twin.
    """
    with house.browser() as client:
        house.sign_in(client)
        house.clock.forward(minutes=29, seconds=59)
        assert client.get("/").status_code == 200
        house.clock.forward(minutes=30)
        assert client.get("/status.json").status_code == 401
        assert client.get("/").status_code == 401


def test_a_page_that_reloads_itself_is_no_person(house: House) -> None:
    """
    The page asks for itself every minute; that alone keeps nobody signed in.
    """
    with house.browser() as client:
        house.sign_in(client)
        address = re.search(r'http-equiv="refresh" content="60;url=([^"]+)"', client.get("/").text)
        assert address
        for _ in range(29):
            house.clock.forward(minutes=1)
            assert client.get(address[1]).status_code == 200
        house.clock.forward(minutes=1)

        assert client.get(address[1]).status_code == 401


def test_use_sets_the_idle_timer_back_but_not_the_term(house: House) -> None:
    """
    Eight hours after signing in everybody signs in again.
    """
    with house.browser() as client:
        house.sign_in(client)
        for _ in range(31):
            house.clock.forward(minutes=15)
            assert client.get("/").status_code == 200
        house.clock.forward(minutes=15)

        assert client.get("/").status_code == 401


def test_looking_writes_nothing(house: House) -> None:
    """
    However often the page is read, log and checkpoint stay as they are.
    """
    with house.browser() as client:
        house.sign_in(client)
        before = len(house.entries()), checkpoints(house)
        for path in ("/", "/status.json", "/?lang=en", "/healthz"):
            assert client.get(path).status_code == 200

        assert (len(house.entries()), checkpoints(house)) == before


def test_page_and_twin_are_two_forms_of_one_answer(house: House) -> None:
    """
    The twin names the same institution, size and root as the page beside it.
    """
    with house.browser() as client:
        house.sign_in(client)
        twin, page = client.get("/status.json").json(), client.get("/").text

    assert twin["institution"] in page
    assert twin["log"]["root"] in page
    assert twin["log"]["verified_ok"] is None
    assert "启动以来未做" in page
    assert f"<dd>{twin['log']['size']}</dd>" in page


def test_an_unknown_language_is_chinese_and_the_choice_is_remembered(house: House) -> None:
    """
    The address decides, then the cookie, then Chinese.
    """
    with house.browser() as client:
        assert 'lang="zh-CN"' in client.get("/sign-in?lang=xx").text
        assert 'lang="en"' in client.get("/sign-in?lang=en").text
        assert 'lang="en"' in client.get("/sign-in").text


@pytest.mark.parametrize("path", ["/", "/status.json"])
def test_who_may_not_read_cases_does_not_see_the_page(house: House, path: str) -> None:
    """
    A clinician may sign in; open cases are not a clinician's office, and the denial is entered.
    """
    with house.browser() as client:
        house.sign_in(client, "d001")
        answer = client.get(path)

        assert answer.status_code == 403
        assert answer.json()["title"] == "office.not_yours"
    with house.toolkit.reading() as unit:
        [entry] = find_entries(unit.audit_store, TrailQuery(action="incident.read")).entries
    assert (entry.actor, entry.decision) == ("d001", "deny")
