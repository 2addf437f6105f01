"""What a request handler works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, TypeAlias, cast

from starlette.requests import Request

from checkie.db import Database
from checkie.kernel import Cache, Keyring

Network: TypeAlias = IPv4Network | IPv6Network
_BELIEVED: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a running process that routes use; `now` is the one clock."""

    db: Database
    now: Callable[[], datetime]
    keyring: Keyring = field(repr=False)
    public_url: str
    proxies: Sequence[Network] = ()
    """Networks of the proxies in front, whose word on where a request comes from is taken."""
    recent: Cache[tuple[str, str], Any] = field(default_factory=lambda: Cache(_BELIEVED), repr=False)
    """Pages by address, as found by `checkout.find_page`: shared by all requests of this process."""


def runtime(request: Request) -> Runtime:
    """The process's runtime, which `app` hung on the application."""
    return cast("Runtime", request.app.state.runtime)


def bearer(request: Request) -> str | None:
    """The token of `Authorization: Bearer …`, if there is one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
