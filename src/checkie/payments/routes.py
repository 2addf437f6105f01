"""POST /api/webhooks/{provider}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from fastapi import APIRouter, Request
from pydantic import BaseModel

from checkie import web
from checkie.kernel import NotFound
from checkie.payments.port import Provider
from checkie.payments.receive import receive

router = APIRouter(tags=["Provider webhooks"])


class NoSuchProvider(NotFound):
    """No provider of this name is configured."""

    code = "provider_not_found"


class Received(BaseModel):
    """What a provider is answered."""

    received: bool = True


@router.post("/api/webhooks/{provider}", responses=web.problems(400, 404, 409, 413))
async def receive_webhook(provider: str, request: Request) -> Received:
    """Take in a provider's webhook: raw body, signed as the provider does. The same event twice changes nothing."""
    body = await web.read_body(request)
    runtime = web.runtime(request)
    known = cast("Mapping[str, Provider]", request.app.state.providers)
    if provider not in known:
        raise NoSuchProvider
    await receive(runtime.db, known[provider], provider, body, request.headers, runtime.now())
    return Received()
