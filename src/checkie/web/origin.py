"""The address of a visitor, behind proxies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from checkie.web.parts import Network

_MAX_HOPS: Final = 10
_HOP: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}|([0-9A-Fa-f:.]+)")
"""An address with or without a port: some proxies add theirs."""


def origin(peer: str | None, forwarded_for: Sequence[str], proxies: Sequence[Network]) -> str | None:
    """The visitor's address: the connection's `peer`, or what our `proxies` say in X-Forwarded-For.

    Each proxy appends the address that called it. So the list is read from the right: the first address that is not a
    proxy of ours is the visitor's, and anything left of it may be forged. An entry that is no address ends the search
    at the last known proxy. Source: developer.mozilla.org, X-Forwarded-For, "Selecting an IP address".
    """
    seen = peer
    hops = [hop for line in forwarded_for for hop in line.split(",")]
    for hop in reversed(hops[-_MAX_HOPS:]):
        if not _is_ours(seen, proxies):
            return seen
        address = _address(hop.strip())
        if address is None:
            return seen
        seen = str(address)
    return seen


def _is_ours(seen: str | None, proxies: Sequence[Network]) -> bool:
    address = _address(seen or "")
    return address is not None and any(address in network for network in proxies)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    found = _HOP.fullmatch(text)
    try:
        address = ip_address(next(filter(None, found.groups()))) if found else None
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
