"""Which headers protect every answer, and how large may a request be?

No script at all, no outside request, no framing, no caching of anything that a
signed-in person sees. A page that needs more must argue for it here. Answers made
by this layer itself (too large, a defect further in) carry the same headers.
"""

from __future__ import annotations

import json
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)

HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # Not "no-referrer": under it browsers send "Origin: null" with our own sign-in form,
    # which cannot be told from a foreign one.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
)

TOO_LARGE: Final = ("request.too_large", 413)
DEFECT: Final = ("defect", 500)


class ProtectiveHeaders:
    """Adds ``HEADERS`` to every response and refuses bodies beyond a limit."""

    def __init__(self, app: ASGIApp, largest_body: int) -> None:
        self._app = app
        self._largest = largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._largest:
            await _Answer(send).refuse(*TOO_LARGE)
            return
        answer, seen = _Answer(send), 0

        async def receive_limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._largest:
                # A body without a length turned out too large: whatever the application
                # makes of a client that goes away, the client reads our refusal.
                await answer.refuse(*TOO_LARGE)
                return {"type": "http.disconnect"}
            return message

        try:
            await self._app(scope, receive_limited, answer.send)
        except Exception:
            await answer.refuse(*DEFECT)
            raise


class _Answer:
    """One response: the first to begin it wins, everything later is dropped."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False
        self._refused = False

    async def send(self, message: Message) -> None:
        """Pass a message of the application on."""
        if self._refused:
            return
        if message["type"] == "http.response.start":
            self._begun = True
            kept = [(k, v) for k, v in message.get("headers", []) if k.lower() != b"server"]
            message = {**message, "headers": [*kept, *HEADERS]}
        await self._send(message)

    async def refuse(self, title: str, status: int) -> None:
        """Answer with a bare verdict, unless an answer is already on its way."""
        if self._begun or self._refused:
            return
        problem = {"type": f"urn:jinkui:{title}", "title": title, "status": status}
        body = json.dumps(problem).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *HEADERS,
        ]
        self._refused = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
