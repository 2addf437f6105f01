"""Post to merchants' servers with aiohttp: checked addresses, kept connections, a total deadline, no redirects.

A merchant's server is not trusted: aiohttp bounds the head of a response (8 kB a line, 128 lines), `connect` all of it,
and of the body 2 kB are read and kept.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from checkie.webhooks import connect
from checkie.webhooks.guard import AddressRefused, Guard, Target, address_of, parse
from checkie.webhooks.model import EndpointUrlInvalid, NoResponse, Outcome, Response
from checkie.webhooks.resolve import Resolver

TIMEOUT_S: Final = 10.0
"""For everything together: name, connection, TLS, request and response."""
KEPT_BYTES: Final = 2048
"""How much of a response's body is read and kept."""
_LOST: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError)


@dataclass(slots=True)
class Poster:
    """Posts webhooks. One for an event loop; close it at the end. `tls` replaces the system's trust (for tests)."""

    guard: Guard
    timeout_s: float = TIMEOUT_S
    resolver: Resolver = field(default_factory=Resolver, repr=False)
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Post `body`. Any failure on the way is a NoResponse; nothing is raised."""
        try:
            target = parse(url)
            if address_of(target.host) is not None:  # aiohttp does not ask a resolver for these
                self.guard.check(target.scheme, [target.host])
            async with asyncio.timeout(self.timeout_s):
                return await self._send(target, headers, body)
        except (EndpointUrlInvalid, AddressRefused) as refused:
            return NoResponse(str(refused))
        except TimeoutError:
            return NoResponse("no response in time")
        except (aiohttp.ClientError, ValueError) as error:  # ValueError: a name that IDNA forbids
            return NoResponse(_reason(error))

    async def aclose(self) -> None:
        """Close every connection and cancel every lookup."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        await self.resolver.close()

    async def _send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Response:
        """Send until there is a response, or a new connection fails.

        A connection that was kept may be closed by the receiver at any time. Sending again is safe: webhooks arrive at
        least once, with one id.
        """
        session = self._open_session()
        while True:
            request = connect.Request(target)
            reset = connect.current.set(request)
            try:
                return await _exchange(session, URL(target.url, encoded=True), headers, body)
            except _LOST:
                if not request.reuses_connection:
                    raise
            finally:
                connect.current.reset(reset)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connect.Connector(self.guard, self.resolver, self.tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                skip_auto_headers=["Accept", "Accept-Encoding", "User-Agent"],
                trust_env=False,
                read_bufsize=KEPT_BYTES,
            )
        return self._session


async def _exchange(session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str], body: bytes) -> Response:
    async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
        kept = await _start_of(response.content)
        return Response(response.status, _text(kept), response.headers.get("Retry-After"))


async def _start_of(content: aiohttp.StreamReader) -> bytes:
    """The first bytes of a body; fewer if the connection ends first: the status is what counts."""
    kept = b""
    try:
        while len(kept) < KEPT_BYTES and not content.at_eof():
            kept += await content.read(KEPT_BYTES - len(kept))
    except aiohttp.ClientError:
        return kept
    return kept


def _reason(error: Exception) -> str:
    """Why there is no response, in words of ours or of the operating system: none are the receiver's."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name cannot be resolved: {error.os_error.strerror}"
        case aiohttp.ClientConnectorCertificateError():
            return f"{type(error.certificate_error).__name__}: {error.certificate_error}"
        case aiohttp.ClientConnectorError():
            return f"{type(error.os_error).__name__}: {error.os_error.strerror or error.os_error}"
        case aiohttp.ClientConnectionError():
            return "the connection ended before a response"
        case aiohttp.ClientResponseError():
            return "the response is not valid HTTP/1.x"
    return "the URL cannot be called"


def _text(body: bytes) -> str:
    """What a text column can hold: UTF-8 without NUL, which PostgreSQL refuses."""
    return body.decode("utf-8", "replace").replace("\x00", "\ufffd")
