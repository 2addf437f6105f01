"""Say an event to every endpoint that wants to hear it: in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from checkie.db import UnitOfWork, partition_of
from checkie.kernel.ids import DeliveryId, EventId
from checkie.webhooks import sql
from checkie.webhooks.model import wants


class Item(TypedDict):
    """One public event: what it is about (`resource`), when it happened (`at`), and `data` of plain JSON values."""

    store_id: str
    event_id: UUID
    type: str
    data: Mapping[str, Any]
    at: datetime
    resource: str


async def enqueue(unit: UnitOfWork, *, store: int, now: datetime, **item: Unpack[Item]) -> int:
    """Write one event and its deliveries; how many of these were new. See `enqueue_all`."""
    return await enqueue_all(unit, store=store, items=[item], now=now)


async def enqueue_all(unit: UnitOfWork, *, store: int, items: Sequence[Item], now: datetime) -> int:
    """Write events of one store, and a delivery of each for every endpoint that wants it; how many of these were new.

    Two statements however many there are; one when no endpoint wants any, and then nothing is written. Done twice it
    changes nothing: an event goes to an endpoint once. Its body and its id are the same on every delivery.
    """
    endpoints = await sql.subscribed(unit, store) if items else []
    events, deliveries = [], []
    for item in items:
        wanting = [endpoint for endpoint, named in endpoints if wants(named, item["type"])]
        if wanting:
            events.append(sql.NewEvent(item["event_id"], item["type"], body(item), item["resource"], item["at"]))
        for endpoint in wanting:
            delivery = DeliveryId.new(store, now).uuid
            deliveries.append(sql.NewDelivery(delivery, item["event_id"], endpoint.uuid, partition_of(endpoint.number)))
    return await sql.add(unit, store, events, deliveries, now) if deliveries else 0


def body(item: Item) -> str:
    """The JSON that is signed and sent; all ASCII, so that nothing can re-encode it and break a signature."""
    said_at = item["at"].astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    envelope = {
        "id": EventId.of(item["event_id"]),
        "type": item["type"],
        "timestamp": said_at,
        "store": item["store_id"],
        "data": item["data"],
    }
    return json.dumps(envelope, separators=(",", ":"))
