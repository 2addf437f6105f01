"""A DNS server on loopback that answers as the test sets it up, over real UDP."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address

A, AAAA = 1, 28
_HEAD = struct.Struct("!6H")
_ANSWERED, _NO_SUCH_NAME = 0x8180, 0x8183
_NAME_OF_QUESTION = 0xC00C


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers for a name with the next of its answers, the last one from then on. `silent` names get no answer."""

    names: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    ttl_s: int = 0
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """The names of the A questions, in order."""
    question: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """A question has arrived."""
    _transport: asyncio.DatagramTransport | None = field(default=None, repr=False)
    _given: dict[str, Sequence[str]] = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # it is UDP
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, end = _name(data)
        (kind,) = struct.unpack_from("!H", data, end)
        if kind == A:
            self.asked.append(name)
            self.question.set()
            answers = self.names.get(name, [()])
            self._given[name] = answers.pop(0) if len(answers) > 1 else answers[0]
        if name in self.silent or self._transport is None:
            return
        wanted = [ip_address(one) for one in self._given.get(name, ())]
        records = [one.packed for one in wanted if isinstance(one, IPv4Address) == (kind == A)]
        flags = _ANSWERED if name in self.names else _NO_SUCH_NAME
        head = _HEAD.pack(int.from_bytes(data[:2]), flags, 1, len(records), 0, 0)
        body = [struct.pack("!HHHIH", _NAME_OF_QUESTION, kind, 1, self.ttl_s, len(one)) + one for one in records]
        self._transport.sendto(head + data[12 : end + 4] + b"".join(body), addr)


def _name(data: bytes) -> tuple[str, int]:
    """The name of the question, and where it ends."""
    labels, at = [], 12
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels).lower(), at + 1


@asynccontextmanager
async def naming(**names: Sequence[str]) -> AsyncIterator[NameServer]:
    """A server that knows `name.example` for each keyword."""
    found = NameServer({f"{name}.example": [list(addresses)] for name, addresses in names.items()})
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: found, local_addr=("127.0.0.1", 0))
    try:
        yield found
    finally:
        transport.close()
