"""Queue public events for merchants: each with its object, rendered once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from checkie import stores, webhooks
from checkie.customers.events import CustomerCreated
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
from checkie.outbox import Event, Recorded
from checkie.payments.events import PaymentCompleted, PaymentEvent, PaymentFailed, PaymentRefunded

Renderer: TypeAlias = Callable[[Any, Sources], Mapping[str, object]]


def customer_created(event: CustomerCreated, sources: Sources) -> CustomerObject:
    """The new customer."""
    return sources.customer(CustomerId(event.customer))


def payment_completed(event: PaymentCompleted, sources: Sources) -> PaymentObject:
    """The payment, with the attempt that paid it."""
    return sources.payment(AttemptId(event.attempt))


def payment_failed(event: PaymentFailed, sources: Sources) -> PaymentObject:
    """The payment, with the attempt that failed, and why. `attempts_left` is what was left after it."""
    payment = sources.payment(AttemptId(event.attempt))
    payment["failure"] = {"code": event.code, "message": event.message}
    payment["attempts_left"] = event.attempts_left
    return payment


def payment_refunded(event: PaymentRefunded, sources: Sources) -> RefundedPaymentObject:
    """The payment, and the amount of this refund."""
    payment = sources.payment(AttemptId(event.attempt))
    return {**payment, "refund": amount(Money(event.refund, event.currency))}


RENDERERS: Final[Mapping[type[Event], Renderer]] = {
    CustomerCreated: customer_created,
    PaymentCompleted: payment_completed,
    PaymentFailed: payment_failed,
    PaymentRefunded: payment_refunded,
}
"""How the object of each public event is made. Its shape is the function's return type."""
_KINDS: Final = {kind.name: kind for kind in RENDERERS}


async def on_public_events(unit: UnitOfWork, store: int, events: Sequence[Recorded], now: datetime) -> None:
    """Render each event that an endpoint is subscribed to, and queue it."""
    subscriptions = await webhooks.read_subscriptions(unit, store)
    wanted = [event for event in events if subscriptions.endpoints_of(event.name)]
    if not wanted:
        return
    owner = await stores.get(unit, store)
    loaded = [recorded.load(_KINDS[recorded.name]) for recorded in wanted]
    attempts = {AttemptId(event.attempt) for event in loaded if isinstance(event, PaymentEvent)}
    customers = {CustomerId(event.customer) for event in loaded if isinstance(event, CustomerCreated)}
    sources = await read_sources(unit, store, attempts, customers)
    items = [_item(owner, recorded, event, sources) for recorded, event in zip(wanted, loaded, strict=True)]
    await webhooks.enqueue_all(unit, subscriptions, items, now)


def _item(owner: stores.Store, recorded: Recorded, event: Event, sources: Sources) -> webhooks.Item:
    data = RENDERERS[type(event)](event, sources)
    envelope: Envelope = {
        "id": EventId.of(recorded.id),
        "type": event.name,
        "timestamp": instant(recorded.at),
        "livemode": owner.livemode,
        "api_version": API_VERSION,
        "store": owner.id,
        "data": data,
    }
    return webhooks.Item(
        id=envelope["id"], type=event.name, resource=str(data["id"]), body=encode(envelope), at=recorded.at
    )
