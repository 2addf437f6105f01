"""HTTP calls to one server: kept connections, strict time limits, bounded responses.

A request that loses its connection before a response arrives is sent once more: callers only send what is safe to send
twice (reads, calls with an idempotency key, webhooks with an event id).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import aiohttp
from yarl import URL

_CONNECT_S: Final = 2
_MAX_BODY: Final = 4 * 1024 * 1024
_NOT_CONNECTED: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_CONNECTION_LOST: Final = (
    aiohttp.ClientOSError,
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientConnectionResetError,
)
_UNNEEDED_HEADERS: Final = ("Accept", "Accept-Encoding", "User-Agent")


class NoResponse(Exception):
    """No complete response arrived. `sent` False: the request never left, so the server did not act on it."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why, self.sent = why, sent


class Client:
    """Calls to one server. At most `connections` at once; more wait, within their time limit."""

    def __init__(self, base_url: str, *, connections: int = 64, total_s: float = 10) -> None:
        url = URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{base_url!r} is not an http(s) address")
        self._base = str(url.with_user(None)).rstrip("/")
        self._total_s = total_s
        self._slots = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of the response. Raises NoResponse when none arrives in time, or none that is HTTP."""
        url = URL(self._base + path)
        sent = False
        try:
            async with asyncio.timeout(self._total_s), self._slots:
                sent = True  # or, when the connection is refused, `_send` raises
                return await self._send(method, url, headers, body)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise NoResponse(f"{'sent' if sent else 'not_sent'}: {type(error).__name__}", sent=sent) from None

    async def aclose(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            return await self._exchange(method, url, headers, body)
        except _NOT_CONNECTED as error:
            raise NoResponse(f"not_sent: {type(error).__name__}", sent=False) from None
        except _CONNECTION_LOST:
            return await self._exchange(method, url, headers, body)

    async def _exchange(self, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        session = self._session or self._open()
        async with session.request(method, url, headers=headers, data=body or None, allow_redirects=False) as response:
            return response.status, await _read(response.content)

    def _open(self) -> aiohttp.ClientSession:
        """A session belongs to the running event loop, so the first call opens it."""
        self._session = aiohttp.ClientSession(
            # The resolver of the operating system, in a thread: the address is the operator's own setting.
            connector=aiohttp.TCPConnector(limit=0, resolver=aiohttp.ThreadedResolver()),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_UNNEEDED_HEADERS,
            auto_decompress=False,
        )
        return self._session


async def _read(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > _MAX_BODY:
            raise aiohttp.ClientPayloadError(f"more than {_MAX_BODY} bytes")
    return bytes(body)
