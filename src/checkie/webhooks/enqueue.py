"""Queue public events for delivery, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from checkie.db import UnitOfWork, partition_of
from checkie.kernel.ids import DeliveryId
from checkie.webhooks import sql
from checkie.webhooks.model import Item, is_subscribed


async def subscribed_types(unit: UnitOfWork, store: int, types: Collection[str]) -> set[str]:
    """Which of these event types an active endpoint of the store is subscribed to: only those need rendering."""
    subscriptions = await sql.subscriptions(unit, store)
    return {one for one in types if any(is_subscribed(events, one) for _, events in subscriptions)}


async def enqueue_all(unit: UnitOfWork, *, store: int, items: Sequence[Item], now: datetime) -> int:
    """Write events of one store, and a delivery of each to every endpoint that is subscribed; how many were new.

    Two statements for any number of items; one if no endpoint is subscribed, and then nothing is written. Repeating it
    changes nothing: an event goes to an endpoint once, with the body that was written first.
    """
    subscriptions = await sql.subscriptions(unit, store) if items else []
    events, deliveries = [], []
    for item in items:
        subscribed = [endpoint for endpoint, named in subscriptions if is_subscribed(named, item.type)]
        if subscribed:
            events.append(item)
        for endpoint in subscribed:
            delivery = DeliveryId.new(store, now).uuid
            deliveries.append(sql.NewDelivery(delivery, item.id.uuid, endpoint.uuid, partition_of(endpoint.number)))
    return await sql.add(unit, store, events, deliveries, now) if deliveries else 0
