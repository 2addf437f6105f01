"""A client that costs next to nothing: one kept HTTP/1.1 connection, one exchange at a time.

It trusts its server: answers carry Content-Length. Anything else is a Broken.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

_LENGTH: Final = b"\r\ncontent-length: "


class Broken(Exception):
    """The connection ended before an answer, or the answer has no Content-Length."""


class Connection(asyncio.Protocol):
    """A connection to one server. `open` makes it."""

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
        """Keep the way to write."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but ancestry

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
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
            answer, self._raw, self._need = self._raw, b"", 0
            self._waiter.set_result(answer)

    def connection_lost(self, _: Exception | None) -> None:
        """Whoever waits learns of it."""
        self._transport = None
        self._fail("connection lost")

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send; status and body of the answer. Raises Broken."""
        if self._transport is None:
            raise Broken("connection lost")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        answer = await self._waiter
        return int(answer[9:12]), answer[answer.find(b"\r\n\r\n") + 4 :]

    def close(self) -> None:
        """Let it go."""
        if self._transport:
            self._transport.abort()

    def _fail(self, why: str) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(Broken(why))
