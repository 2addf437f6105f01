"""Which addresses a merchant's URL may lead to. Pure.

`Poster` resolves a name once for a connection, has every address checked here, and connects to a checked address. A
name that resolves to another address a moment later (DNS rebinding) is checked again for the next connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from checkie.webhooks.model import EndpointUrlInvalid

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

MAX_URL_LENGTH: Final = 2048
_PORTS: Final = {"http": 80, "https": 443}

# IANA's special-purpose registries (IPv4 and IPv6, 2025-10). Listed here, because the results of Python's `is_private`
# and `is_global` have changed between its versions.
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
    """Webhooks may not be sent to this address."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL that a request needs."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The Host header: IPv6 in brackets, without the scheme's default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL to request, rebuilt from the parts: without a fragment."""
        return f"{self.scheme}://{self.host_header}{self.path}"


@lru_cache(maxsize=1024)
def parse(url: str) -> Target:
    """The parts of an endpoint's URL. Refuses other schemes than http and https, user names, and passwords."""
    if len(url) > MAX_URL_LENGTH or not all("!" <= letter <= "~" for letter in url) or "\\" in url:
        message = f"The URL must have at most {MAX_URL_LENGTH} characters, all printable ASCII."
        raise EndpointUrlInvalid(message, param="url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EndpointUrlInvalid(param="url") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise EndpointUrlInvalid(param="url")
    if ":" in parts.hostname and address_of(parts.hostname) is None:
        raise EndpointUrlInvalid(param="url")
    if "@" in parts.netloc:
        raise EndpointUrlInvalid("The URL must not contain a user name or password.", param="url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


@lru_cache(maxsize=1024)
def address_of(host: str) -> Address | None:
    """The address that `host` spells out; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def refusal_reason(address: Address) -> str | None:
    """The special purpose of this address, for which no merchant's server can have it; None for a public address."""
    for network, reason in _REFUSED:
        if address.version == network.version and address in network:
            return reason
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return "not global"
    return None


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks addresses before they are called. `allowed`: networks that the operator opens, for plain http too."""

    allowed: Sequence[Network] = ()

    def check(self, scheme: str, addresses: Sequence[str]) -> None:
        """Raises AddressRefused unless *every* address may be called with this scheme: http only where allowed."""
        for text in addresses:
            address = address_of(text)
            if address is None:
                raise AddressRefused("address refused: not an IP address")
            if any(address.version == network.version and address in network for network in self.allowed):
                continue
            reason = refusal_reason(address)
            if reason:
                raise AddressRefused(f"address refused: {reason}")
            if scheme != "https":
                raise AddressRefused("address refused: https is required")
