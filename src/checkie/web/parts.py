"""What a process works with: routes and background jobs get it whole, and take from it what they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, TypeAlias, TypeVar

from fastapi import Depends
from starlette.applications import Starlette
from starlette.requests import Request

from checkie.db import Database
from checkie.kernel import Keyring

Network: TypeAlias = IPv4Network | IPv6Network
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The open parts of a process. It does not depend on a request."""

    db: Database
    """The hot connection profile: key look-ups and short statements."""
    now: Callable[[], datetime]
    """The one clock."""
    keyring: Keyring = field(repr=False)
    public_url: str
    proxies: Sequence[Network] = ()
    """Networks of the proxies in front, whose X-Forwarded-For is trusted."""
    parts: Sequence[object] = field(default=(), repr=False)
    """What modules above bring, one of each type: `get` finds it."""

    def get(self, kind: type[Part]) -> Part:
        """The part of this type. LookupError when the process has none."""
        for part in self.parts:
            if isinstance(part, kind):
                return part
        raise LookupError(f"this process has no {kind.__qualname__}: app/compose.py adds the parts")


def attach(app: Starlette, found: Services) -> None:
    """Give `app` its services."""
    app.state.services = found


def services(request: Request) -> Services:
    """The services of the application that serves `request`."""
    found = request.app.state.services
    if not isinstance(found, Services):
        raise TypeError(f"expected Services, found {type(found).__qualname__}")
    return found


async def _services(request: Request) -> Services:  # FastAPI runs what is not async in a thread
    return services(request)


ServicesDep: TypeAlias = Annotated[Services, Depends(_services)]
"""The parameter of an endpoint that gets the services."""
