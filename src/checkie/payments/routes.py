"""POST /api/webhooks/{provider}."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Request
from pydantic import BaseModel

from checkie import web
from checkie.payments.port import ProviderNotConfigured, Providers
from checkie.payments.receive import receive
from checkie.web import ServicesDep, caller, contract

router = web.Router("Provider webhooks")
_EVENT: Final = {
    "requestBody": {
        "description": "The provider's event, unmodified: the signature covers every byte.",
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "description": "As the provider defines it."}}},
    }
}


class Received(BaseModel):
    """The event was accepted."""

    received: bool = True


@router.post(
    "/api/webhooks/{provider}",
    access=caller.PROVIDER,
    refuses=(*contract.RAW_BODY, ProviderNotConfigured, receive),
    summary="Receive a provider's webhook",
    openapi_extra=_EVENT,
)
async def receive_webhook(
    provider: Annotated[str, Path(description="A configured provider.", examples=["simulator", "stripe"])],
    request: Request,
    services: ServicesDep,
) -> Received:
    """Receives a provider's webhook: the raw body, signed as the provider does. A repeated event changes nothing.

    The signature is in a header of the provider (`Stripe-Signature`, `Simulator-Signature`) and is valid for five
    minutes. After any answer but 200 the provider sends the event again.
    """
    body = await web.read_body(request)
    adapter = services.get(Providers).webhooks(provider)
    await receive(services.db, adapter, provider, body, request.headers, services.now())
    return Received()
