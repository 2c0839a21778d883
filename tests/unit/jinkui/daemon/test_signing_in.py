"""Who gets in is who should, it is in the log, and without a log nobody gets in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from secure_records.audit.log import AuditLog

if TYPE_CHECKING:
    from conftest import House

OFFICER, PARTNER, PASSWORDLESS = "a002", "x001", "a005"
PASSWORD = "a long night 2026"
HTML = {"accept": "text/html"}


def outcomes(house: House) -> list[tuple[str, str, str, str | None]]:
    def row(entry: Mapping[str, Any]) -> tuple[str, str, str, str | None]:
        return entry["action"], entry["actor"], entry["decision"], entry.get("outcome")

    return [row(entry) for entry in house.entries()]


def csrf(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
    assert found
    return found[1]


def fail(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_sign_in_opens_the_page_and_leaves_one_entry(house: House) -> None:
    """
    Right name, right password: in, with exactly one entry naming the account.
    """
    with house.browser() as client:
        response = house.sign_in(client)

        assert (response.status_code, response.headers["location"]) == (303, "/")
        assert client.get("/").status_code == 200
    assert outcomes(house) == [("console.sign_in", OFFICER, "permit", None)]


@pytest.mark.parametrize(
    ("name", "password", "actor", "why"),
    [
        (OFFICER, "wrong", OFFICER, "wrong_password"),
        (OFFICER, PASSWORD + " ", OFFICER, "wrong_password"),
        (OFFICER.upper(), PASSWORD, "unknown", "unknown_account"),
        ("nobody", PASSWORD, "unknown", "unknown_account"),
        ("' OR 1=1 --", PASSWORD, "unknown", "unknown_account"),
        (PASSWORDLESS, PASSWORD, PASSWORDLESS, "wrong_password"),
        (PARTNER, PASSWORD, PARTNER, "partner_account"),
        (PARTNER, "wrong", PARTNER, "wrong_password"),
    ],
)
def test_every_failure_looks_the_same_and_leaves_one_entry(
    house: House, name: str, password: str, actor: str, why: str
) -> None:
    """
    Outside one sentence, the same for all; inside one entry that says which it was.
    """
    with house.browser() as client:
        refused = house.sign_in(client, name, password)
        plain = house.sign_in(client, "somebody else", "wrong")

        def said(page: httpx.Response) -> list[str]:
            return re.findall(r'role="alert">([^<]+)<', page.text)

        assert refused.status_code == plain.status_code == 403
        assert len(said(refused)) == 1
        assert said(refused) == said(plain)
        assert client.get("/").status_code == 401
    assert outcomes(house)[0] == ("console.sign_in", actor, "deny", why)
    assert len(house.entries()) == 2


def test_the_typed_name_stays_in_the_field_and_out_of_the_log(house: House) -> None:
    """
    People type passwords into the wrong field; markup in a name stays text.
    """
    typed = '"><script>my-password-2026'
    with house.browser() as client:
        page = house.sign_in(client, typed, "x")

    assert "<script>" not in page.text
    assert 'value="&#34;&gt;&lt;script&gt;my-password-2026"' in page.text
    assert "my-password-2026" not in str(house.entries())


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:1"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_foreign_form_signs_nobody_in(house: House, headers: dict[str, str]) -> None:
    """
    Login CSRF: right password, foreign page: refused, audited, and no step towards a pause.
    """
    with house.browser() as client:
        for _ in range(6):
            response = house.sign_in(client, headers=headers)
            assert response.status_code == 403
            assert "set-cookie" not in response.headers
        assert outcomes(house) == [("console.sign_in", OFFICER, "deny", "foreign_form")] * 6
        assert house.sign_in(client).status_code == 303


def test_our_own_form_signs_in(house: House) -> None:
    """
    What a browser sends with our own form is accepted.
    """
    headers = {"origin": house.address, "sec-fetch-site": "same-origin"}
    with house.browser() as client:
        assert house.sign_in(client, headers=headers).status_code == 303


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cookies_are_out_of_reach(house: House, scheme: str) -> None:
    """
    HttpOnly and SameSite=Strict always, Secure behind a TLS proxy on this machine.
    """
    with house.browser(**{"x-forwarded-proto": scheme}) as client:
        origin = house.address.replace("http", scheme, 1)
        cookies = [
            *house.sign_in(client, headers={"origin": origin}).headers.get_list("set-cookie"),
            *client.get("/sign-in").headers.get_list("set-cookie"),
        ]

    assert [c.split("=")[0] for c in cookies] == ["jinkui_session", "jinkui_lang"]
    for cookie in cookies:
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=strict"} <= flags
        assert ("secure" in flags) is (scheme == "https")


@pytest.mark.parametrize("name", [OFFICER, "nobody-of-that-name"])
def test_repeated_failures_pause_real_and_invented_names_alike(house: House, name: str) -> None:
    """
    After the fifth failure even the right password waits; the sixth try leaves an entry, too.
    """
    with house.browser() as client:
        answers = [house.sign_in(client, name, "wrong").text for _ in range(5)]
        paused = house.sign_in(client, name, PASSWORD)

        assert paused.status_code == 403
        assert paused.text == answers[0]
        assert len(house.entries()) == 6
        assert outcomes(house)[-1][3] == "paused"
        assert house.sign_in(client, PARTNER, "wrong").text != ""


def test_trying_during_the_pause_does_not_lengthen_it(house: House) -> None:
    """
    A stranger who keeps trying cannot keep the owner out for good.
    """
    with house.browser() as client:
        for _ in range(5):
            house.sign_in(client, OFFICER, "wrong")
        for _ in range(14):
            house.clock.forward(minutes=1)
            assert house.sign_in(client, OFFICER, "wrong").status_code == 403
        house.clock.forward(minutes=1)

        assert house.sign_in(client).status_code == 303


def test_many_guesses_at_once_get_no_further_than_in_a_row(house: House) -> None:
    """
    Twelve at the same moment: at most five reach the password, each leaves its entry.
    """

    def guess(_: int) -> int:
        with house.browser() as client:
            return int(house.sign_in(client, OFFICER, "wrong").status_code)

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(guess, range(12)))

    reasons = [why for *_, why in outcomes(house)]
    assert statuses == [403] * 12
    assert len(reasons) == 12
    assert reasons.count("wrong_password") <= 5
    assert house.toolkit.verify_log().ok


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_no_entry_no_sign_in(house: House, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    """
    If the log cannot be written nobody gets in and nobody gets an ordinary answer.
    """
    with house.browser() as client:
        monkeypatch.setattr(AuditLog, "append", fail)
        response = house.sign_in(client, OFFICER, password)
        monkeypatch.undo()

        assert response.status_code == 500
        assert "set-cookie" not in response.headers
        assert client.get("/").status_code == 401
    assert house.entries() == []


def test_signing_out_ends_the_session_and_leaves_one_entry(house: House) -> None:
    """
    Afterwards the old cookie opens nothing.
    """
    with house.browser(**HTML) as client:
        house.sign_in(client)
        old = dict(client.cookies)
        response = client.post("/sign-out", data={"csrf": csrf(client.get("/"))})

        assert (response.status_code, response.headers["location"]) == (303, "/sign-in")
        assert "jinkui_session" not in client.cookies
    with house.browser() as client:
        client.cookies.update(old)
        assert client.get("/").status_code == 401
    assert outcomes(house)[1:] == [("console.sign_out", OFFICER, "permit", None)]


@pytest.mark.parametrize("token", ["", "0" * 64, "ä"])
def test_a_foreign_form_signs_nobody_out(house: House, token: str) -> None:
    """
    Without the session's own token the session goes on and nothing is entered.
    """
    with house.browser() as client:
        house.sign_in(client)
        assert client.post("/sign-out", data={"csrf": token}).status_code in {400, 401}
        assert client.get("/").status_code == 200
    assert len(house.entries()) == 1


def test_whoever_leaves_has_left_even_without_a_log(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A full disk must not keep an abandoned browser signed in.
    """
    with house.browser() as client:
        house.sign_in(client)
        token = csrf(client.get("/"))
        monkeypatch.setattr(AuditLog, "append", fail)
        assert client.post("/sign-out", data={"csrf": token}).status_code == 500
        monkeypatch.undo()

        assert client.get("/").status_code == 401


def test_signing_in_again_ends_the_session_before(house: House) -> None:
    """
    One browser, one session: the replaced cookie is worthless.
    """
    with house.browser() as client:
        house.sign_in(client)
        old = client.cookies["jinkui_session"]
        house.sign_in(client)
        client.cookies.set("jinkui_session", old, domain="127.0.0.1")
    with house.browser() as client:
        client.cookies.set("jinkui_session", old)
        assert client.get("/").status_code == 401
