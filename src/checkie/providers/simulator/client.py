"""A small HTTP/1.1 client for the hot path: keep-alive connections, hard time limits, nothing else.

It stands in for httpx here because of its price: 0.05 ms of CPU a call instead of 0.9 ms (the same request, on
loopback), and there is such a call in every checkout and for every webhook.

A request whose kept connection turns out to be closed, before one byte of an answer, is sent once more on a new one:
callers only send what is safe to send twice (reads, calls with an idempotency key, webhooks with an event id).
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_LARGEST_BODY: Final = 4 * 1024 * 1024


class NoAnswer(Exception):
    """No whole answer came. `sent` False: the request surely never left, so nobody acted on it."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why, self.sent = why, sent


class _ClosedUnanswered(ConnectionError):
    """The other side closed before it answered one byte."""


class Client:
    """Calls to one server. At most `connections` at once; more wait, within their time limit."""

    def __init__(self, base_url: str, *, connections: int = 64, connect_s: float = 2, total_s: float = 10) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base_url!r} is not an http(s) address")
        self._ssl = ssl.create_default_context() if parts.scheme == "https" else None
        self._address = parts.hostname, parts.port or (443 if self._ssl else 80)
        self._host, self._prefix = parts.netloc.rpartition("@")[2], parts.path.rstrip("/")
        self._connect_s, self._total_s = connect_s, total_s
        self._idle: list[tuple[StreamReader, StreamWriter]] = []
        self._slots = asyncio.Semaphore(connections)

    async def call(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of the answer. Raises NoAnswer when there is none, or none that is HTTP, in time."""
        if not (path + "".join(headers.values())).isprintable():
            raise ValueError("a line break or the like in a path or header")
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        lines += f"host: {self._host}\r\ncontent-length: {len(body)}\r\n"
        request = f"{method} {self._prefix}{path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body
        sent: list[bool] = []
        try:
            async with asyncio.timeout(self._total_s), self._slots:
                return await self._send(request, sent)
        except (OSError, IncompleteReadError, LimitOverrunError, ValueError) as error:  # TimeoutError is an OSError
            why = f"sent, then {type(error).__name__}" if sent else f"not_sent: {type(error).__name__}"
            raise NoAnswer(why, sent=bool(sent)) from None

    async def aclose(self) -> None:
        """Let all idle connections go."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _send(self, request: bytes, sent: list[bool]) -> tuple[int, bytes]:
        while self._idle:
            reader, writer = self._idle.pop()
            if reader.at_eof() or writer.is_closing():
                writer.close()
                continue
            sent.append(True)
            try:
                return await self._exchange(reader, writer, request)
            except _ClosedUnanswered:
                break
        async with asyncio.timeout(self._connect_s):
            reader, writer = await asyncio.open_connection(*self._address, ssl=self._ssl)
        sent.append(True)
        return await self._exchange(reader, writer, request)

    async def _exchange(self, reader: StreamReader, writer: StreamWriter, request: bytes) -> tuple[int, bytes]:
        keep = False
        try:
            writer.write(request)
            status, headers = await _head(reader)
            body = b"" if status in (204, 304) else await _body(reader, headers)
            keep = headers.get("connection", "keep-alive") == "keep-alive" and _is_framed(status, headers)
        finally:
            if keep:
                self._idle.append((reader, writer))
            else:
                writer.close()
        return status, body


async def _head(reader: StreamReader) -> tuple[int, dict[str, str]]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (IncompleteReadError, ConnectionError) as error:
        if getattr(error, "partial", b""):
            raise
        raise _ClosedUnanswered from None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    if not first.startswith(("HTTP/1.1 ", "HTTP/1.0 ")):
        raise ValueError("not HTTP/1.1")
    pairs = [line.partition(":") for line in lines]
    return int(first[9:12]), {name.lower(): value.strip().lower() for name, _, value in pairs}


def _is_framed(status: int, headers: Mapping[str, str]) -> bool:
    return status in (204, 304) or "content-length" in headers or "transfer-encoding" in headers


async def _body(reader: StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        whole = b""
        while size := _size((await reader.readuntil(b"\r\n")).partition(b";")[0], 16, len(whole)):
            whole += (await reader.readexactly(size + 2))[:-2]
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
        return whole
    if "content-length" in headers:
        return await reader.readexactly(_size(headers["content-length"].encode(), 10, 0))
    return await reader.read()  # to the end of the connection, as HTTP/1.0 did


def _size(text: bytes, base: int, already: int) -> int:
    size = int(text.strip(), base)
    if not 0 <= size <= _LARGEST_BODY - already:
        raise ValueError("a body too large")
    return size
