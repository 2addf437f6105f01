"""POST /api/webhooks/{provider}."""

from __future__ import annotations

from typing import Annotated, Final, cast

from fastapi import Path, Request
from pydantic import BaseModel

from checkie import web
from checkie.db import WriteConflict
from checkie.payments.model import NoSuchAttempt, NotYetSucceeded
from checkie.payments.port import BadSignature, ProviderNotConfigured, Providers
from checkie.payments.receive import receive
from checkie.payments.reversals.model import NoSuchDispute, NoSuchRefund
from checkie.web import contract

router = web.router("Provider webhooks")
_EVENT: Final = {
    "requestBody": {
        "description": "The provider's event, just as it sends it: the signature covers every byte.",
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "description": "As the provider defines it."}}},
    }
}


class Received(BaseModel):
    """What a provider is answered."""

    received: bool = True


@router.post(
    "/api/webhooks/{provider}",
    summary="Receive a provider's webhook",
    responses=contract.problems(
        BadSignature,
        ProviderNotConfigured,
        NoSuchAttempt,
        NoSuchRefund,
        NoSuchDispute,
        NotYetSucceeded,
        WriteConflict,
        web.BodyTooLarge,
    ),
    openapi_extra=_EVENT,
)
async def receive_webhook(
    provider: Annotated[str, Path(description="A configured provider.", examples=["simulator", "stripe"])],
    request: Request,
) -> Received:
    """Take in a provider's webhook: raw body, signed as the provider does. The same event twice changes nothing.

    The provider sends its signature in a header of its own (`Stripe-Signature`, `Simulator-Signature`); it may be five
    minutes old. Anything but 200 makes the provider send the event again later.
    """
    body = await web.read_body(request)
    runtime = web.runtime(request)
    webhooks = cast("Providers", request.app.state.providers).webhooks(provider)
    await receive(runtime.db, webhooks, provider, body, request.headers, runtime.now())
    return Received()
