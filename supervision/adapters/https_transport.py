"""How does a prepared request travel over HTTPS?

TLS is verified, always. Plain HTTP is possible to the loopback addresses only,
for the simulator. Redirects are not followed and proxies of the environment are
not used: both would take personal data to a place that nobody configured.
"""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from supervision.errors import PlatformUnreachable, ReplyLost, TransportRefused
from supervision.transport.exchange import PreparedRequest, Reply

LARGEST_REPLY: Final = 1024 * 1024
"""Bytes of a reply; platforms answer with a few hundred."""


class HttpsTransport:
    """``Transport`` over HTTPS; one client, closed with ``close``."""

    def __init__(self, *, ca_file: Path | None = None, largest_reply: int = LARGEST_REPLY) -> None:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._largest = largest_reply
        self._client = httpx.Client(verify=context, follow_redirects=False, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def send(self, request: PreparedRequest) -> Reply:
        """Send and wait for the complete reply.

        Raises:
            TransportRefused: plain HTTP to another machine.
            PlatformUnreachable: certainly nothing arrived.
            ReplyLost: the request may have arrived; also for an oversized reply.
        """
        _require_protected(request.url)
        try:
            with self._client.stream(
                request.method,
                request.url,
                headers=list(request.headers),
                content=request.body,
                timeout=request.timeout_s,
            ) as response:
                body = self._read(response)
                headers = tuple((name.lower(), value) for name, value in response.headers.items())
                return Reply(status=response.status_code, headers=headers, body=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise PlatformUnreachable("no connection to the platform could be made") from error
        except httpx.HTTPError as error:
            raise ReplyLost("the connection ended before a complete reply") from error

    def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._largest:
                raise ReplyLost(f"the reply is larger than {self._largest} bytes")
        return bytes(body)


def _require_protected(url: str) -> None:
    parsed = httpx.URL(url)
    if parsed.scheme == "https":
        return
    if parsed.scheme == "http" and _is_loopback(parsed.host):
        return
    raise TransportRefused("plain HTTP is spoken to this machine only")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything, "localhost" included
