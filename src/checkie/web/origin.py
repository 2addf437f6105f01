"""Where a request comes from, when proxies stand in front."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from checkie.web.runtime import Network

_MOST_HOPS: Final = 10
_HOP: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}|([0-9A-Fa-f:.]+)")
"""An address with or without a port: some proxies tell theirs."""


def origin(peer: str | None, forwarded_for: Sequence[str], proxies: Sequence[Network]) -> str | None:
    """The visitor's address: the connection's `peer`, or what our `proxies` say of it in X-Forwarded-For.

    Each proxy adds, on the right, where it was called from. So the list is read from there: the first address that is
    none of ours is the visitor's, and what stands left of it anybody may have written. Where it makes no sense, the
    last proxy that we know is as far as we see. Source: developer.mozilla.org, X-Forwarded-For, "Selecting an IP
    address".
    """
    seen = peer
    hops = [hop for line in forwarded_for for hop in line.split(",")]
    for hop in reversed(hops[-_MOST_HOPS:]):
        if not _is_ours(seen, proxies):
            return seen
        told = _address(hop.strip())
        if told is None:
            return seen
        seen = str(told)
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
