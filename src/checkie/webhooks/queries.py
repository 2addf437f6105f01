"""The read side: a store's endpoints and what was sent to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from checkie.db import Database, Keyset
from checkie.kernel import Listing, Paging
from checkie.kernel.ids import DeliveryId, EndpointId, EventId
from checkie.webhooks.model import Endpoint, Schedule, Status

# Above every id: where a list begins that has no cursor.
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
# `limit 1` of what is one in any case: so that the event of each delivery is looked up by its key. A plain join was
# planned as one that reads the store's events from the newest down to the cursor.
_DELIVERY: Final = """
select d.id, d.event, e.type, e.resource, e.body, d.endpoint, d.status, d.attempt_number, d.http_status,
  d.response_body, d.error, d.scheduled_at, d.attempted_at, d.next_retry_at
from webhooks.delivery d
cross join lateral (select type, resource, body from webhooks.event where store = d.store and id = d.event limit 1) e
where d.store = $1 and d.endpoint = $2
"""
# The endpoint is no condition of the search: then another index would look as good, and read all the endpoint has.
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


async def list_endpoints(db: Database, store: int, paging: Paging[EndpointId]) -> Listing[Endpoint]:
    """The store's endpoints, the newest first, disabled ones too. Refuses a cursor that is none of them."""
    return (await _ENDPOINTS.read(db, paging, store)).map(_endpoint)


async def find_endpoint(db: Database, store: int, url: str) -> Endpoint | None:
    """The store's first endpoint at exactly this URL, if there is one."""
    row = await db.fetchrow(_BY_URL, store, url)
    return None if row is None else _endpoint(row)


async def list_deliveries(
    db: Database, store: int, endpoint: EndpointId, paging: Paging[DeliveryId]
) -> Listing[Delivery]:
    """The deliveries to an endpoint, the newest event first; none for a stranger's.

    Refuses a cursor that is none of them (CursorUnknown).
    """
    return (await _DELIVERIES.read(db, paging, store, endpoint.uuid)).map(_delivery)


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
