"""Which addresses a merchant's URL may lead to. Everything but `Guard.locate` is pure.

The name is resolved once, every address of it is judged, and the connection goes to a judged address: a name that
resolves to something else a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from checkie.webhooks.model import EndpointUrlInvalid

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""`resolve(host, port)`: every address of the name, best first. OSError when it has none."""

LONGEST_URL: Final = 2048
_PORTS: Final = {"http": 80, "https": 443}

# IANA's special-purpose registries (IPv4 and IPv6, 2025-10). Spelled out, because what Python's `is_private` and
# `is_global` say has changed between its versions.
_REFUSED: Final[Sequence[tuple[Network, str]]] = [
    (ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local or metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved or broadcast"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "protocol assignment or Teredo"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
    )
]
_GLOBAL_V6: Final = IPv6Network("2000::/3")


class AddressRefused(Exception):
    """The operator's rules forbid to call this address."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart for one request."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The Host header: brackets around IPv6, no port where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Located:
    """A target and the judged addresses that lead to it, best first."""

    target: Target
    addresses: Sequence[str]


def parse(url: str) -> Target:
    """The parts of an endpoint's URL. Refuses what is not plain http or https; user names and passwords too."""
    if len(url) > LONGEST_URL or not all("!" <= letter <= "~" for letter in url) or "\\" in url:
        raise EndpointUrlInvalid(f"The URL has at most {LONGEST_URL} characters, all of printable ASCII.", param="url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EndpointUrlInvalid(param="url") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise EndpointUrlInvalid(param="url")
    if "@" in parts.netloc:
        raise EndpointUrlInvalid("The URL must not hold a user name or password.", param="url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


def why_refused(address: Address) -> str | None:
    """What kind of address this is, if it is of a kind that no merchant's server can have; else None."""
    for network, why in _REFUSED:
        if address.version == network.version and address in network:
            return why
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return "not global"
    return None


def approve(target: Target, addresses: Sequence[Address], allowed: Sequence[Network]) -> None:
    """Raises AddressRefused unless *every* address may be called, and by this scheme: plain http only where allowed."""
    for address in addresses:
        if any(address.version == network.version and address in network for network in allowed):
            continue
        why = why_refused(address)
        if why:
            raise AddressRefused(f"address refused: {why}")
        if target.scheme != "https":
            raise AddressRefused("address refused: https is required")


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that the operating system finds."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


@dataclass(frozen=True, slots=True)
class Guard:
    """Finds and judges the addresses of a URL. `allowed` are networks that the operator opens, for http too."""

    allowed: Sequence[Network] = ()
    resolve: Resolve = system_resolve

    async def locate(self, target: Target) -> Located:
        """The addresses that may be called. Raises AddressRefused; OSError when the name has no address."""
        try:
            found = [str(ip_address(target.host))]
        except ValueError:
            found = list(dict.fromkeys(await self.resolve(target.host, target.port)))
        if not found:
            raise OSError("the name has no address")
        approve(target, [ip_address(address) for address in found], self.allowed)
        return Located(target, found)
