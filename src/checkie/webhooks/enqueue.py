"""Queue public events for delivery, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from checkie.db import UnitOfWork, partition_of
from checkie.kernel.ids import DeliveryId
from checkie.webhooks import sql
from checkie.webhooks.model import Item, Subscriptions


async def read_subscriptions(unit: UnitOfWork, store: int) -> Subscriptions:
    """Which events of the store are to be delivered where: only those need rendering."""
    return Subscriptions(store, await sql.subscriptions(unit, store))


async def enqueue_all(unit: UnitOfWork, subscriptions: Subscriptions, items: Sequence[Item], now: datetime) -> int:
    """Write events of one store, and a delivery of each to every endpoint that is subscribed; how many were new.

    One statement for any number of items; none if no endpoint is subscribed. Repeating it changes nothing: an event
    goes to an endpoint once, with the body that was written first.
    """
    store, events, deliveries = subscriptions.store, [], []
    for item in items:
        endpoints = subscriptions.endpoints_of(item.type)
        if endpoints:
            events.append(item)
        for endpoint in endpoints:
            delivery = DeliveryId.new(store, now).uuid
            deliveries.append(sql.NewDelivery(delivery, item.id.uuid, endpoint.uuid, partition_of(endpoint.number)))
    return await sql.add(unit, store, events, deliveries, now) if deliveries else 0
