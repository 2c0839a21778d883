"""How is the simulated platform spoken to over HTTP?"""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from fastapi import FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from shared_kernel.canonical_json import canonical_bytes
from supervision.simulator.platform import LARGEST_REQUEST, SimulatedPlatform


def create_simulator(platform: SimulatedPlatform) -> FastAPI:
    """The web application of one simulated platform; ``GET /received`` shows what it stored."""
    app = FastAPI(title=platform.name, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/received")
    async def received() -> Response:
        rows = [asdict(item) for item in platform.received()]
        return Response(canonical_bytes({"received": rows}), media_type="application/json")

    @app.post("/{path:path}")
    async def message(path: str, request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_REQUEST:
                return Response(status_code=413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = await asyncio.to_thread(platform.handle, f"/{path}", headers, bytes(body))
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.dropped:
            return _BrokenResponse()
        return Response(reply.body, status_code=reply.status, media_type="application/json")

    return app


class _BrokenResponse(Response):
    """Promises a body and ends: the server then closes the connection, as a lost line would."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", b"1000")],
            }
        )
