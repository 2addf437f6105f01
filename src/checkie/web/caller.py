"""Who calls. Each route declares which callers it accepts; the edge resolves the caller once, before the endpoint runs.

    @router.get("/sessions/{session_id}", access=caller.BUYER)
    async def get_session(session_id: str, buyer: web.BuyerDep) -> ...

Another kind of caller is another `Access`, made where its credentials are kept: an API key with a scope will be
`access=accounts.api_key("payments:read")`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeAlias, TypeVar

from fastapi import Depends
from starlette.requests import Request

from checkie.kernel import Refusal, Unauthorized

Kind = TypeVar("Kind")


class WrongSecret(Unauthorized):
    """The client secret is missing or does not belong to this session. Send `Authorization: Bearer <client_secret>`."""

    code = "session_secret_invalid"


@dataclass(frozen=True, slots=True)
class Anyone:
    """A caller that the edge does not authenticate."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """A caller with a client secret. Whether it is the session's is for `checkout` to verify when it reads that."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Access:
    """Which callers a route accepts.

    `resolve` returns the caller or refuses with one of `refusals`; `scheme` names the OpenAPI security scheme. Answers
    of a public route may be cached if they say so; all others are marked `no-store`.
    """

    name: str
    resolve: Callable[[Request], Awaitable[object]]
    refusals: tuple[type[Refusal], ...] = ()
    scheme: str | None = None
    is_public: bool = False


async def _anyone(_: Request) -> Anyone:
    return _ANYONE


async def _bearer(request: Request) -> Buyer:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise WrongSecret
    return Buyer(token)


_ANYONE: Final = Anyone()
PUBLIC: Final = Access("public", _anyone, is_public=True)
"""Anyone may call."""
BUYER: Final = Access("buyer", _bearer, (WrongSecret,), "client_secret")
"""A client secret is required, as bearer token."""
PROVIDER: Final = Access("provider", _anyone)
"""A payment provider, which signs the body: its adapter verifies the signature."""
OPERATOR: Final = Access("operator", _anyone)
"""The operator of the installation. These routes are on the public port for now: block them in the reverse proxy."""


def resolved(request: Request, kind: type[Kind]) -> Kind:
    """The caller of this request. TypeError when the route's declaration accepts another kind."""
    found = request.scope["caller"]
    if not isinstance(found, kind):
        raise TypeError(f"this route accepts {type(found).__qualname__}, not {kind.__qualname__}")
    return found


async def _buyer(request: Request) -> Buyer:
    return resolved(request, Buyer)


BuyerDep: TypeAlias = Annotated[Buyer, Depends(_buyer)]
"""The parameter of an endpoint that gets the buyer."""
