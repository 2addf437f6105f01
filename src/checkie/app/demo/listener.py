"""The webhook listener of the demo: a merchant's server in one file. It answers 200 and records what it received.

It is an asyncio protocol and not a web application, so that it costs little CPU beside a benchmark on the same cores.
"""

from __future__ import annotations

import asyncio
import html
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

MAX_BYTES: Final = 1_048_576
_SHOWN: Final = 20
_TAIL_BYTES: Final = 262_144
_ANSWER: Final = b'{"received": true}'
_REASONS: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 413: "Content Too Large"}


async def serve(host: str, port: int, log: Path) -> None:
    """Listen until cancelled. Each POST to /webhooks is a JSON line in `log`: `at`, `headers` and `body`, as text."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sink = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    connected: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: _Receiver(sink, log, connected), host, port)
        try:
            await loop.create_future()
        finally:  # not `async with`: from Python 3.12 on that waits until clients close their connections
            server.close()
            for transport in list(connected):
                transport.abort()
    finally:
        os.close(sink)


class _Receiver(asyncio.Protocol):
    """One connection. Requests are answered in order; a malformed request closes it."""

    def __init__(self, sink: int, log: Path, connected: set[asyncio.Transport]) -> None:
        self.sink = sink
        self.log = log
        self.connected = connected
        self.raw = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has its methods and is no subclass
        self.connected.add(self.transport)

    def connection_lost(self, _: Exception | None) -> None:
        if self.transport:
            self.connected.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.raw += data
        while self.transport and not self.transport.is_closing() and self._next():
            pass

    def _next(self) -> bool:
        """Answer the next complete request. False if there is none."""
        head, gap, rest = self.raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
            self._answer(400, b"Content-Length is required.", close=True)
            return False
        size = int(length[:12])
        if size > MAX_BYTES or len(self.raw) > 2 * MAX_BYTES:
            self._answer(413, b"The request is too large.", close=True)
            return False
        if not gap or len(rest) < size:
            return False
        self.raw = rest[size:]
        self._handle(first, headers, rest[:size])
        return True

    def _handle(self, first: str, headers: dict[str, str], body: bytes) -> None:
        method, _, rest = first.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if (method, path) == ("POST", "/webhooks"):
            line = {"at": _now().isoformat(), "headers": headers, "body": body.decode("utf-8", "replace")}
            os.write(self.sink, json.dumps(line, ensure_ascii=False).encode() + b"\n")
            self._answer(200, _ANSWER, kind="application/json")
        elif (method, path) == ("GET", "/"):
            self._answer(200, _page(self.log).encode(), kind="text/html; charset=utf-8")
        else:
            self._answer(404, b"Use POST /webhooks, or GET / to list what was received.")

    def _answer(self, status: int, body: bytes, *, kind: str = "text/plain", close: bool = False) -> None:
        if self.transport is None:
            return
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self.transport.write(head.encode() + (b"Connection: close\r\n\r\n" if close else b"\r\n") + body)
        if close:
            self.transport.close()


def _page(log: Path) -> str:
    """The latest webhooks, newest first."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        lines = file.read().splitlines()[-_SHOWN:]
    items = "\n".join(f"<li><pre>{html.escape(_pretty(line))}</pre>" for line in reversed(lines))
    title = "Webhooks received"
    return f'<!doctype html><html lang="en"><title>{title}</title><h1>{title}</h1><ol>\n{items}\n</ol>'


def _pretty(line: bytes) -> str:
    try:
        entry = json.loads(line)
    except ValueError:
        return line.decode("utf-8", "replace")
    headers = "\n".join(f"{name}: {value}" for name, value in entry["headers"].items())
    return f"{entry['at']}\n{headers}\n\n{entry['body']}"


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 this server reads the clock itself: it is a program of its own
