"""Read a store's endpoints and the deliveries to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from checkie.db import Database, Keyset, row
from checkie.kernel import Listing, Paging
from checkie.kernel.ids import DeliveryId, EndpointId, EventId
from checkie.webhooks.model import Endpoint, Status

# Above every id: where a list without a cursor begins.
_TOP: Final = "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid"
_ENDPOINT: Final = """
select id, url, events, schedule, is_active, disabled_reason, created_at from webhooks.endpoint where store = $1
"""
_ENDPOINT_CURSOR: Final = "select id from webhooks.endpoint where store = $1 and id = $2"
_ENDPOINTS: Final = Keyset(
    cursor=_ENDPOINT_CURSOR,
    after=f"""
{_ENDPOINT} and id < case when $2::uuid is null then {_TOP} else ({_ENDPOINT_CURSOR}) end
order by id desc limit $3
""",
    before=f"{_ENDPOINT} and id > ({_ENDPOINT_CURSOR}) order by id limit $3",
)
_BY_URL: Final = f"{_ENDPOINT} and url = $2 order by id limit 1"
_DELIVERY: Final = """
select d.id, d.event, d.endpoint, d.status, d.attempt_number, d.http_status, d.response_body, d.error, d.scheduled_at,
  d.attempted_at, d.next_retry_at
from webhooks.delivery d
where d.store = $1 and d.endpoint = $2
"""
# The endpoint is not a condition of the search: the planner would choose another index and read all of the endpoint's.
_DELIVERY_CURSOR: Final = """
select case when endpoint = $2 then event end from webhooks.delivery where store = $1 and id = $3
"""
_DELIVERIES: Final = Keyset(
    cursor=_DELIVERY_CURSOR,
    after=f"""
{_DELIVERY} and d.event < case when $3::uuid is null then {_TOP} else ({_DELIVERY_CURSOR}) end
order by d.event desc limit $4
""",
    before=f"{_DELIVERY} and d.event > ({_DELIVERY_CURSOR}) order by d.event limit $4",
)
_EVENTS: Final = "select id, type, resource, body from webhooks.event where store = $1 and id = any($2)"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a merchant may see of one delivery: the event, the last try and its response, and when the next one is."""

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


async def list_endpoints(db: Database, store: int, paging: Paging[EndpointId]) -> Listing[Endpoint]:
    """The store's endpoints, the newest first, disabled ones included. Refuses an unknown cursor (CursorUnknown)."""
    return (await _ENDPOINTS.read(db, paging, store)).map(partial(row, Endpoint))


async def find_endpoint(db: Database, store: int, url: str) -> Endpoint | None:
    """The store's oldest endpoint with exactly this URL, if there is one."""
    found = await db.fetchrow(_BY_URL, store, url)
    return None if found is None else row(Endpoint, found)


async def list_deliveries(
    db: Database, store: int, endpoint: EndpointId, paging: Paging[DeliveryId]
) -> Listing[Delivery]:
    """The deliveries to an endpoint, the newest event first; none for another store's endpoint.

    Refuses an unknown cursor (CursorUnknown).
    """
    found = await _DELIVERIES.read(db, paging, store, endpoint.uuid)
    events = await db.fetch(_EVENTS, store, [delivery["event"] for delivery in found.data])
    by_id = {event["id"]: event for event in events}
    return found.map(lambda delivery: row(Delivery, {**by_id[delivery["event"]], **delivery}))
