"""Queue public events for merchants: each with its object, rendered once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from checkie import stores, webhooks
from checkie.db import UnitOfWork
from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, CustomerId, EventId
from checkie.objects.model import (
    API_VERSION,
    CustomerObject,
    Envelope,
    PaymentObject,
    RefundedPaymentObject,
    amount,
    encode,
    instant,
)
from checkie.objects.read import Sources, read_sources
from checkie.outbox import Recorded

Body: TypeAlias = Mapping[str, Any]
Renderer: TypeAlias = Callable[[Body, Sources], Mapping[str, object]]


def customer_created(body: Body, sources: Sources) -> CustomerObject:
    """The new customer."""
    return sources.customer(CustomerId(body["customer"]))


def payment_completed(body: Body, sources: Sources) -> PaymentObject:
    """The payment, with the attempt that paid it."""
    return sources.payment(AttemptId(body["attempt"]))


def payment_failed(body: Body, sources: Sources) -> PaymentObject:
    """The payment, with the attempt that failed, and why. `attempts_left` is what was left after it."""
    payment = sources.payment(AttemptId(body["attempt"]))
    payment["failure"] = {"code": body["code"], "message": body["message"]}
    payment["attempts_left"] = body["attempts_left"]
    return payment


def payment_refunded(body: Body, sources: Sources) -> RefundedPaymentObject:
    """The payment, and the amount of this refund."""
    payment = sources.payment(AttemptId(body["attempt"]))
    return {**payment, "refund": amount(Money(body["refund"], body["currency"]))}


RENDERERS: Final[Mapping[str, Renderer]] = {
    "customer.created": customer_created,
    "payment.completed": payment_completed,
    "payment.failed": payment_failed,
    "payment.refunded": payment_refunded,
}
"""How the object of each public event is made. Its shape is the function's return type."""


async def on_public_events(unit: UnitOfWork, store: int, events: Sequence[Recorded], now: datetime) -> None:
    """Render each event that an endpoint is subscribed to, and queue it."""
    subscriptions = await webhooks.read_subscriptions(unit, store)
    wanted = [event for event in events if subscriptions.endpoints_of(event.name)]
    if not wanted:
        return
    owner = await stores.get(unit, store)
    attempts = {AttemptId(event.body["attempt"]) for event in wanted if "attempt" in event.body}
    customers = {CustomerId(event.body["customer"]) for event in wanted if "customer" in event.body}
    sources = await read_sources(unit, store, attempts, customers)
    items = [_item(owner, event, sources) for event in wanted]
    await webhooks.enqueue_all(unit, subscriptions, items, now)


def _item(owner: stores.Store, event: Recorded, sources: Sources) -> webhooks.Item:
    data = RENDERERS[event.name](event.body, sources)
    envelope: Envelope = {
        "id": EventId.of(event.id),
        "type": event.name,
        "timestamp": instant(event.at),
        "livemode": owner.livemode,
        "api_version": API_VERSION,
        "store": owner.id,
        "data": data,
    }
    return webhooks.Item(
        id=envelope["id"], type=event.name, resource=str(data["id"]), body=encode(envelope), at=event.at
    )
