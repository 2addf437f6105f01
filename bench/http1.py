"""An HTTP/1.1 client that uses little CPU: one persistent connection, one request at a time.

Responses must have a Content-Length; anything else is a ConnectionBroken.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

_LENGTH: Final = b"\r\ncontent-length: "


class ConnectionBroken(Exception):
    """The connection ended before a response, or the response has no Content-Length."""


class Connection(asyncio.Protocol):
    """A connection to one server, made by `open`."""

    def __init__(self) -> None:
        self._raw = b""
        self._need = 0
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[bytes] | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        """Connect."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the methods and is no subclass

    def data_received(self, data: bytes) -> None:
        """Collect data until the response is complete."""
        self._raw += data
        if not self._need:
            end = self._raw.find(b"\r\n\r\n")
            if end < 0:
                return
            start = self._raw[:end].lower().find(_LENGTH)
            if start < 0:
                self._fail("no Content-Length")
                return
            digits = self._raw[start + len(_LENGTH) : end].partition(b"\r\n")[0]
            self._need = end + 4 + int(digits)
        if len(self._raw) >= self._need and self._waiter and not self._waiter.done():
            response, self._raw, self._need = self._raw, b"", 0
            self._waiter.set_result(response)

    def connection_lost(self, _: Exception | None) -> None:
        """Fail the request that waits."""
        self._transport = None
        self._fail("connection lost")

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a request. Returns status and body of the response, or raises ConnectionBroken."""
        if self._transport is None:
            raise ConnectionBroken("connection lost")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        response = await self._waiter
        return int(response[9:12]), response[response.find(b"\r\n\r\n") + 4 :]

    def close(self) -> None:
        """Close the connection."""
        if self._transport:
            self._transport.abort()

    def _fail(self, why: str) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(ConnectionBroken(why))
