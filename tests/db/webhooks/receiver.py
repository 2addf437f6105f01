"""A merchant's server on loopback that answers as the test sets it up and keeps what it receives."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Received:
    """One request."""

    first: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    """Which connection it came on, counted from 1."""


@dataclass
class Receiver:
    """Answers each request with the next of `answers`, the last one from then on. None: never; b"": hangs up."""

    port: int = 0
    answers: list[bytes | None] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    hangs_up: bool = False
    """Whether it ends the connection after each answer."""
    drip: bytes = b""
    """What it adds to each answer, `drip_size` bytes at a time."""
    drip_size: int = 1
    open_writers: set[asyncio.StreamWriter] = field(default_factory=set, repr=False)
    arrival: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    def answer(self, status: str, body: bytes = b"", **headers: str) -> None:
        """Add an answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.answers.append("\r\n".join([*lines, "\r\n"]).encode() + body)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        number = self.connections
        self.open_writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._serve_one(reader, writer, number):
                pass
        self.open_writers.discard(writer)
        writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.received.append(Received(first, headers, body, number))
        self.arrival.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            return True
        writer.write(answer)
        await writer.drain()
        for start in range(0, len(self.drip), self.drip_size):
            await asyncio.sleep(0.001)
            writer.write(self.drip[start : start + self.drip_size])
            await writer.drain()
        return bool(answer) and not self.hangs_up

    async def until(self, count: int) -> None:
        """Wait until `count` requests have arrived."""
        while len(self.received) < count:
            self.arrival.clear()
            await self.arrival.wait()

    def send(self, data: bytes) -> None:
        """Send this on every connection, without a request."""
        for writer in self.open_writers:
            writer.write(data)

    def hang_up(self) -> None:
        """End every connection, as servers do with idle ones."""
        for writer in list(self.open_writers):
            writer.transport.abort()
        self.open_writers.clear()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver; set up an answer before anything is sent to it."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        receiver.hang_up()
        await asyncio.sleep(0)
