"""Servers that fail. After each failure it is open whether the request was processed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _responding(status: str, body: bytes) -> _Handler:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(head.encode() + body)
            await writer.drain()

    return respond


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def _truncates(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{"id": "')
    await writer.drain()


async def _not_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()


BAD: Final[dict[str, _Handler]] = {
    "hangs": _hangs,
    "closes": _closes,
    "truncates": _truncates,
    "not-http": _not_http,
    "status-500": _responding("500 Internal Server Error", b'{"error": {"type": "api_error", "code": "internal"}}'),
    "status-503-html": _responding("503 Service Unavailable", b"<html>"),
    "status-429": _responding("429 Too Many Requests", b'{"error": {"code": "rate_limit"}}'),
    "empty-body": _responding("200 OK", b""),
    "html": _responding("200 OK", b"<html>"),
    "list": _responding("200 OK", b"[]"),
    "string": _responding("200 OK", b'"ok"'),
    "null": _responding("200 OK", b"null"),
    "empty-object": _responding("200 OK", b"{}"),
    "invalid-fields": _responding("200 OK", b'{"id": 5, "status": {}, "data": 7, "amount_received": "x"}'),
}


@asynccontextmanager
async def serving(kind: str) -> AsyncIterator[str]:
    """The URL of a server of that kind. `refuses` refuses connections."""
    if kind == "refuses":
        with socket.socket() as bound_only:
            bound_only.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{bound_only.getsockname()[1]}"
        return
    connections: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = connections[writer] = asyncio.Event()
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
        for writer, ended in connections.items():
            writer.transport.abort()
            await ended.wait()
