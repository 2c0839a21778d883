"""Every answer carries the protective headers, errors too, and no answer says too much."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from jinkui.daemon.application import LARGEST_BODY
from jinkui.daemon.headers import CONTENT_SECURITY_POLICY, HEADERS

if TYPE_CHECKING:
    from conftest import House

SECRET = "hunter2-hunter2-hunter2"
HTML = {"accept": "text/html,application/xhtml+xml"}


def drops(size: int) -> Iterator[bytes]:
    """A body of unknown length."""
    while size > 0:
        yield b"a" * min(size, 8192)
        size -= 8192


def require_protected(response: httpx.Response) -> None:
    for name, value in HEADERS:
        assert response.headers.get_list(name.decode()) == [value.decode()], name
    assert "server" not in response.headers


@pytest.mark.parametrize("accept", ["*/*", HTML["accept"]])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/sign-in", 200),
        ("GET", "/healthz", 200),
        ("GET", "/assets/console.css", 200),
        ("GET", "/status.json", 401),
        ("GET", "/", 401),
        ("POST", "/sign-in", 400),
        ("POST", "/sign-out", 400),
        ("GET", "/nowhere", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("DELETE", "/sign-in", 405),
        ("POST", "/", 405),
        ("TRACE", "/", 405),
    ],
)
def test_every_route_is_protected(
    shared_house: House, method: str, path: str, status: int, accept: str
) -> None:
    """
    Pages, style sheet, refusals and unknown addresses carry each header exactly once.
    """
    with shared_house.browser(accept=accept) as client:
        response = client.request(method, path)

    if status == 401 and accept != "*/*":
        assert (response.status_code, response.headers["location"]) == (303, "/sign-in")
    else:
        assert response.status_code == status
    require_protected(response)


def test_a_refused_method_names_the_allowed_ones(shared_house: House) -> None:
    """
    RFC 9110 15.5.6: an answer 405 carries Allow.
    """
    with shared_house.browser() as client:
        assert client.delete("/sign-in").headers["allow"] in {"GET", "POST", "GET, POST"}


def test_a_defect_is_a_bare_and_protected_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    An unexpected failure answers 500 with the same headers and not one word of the reason.
    """
    with house.browser() as client:
        house.sign_in(client)

        def fail() -> None:
            raise RuntimeError(SECRET)

        monkeypatch.setattr(house.backend, "status", fail)
        response = client.get("/")

    assert response.status_code == 500
    assert response.json() == {"type": "urn:jinkui:defect", "title": "defect", "status": 500}
    require_protected(response)


def test_no_script_and_no_outside_source_is_allowed() -> None:
    """
    The policy starts from nothing and names no script source and no host.
    """
    directives = dict(part.strip().split(" ", 1) for part in CONTENT_SECURITY_POLICY.split(";"))

    assert directives["default-src"] == "'none'"
    assert {"script-src", "connect-src"}.isdisjoint(directives)
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert directives["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("size", [LARGEST_BODY + 1, 50 * LARGEST_BODY])
@pytest.mark.parametrize("announced", [True, False])
def test_an_oversized_body_is_refused(shared_house: House, size: int, announced: bool) -> None:
    """
    Announced or sent in drops of unknown length: 413, and the daemon goes on serving.
    """
    with shared_house.browser() as client:
        content = b"a" * size if announced else drops(size)
        try:
            response = client.post(
                "/sign-in",
                content=content,
                headers={"content-type": "application/x-www-form-urlencoded"},
            )
        except httpx.TransportError:
            # The server may close while we are still sending; it did not swallow the body.
            assert size > 2 * LARGEST_BODY
        else:
            assert response.status_code == 413
            require_protected(response)
    with shared_house.browser() as client:
        assert client.get("/healthz").status_code == 200


def test_a_body_at_the_limit_is_read(shared_house: House) -> None:
    """
    The limit itself is allowed; what is refused then is the form, not its size.
    """
    body = b"name=a&password=b&rest="
    with shared_house.browser() as client:
        response = client.post(
            "/sign-in",
            content=body + b"c" * (LARGEST_BODY - len(body)),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )

    assert response.status_code == 403


def test_a_senseless_length_is_refused(shared_house: House) -> None:
    """
    A Content-Length that is no number never reaches the application.
    """
    host, port = shared_house.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n")
        answer = line.recv(4096)

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413"))


@pytest.mark.parametrize("accept", ["*/*", HTML["accept"]])
@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"password": SECRET}},
        {"data": {"name": "a" * 65, "password": SECRET}},
        {"data": {"name": "a002", "password": SECRET * 20}},
        {"data": {"name": "a002", "password": [SECRET, SECRET], "lang": "a" * 6}},
        {"json": {"name": "a002", "password": SECRET}},
        {"files": {"password": ("f", SECRET.encode())}},
        {
            "content": f"--x\r\npassword={SECRET}".encode(),
            "headers": {"content-type": "multipart/form-data; boundary=x"},
        },
        {
            "content": SECRET.encode(),
            "headers": {"content-type": "multipart/form-data"},
        },
    ],
)
def test_a_malformed_form_never_comes_back(
    shared_house: House, sent: dict[str, Any], accept: str
) -> None:
    """
    Missing, too long, of the wrong type: 400, and what was sent is not repeated.
    """
    with shared_house.browser(accept=accept) as client:
        response = client.post("/sign-in", **sent)

    assert response.status_code == 400
    assert SECRET not in response.text
    assert SECRET not in str(response.headers)


def test_health_tells_an_outsider_nothing(house: House) -> None:
    """
    The answer is the same whatever the state of the house: no version, no name, no count.
    """
    with house.browser() as client:
        before = client.get("/healthz")
        house.sign_in(client)
        after = client.get("/healthz")

    assert before.content == after.content == b'{"ok":true}'


def test_a_browser_reads_a_sentence_and_a_program_a_problem(shared_house: House) -> None:
    """
    One refusal, two forms: a page in the reader's language, or RFC 9457.
    """
    with shared_house.browser() as client:
        page = client.get("/nowhere?lang=en", headers=HTML)
        document = client.get("/nowhere")

    assert "There is no such page." in page.text
    assert document.headers["content-type"] == "application/problem+json"
    assert document.json()["status"] == 404
