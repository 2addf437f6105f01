"""The read side: a store's endpoints and what was sent to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from checkie.db import Database
from checkie.outbox import EventId
from checkie.webhooks.model import DeliveryId, Endpoint, EndpointId, Schedule, Status

_ENDPOINTS: Final = """
select id, url, events, schedule, is_active, disabled_reason, created_at
from webhooks.endpoint where store = $1 order by id
"""
_DELIVERIES: Final = """
select d.id, d.event, e.type, e.resource, e.body, d.endpoint, d.status, d.attempt_number, d.http_status,
  d.response_body, d.error, d.scheduled_at, d.attempted_at, d.next_retry_at
from webhooks.delivery d join webhooks.event e on e.store = d.store and e.id = d.event
where d.store = $1 and d.endpoint = $2
  and ($3::uuid is null or d.event < (select event from webhooks.delivery where store = $1 and id = $3))
order by d.event desc limit $4
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a merchant may see of one delivery: the event, the last try and its answer, and when the next one is."""

    id: DeliveryId
    event: EventId
    type: str
    resource: str
    body: str
    endpoint: EndpointId
    status: Status
    attempt_number: int
    http_status: int | None
    response_body: str | None
    error: str | None
    scheduled_at: datetime
    attempted_at: datetime | None
    next_retry_at: datetime | None


async def list_endpoints(db: Database, store: int) -> list[Endpoint]:
    """Every endpoint of the store, the oldest first, disabled ones too."""
    return [_endpoint(row) for row in await db.fetch(_ENDPOINTS, store)]


async def list_deliveries(
    db: Database, store: int, endpoint: EndpointId, *, limit: int, starting_after: DeliveryId | None = None
) -> list[Delivery]:
    """Up to `limit` deliveries to an endpoint, the newest event first, after the one named. Empty for a stranger's."""
    after = starting_after.uuid if starting_after else None
    return [_delivery(row) for row in await db.fetch(_DELIVERIES, store, endpoint.uuid, after, limit)]


def _endpoint(row: Any) -> Endpoint:
    parsed = {"id": EndpointId.of(row["id"]), "events": tuple(row["events"]), "schedule": Schedule(row["schedule"])}
    return Endpoint(**{**row, **parsed})


def _delivery(row: Any) -> Delivery:
    ids = {
        "id": DeliveryId.of(row["id"]),
        "event": EventId.of(row["event"]),
        "endpoint": EndpointId.of(row["endpoint"]),
    }
    return Delivery(**{**row, **ids, "status": Status(row["status"])})
