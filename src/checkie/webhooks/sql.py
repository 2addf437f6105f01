"""All the SQL that writes or locks endpoints, events and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from checkie.db import Database, UnitOfWork, row
from checkie.kernel import Keyring
from checkie.kernel.ids import EndpointId, EventId
from checkie.webhooks.model import CLAIM, Endpoint, Item, Status, Try

_ADD_ENDPOINT: Final = """
insert into webhooks.endpoint (store, id, url, secret_sealed, events, schedule, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
"""
_ROTATE: Final = """
update webhooks.endpoint set previous_sealed = secret_sealed, previous_until = $3, secret_sealed = $4
where store = $1 and id = $2
"""
_DISABLE: Final = """
update webhooks.endpoint set is_active = false, disabled_reason = coalesce(disabled_reason, $3)
where store = $1 and id = $2
"""
_SUBSCRIPTIONS: Final = "select id, events from webhooks.endpoint where store = $1 and is_active"
_ADD: Final = """
with written as (
  insert into webhooks.event (store, id, type, body, resource, created_at)
  select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
  on conflict do nothing
)
insert into webhooks.delivery (store, id, event, endpoint, partition, status, scheduled_at, next_retry_at)
select $1, d.*, 'PENDING', $11, $11 from unnest($7::uuid[], $8::uuid[], $9::uuid[], $10::smallint[]) d
on conflict (store, endpoint, event) do nothing
"""
_FIND: Final = """
select store, id, endpoint from webhooks.delivery
where partition = any($1) and next_retry_at <= $2 and status in ('PENDING', 'RETRYING')
order by next_retry_at limit $3
"""
# The rows are locked, then checked, then written. Moving the due time ahead is the claim: a worker that dies gives it
# back by doing nothing. A delivery that has ended has no due time. The status is left out here and in the record, or
# the planner would walk the index of all that is due.
_CLAIM: Final = """
with due as (
  select id from webhooks.delivery
  where store = $1 and id = any($2) and next_retry_at <= $3
  for update skip locked
), claimed as (
  update webhooks.delivery d
  set version = version + 1, attempt_number = attempt_number + 1, attempted_at = $3, next_retry_at = $4
  from due where d.store = $1 and d.id = due.id
  returning d.id, d.event, d.endpoint, d.status, d.attempt_number, d.version
)
select c.id as delivery, c.event, c.endpoint, c.status, c.attempt_number as number, c.version,
  e.body, n.url, n.secret_sealed, n.previous_sealed, n.previous_until, n.schedule, n.is_active
from claimed c
join webhooks.event e on e.store = $1 and e.id = c.event
join webhooks.endpoint n on n.store = $1 and n.id = c.endpoint
"""
# The version is that of the claim. A claim that lapsed and was taken by another worker has another one, and changes
# nothing, with one exception: "received" is true whichever worker sent it, until the delivery has ended.
_RECORD: Final = """
update webhooks.delivery d
set version = d.version + 1, status = r.status, http_status = r.http_status, response_body = r.body, error = r.error,
  next_retry_at = r.next
from unnest($2::uuid[], $3::int[], $4::text[], $5::int[], $6::text[], $7::text[], $8::timestamptz[])
  as r (id, version, status, http_status, body, error, next)
where d.store = $1 and d.id = r.id and d.next_retry_at is not null
  and (d.version = r.version or r.status = 'DELIVERED')
"""
_POSTPONE: Final = """
update webhooks.delivery d set version = version + 1, next_retry_at = $4
from (
  select id from webhooks.delivery
  where store = $1 and endpoint = $2 and next_retry_at <= $3 and status in ('PENDING', 'RETRYING')
  for update skip locked
) due
where d.store = $1 and d.id = due.id
"""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery row to write."""

    id: UUID
    event: UUID
    endpoint: UUID
    partition: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A try that is ours to make, and what it takes to make it."""

    attempt: Try
    event: EventId
    endpoint: EndpointId
    url: str
    body: bytes = field(repr=False)
    sealed: Sequence[bytes] = field(repr=False)
    """The secrets to sign with, sealed; the newest first."""
    is_active: bool


@dataclass(frozen=True, slots=True)
class Result:
    """How a try ended, as it is recorded."""

    attempt: Try
    status: Status
    http_status: int | None
    body: str | None
    error: str | None
    next_retry_at: datetime | None


def seal(keyring: Keyring, endpoint: EndpointId, secret: str) -> bytes:
    """The secret as its row holds it."""
    return keyring.seal(secret.encode(), _context(endpoint))


def unseal(keyring: Keyring, claimed: Claimed) -> list[str]:
    """The secrets to sign with. ValueError if a key is missing."""
    return [keyring.open(sealed, _context(claimed.endpoint)).decode() for sealed in claimed.sealed]


async def add_endpoint(unit: UnitOfWork, store: int, endpoint: Endpoint, sealed: bytes) -> None:
    """Write a new endpoint."""
    events = list(endpoint.events)
    values = (endpoint.id.uuid, endpoint.url, sealed, events, endpoint.schedule.value, endpoint.created_at)
    await unit.execute(_ADD_ENDPOINT, store, *values)


async def rotate(unit: UnitOfWork, endpoint: EndpointId, *, store: int, sealed: bytes, until: datetime) -> bool:
    """The current secret becomes the previous one, valid `until` then. False if there is no such endpoint."""
    return await unit.execute(_ROTATE, store, endpoint.uuid, until, sealed) == 1


async def disable(db: Database, store: int, endpoint: EndpointId, reason: str) -> None:
    """Send nothing more to this endpoint. The first reason is kept."""
    await db.execute(_DISABLE, store, endpoint.uuid, reason)


async def subscriptions(unit: UnitOfWork, store: int) -> list[tuple[EndpointId, Sequence[str]]]:
    """The active endpoints and the event types that they are subscribed to."""
    found = await unit.read_all(_SUBSCRIPTIONS, store)
    return [(EndpointId.of(record["id"]), record["events"]) for record in found]


async def add(
    unit: UnitOfWork, store: int, events: Sequence[Item], deliveries: Sequence[NewDelivery], now: datetime
) -> int:
    """Write the events and deliveries that are not there yet; how many deliveries were new."""
    written = zip(*((e.id.uuid, e.type, e.body, e.resource, e.at) for e in events), strict=True)
    due = zip(*((d.id, d.event, d.endpoint, d.partition) for d in deliveries), strict=True)
    return await unit.execute(_ADD, store, *map(list, written), *map(list, due), now)


async def find_due(db: Database, partitions: Sequence[int], now: datetime, limit: int) -> list[tuple[int, UUID, UUID]]:
    """Deliveries that are due, the longest due first: store, endpoint, delivery."""
    found = await db.fetch(_FIND, list(partitions), now, limit)
    return [(record["store"], record["endpoint"], record["id"]) for record in found]


async def claim(db: Database, store: int, deliveries: Sequence[UUID], now: datetime) -> list[Claimed]:
    """Take those that are still due and that no other worker holds. After `CLAIM` they are due again."""
    claimed = []
    for record in await db.fetch(_CLAIM, store, deliveries, now, now + CLAIM):
        overlaps = record["previous_until"] is not None and now < record["previous_until"]
        claimed.append(
            Claimed(
                row(Try, record),
                event=EventId.of(record["event"]),
                endpoint=EndpointId.of(record["endpoint"]),
                url=record["url"],
                body=record["body"].encode(),
                sealed=[record["secret_sealed"], record["previous_sealed"]] if overlaps else [record["secret_sealed"]],
                is_active=record["is_active"],
            )
        )
    return claimed


async def record(db: Database, store: int, results: Sequence[Result]) -> None:
    """Record how some tries of one store ended, in one statement."""
    rows = (
        (
            r.attempt.delivery.uuid,
            r.attempt.version,
            r.status.value,
            r.http_status,
            r.body,
            r.error,
            r.next_retry_at,
        )
        for r in results
    )
    await db.execute(_RECORD, store, *map(list, zip(*rows, strict=True)))


async def postpone(db: Database, store: int, endpoint: EndpointId, *, now: datetime, until: datetime) -> None:
    """Send nothing to this endpoint until then: what is due for it waits, and loses no try."""
    await db.execute(_POSTPONE, store, endpoint.uuid, now, until)


def _context(endpoint: EndpointId) -> str:
    return f"webhook-endpoint:{endpoint}"
