"""How aiohttp connects to merchants' servers: to checked addresses only, and with a bound on what a response may send.

aiohttp bounds each line of a head and the number of its fields; it has no bound for interim responses, chunk extensions
and trailers, and it reuses a kept connection on which bytes arrived that no request asked for. `Connector` adds both.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from checkie.webhooks.guard import Guard, Target
from checkie.webhooks.resolve import Resolver

MAX_RECEIVED_BYTES: Final = 65_536
"""After this much a response that still needs more bytes is given up. (A body that nobody reads is paused earlier.)"""
MAX_AGE_S: Final = 30.0
"""A connection is not reused after this long, so that a name that moved to another address is noticed."""
_IDLE_S: Final = 10.0


@dataclass(slots=True)
class Request:
    """A request that is being sent."""

    target: Target
    reuses_connection: bool = False


current: ContextVar[Request] = ContextVar("webhook_request")
"""aiohttp asks its resolver with host and port alone, in the context of the request that needs the connection."""


class CheckedResolver(AbstractResolver):
    """Gives aiohttp the addresses to connect to. It connects to these and does not resolve the name again."""

    def __init__(self, guard: Guard, resolver: Resolver) -> None:
        self._guard = guard
        self._resolver = resolver

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  both families are always wanted
    ) -> list[ResolveResult]:
        """All addresses of `host`. Raises AddressRefused if one of them may not be called, OSError if there is none."""
        addresses = await self._resolver.resolve(host)
        self._guard.check(current.get().target.scheme, addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Cancel all lookups."""
        await self._resolver.close()


class _BoundedConnection(ResponseHandler):
    """A connection that ends when one response sends too much."""

    _received = 0

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._opened_at = loop.time()
        self.was_used = False

    @property
    def is_stale(self) -> bool:
        """Whether no request may be sent on it: its peer has already sent something, or it is too old."""
        return self.should_close or (self.was_used and self._loop.time() - self._opened_at > MAX_AGE_S)

    def set_response_params(self, **params: Any) -> None:
        """Prepare for the next response."""
        self._received = 0
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, unless it is too much. (Without data: parse on, after a pause.)"""
        if data and self._received > MAX_RECEIVED_BYTES:
            if self.transport is not None:
                self.transport.abort()
            return
        self._received += len(data)
        super().data_received(data)


class Connector(aiohttp.TCPConnector):
    """The pool of connections of one `Poster`."""

    def __init__(self, guard: Guard, resolver: Resolver, tls: ssl.SSLContext) -> None:
        super().__init__(
            resolver=CheckedResolver(guard, resolver),
            use_dns_cache=False,  # the resolver has one
            ssl=tls,
            limit=0,  # callers bound how many posts there are at once; none waits for another's connection
            keepalive_timeout=_IDLE_S,
        )
        factory = functools.partial(_BoundedConnection, loop=self._loop)
        self._factory = factory  # type: ignore[assignment]  # mypy holds `partial` for invariant

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  aiohttp's signature
    ) -> Connection:
        """A connection for this request. ServerDisconnectedError if the one that was found is stale."""
        connection = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        assert isinstance(protocol, _BoundedConnection)
        current.get().reuses_connection = protocol.was_used
        if protocol.is_stale:
            connection.close()
            raise aiohttp.ServerDisconnectedError
        protocol.was_used = True
        return connection
