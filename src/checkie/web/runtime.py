"""What a request handler works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, cast

from starlette.requests import Request

from checkie.db import Database
from checkie.kernel import Keyring, Recent

_BELIEVED: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a running process that routes use; `now` is the one clock."""

    db: Database
    now: Callable[[], datetime]
    keyring: Keyring = field(repr=False)
    public_url: str
    recent: Recent[tuple[str, str], Any] = field(default_factory=lambda: Recent(_BELIEVED), repr=False)
    """Pages by address, as found by `checkout.find_page`: shared by all requests of this process."""


def runtime(request: Request) -> Runtime:
    """The process's runtime, which `app` hung on the application."""
    return cast("Runtime", request.app.state.runtime)


def bearer(request: Request) -> str | None:
    """The token of `Authorization: Bearer …`, if there is one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def client_ip(request: Request) -> str | None:
    """The address that the connection comes from."""
    return request.client.host if request.client else None
