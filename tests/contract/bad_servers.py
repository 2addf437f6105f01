"""Servers as they are on bad days: each leaves open whether anything happened."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

_Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _answering(status: str, body: bytes) -> _Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(head.encode() + body)
            await writer.drain()

    return talk


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def _breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{"id": "')
    await writer.drain()


async def _talks_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()


BAD: Final[dict[str, _Talk]] = {
    "hangs": _hangs,
    "hangs-up": _hangs_up,
    "breaks-off": _breaks_off,
    "talks-nonsense": _talks_nonsense,
    "answers-500": _answering("500 Internal Server Error", b'{"error": {"type": "api_error", "code": "internal"}}'),
    "answers-503-in-html": _answering("503 Service Unavailable", b"<html>"),
    "answers-429": _answering("429 Too Many Requests", b'{"error": {"code": "rate_limit"}}'),
    "answers-nothing": _answering("200 OK", b""),
    "answers-html": _answering("200 OK", b"<html>"),
    "answers-a-list": _answering("200 OK", b"[]"),
    "answers-a-word": _answering("200 OK", b'"ok"'),
    "answers-null": _answering("200 OK", b"null"),
    "answers-an-empty-object": _answering("200 OK", b"{}"),
    "answers-strange-fields": _answering("200 OK", b'{"id": 5, "status": {}, "data": 7, "amount_received": "x"}'),
}


@asynccontextmanager
async def serving(kind: str) -> AsyncIterator[str]:
    """The address of a server of that kind; of `refuses`, one where nobody listens."""
    if kind == "refuses":
        with socket.socket() as bound_only:
            bound_only.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{bound_only.getsockname()[1]}"
        return
    talks: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = talks[writer] = asyncio.Event()
        try:
            await BAD[kind](reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            ended.set()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer, ended in talks.items():
            writer.transport.abort()
            await ended.wait()
