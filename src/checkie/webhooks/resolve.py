"""Resolve names without blocking: within a budget, with a short cache, and one lookup per name at a time.

`aiodns` (c-ares) does not use the threads of the event loop's executor, so a name server that does not answer delays
only the names that it is asked for. c-ares reads `/etc/hosts` and `/etc/resolv.conf` like the system's resolver.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import aiodns

BUDGET_S: Final = 2.0
"""How long one lookup may take."""
CACHED_S: Final = 30
"""How long an answer is reused at most. A shorter TTL is honored."""
_FIRST_WAIT_S: Final = 0.7
_TRIES: Final = 2


class _Answer(NamedTuple):
    addresses: Sequence[str]
    until: float


@dataclass(slots=True)
class Resolver:
    """Resolves names to addresses. One for an event loop; close it at the end.

    `nameservers` (`address:port`) replace those of the system.
    """

    nameservers: Sequence[str] = ()
    cache_size: int = 1024
    _channel: aiodns.DNSResolver | None = field(default=None, init=False, repr=False)
    _answers: dict[str, _Answer] = field(default_factory=dict, init=False, repr=False)
    _lookups: dict[str, asyncio.Task[Sequence[str]]] = field(default_factory=dict, init=False, repr=False)

    async def resolve(self, host: str) -> Sequence[str]:
        """All addresses of `host`, in the order to try them. OSError if there are none, or no answer in time."""
        answer = self._answers.get(host)
        if answer is not None and asyncio.get_running_loop().time() < answer.until:
            return answer.addresses
        if host not in self._lookups:
            self._lookups[host] = asyncio.create_task(self._look_up(host))
            self._lookups[host].add_done_callback(lambda lookup: self._end(host, lookup))
        return await asyncio.shield(self._lookups[host])  # a caller that gives up does not cancel it for the others

    async def close(self) -> None:
        """Cancel all lookups."""
        for lookup in self._lookups.values():
            lookup.cancel()
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def _look_up(self, host: str) -> Sequence[str]:
        if self._channel is None:
            self._channel = aiodns.DNSResolver(self.nameservers, timeout=_FIRST_WAIT_S, tries=_TRIES)
        try:
            async with asyncio.timeout(BUDGET_S):
                found = await self._channel.getaddrinfo(host, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise OSError(None, "the name server did not answer in time") from None
        except aiodns.error.DNSError as error:
            raise OSError(None, str(error.args[-1])) from error
        addresses = list(dict.fromkeys(node.addr[0].decode() for node in found.nodes))
        if not addresses:
            raise OSError(None, "the name has no address")
        self._keep(host, addresses, min(node.ttl for node in found.nodes))
        return addresses

    def _keep(self, host: str, addresses: Sequence[str], ttl_s: int) -> None:
        self._answers.pop(host, None)
        if len(self._answers) >= self.cache_size:
            del self._answers[next(iter(self._answers))]
        until = asyncio.get_running_loop().time() + min(ttl_s, CACHED_S)
        self._answers[host] = _Answer(addresses, until)

    def _end(self, host: str, lookup: asyncio.Task[Sequence[str]]) -> None:
        del self._lookups[host]
        if not lookup.cancelled():
            lookup.exception()  # read here, because every caller may have given up
