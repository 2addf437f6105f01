"""All the SQL that writes or locks endpoints, events and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from checkie.db import Database, UnitOfWork
from checkie.kernel import Keyring
from checkie.kernel.ids import DeliveryId, EndpointId
from checkie.webhooks.model import CLAIM, Endpoint, Schedule, Status, Try

_ADD_ENDPOINT: Final = """
insert into webhooks.endpoint (store, id, url, secret_sealed, events, schedule, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
"""
_ROTATE: Final = """
update webhooks.endpoint set previous_sealed = secret_sealed, previous_until = $3, secret_sealed = $4
where store = $1 and id = $2
"""
_DISABLE: Final = """
update webhooks.endpoint set is_active = false, disabled_reason = $3 where store = $1 and id = $2 and is_active
"""
_SUBSCRIBED: Final = "select id, events from webhooks.endpoint where store = $1 and is_active"
_ADD: Final = """
with said as (
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
# Pushing the due time ahead is the claim: a worker that dies gives it back by doing nothing. What has ended has no due
# time. The status is left out here and in the record, lest the planner walk the index of all that is due.
_CLAIM: Final = """
with due as (
  select id from webhooks.delivery
  where store = $1 and id = any($2) and next_retry_at <= $3
  for update skip locked
), claimed as (
  update webhooks.delivery d set attempt_number = attempt_number + 1, attempted_at = $3, next_retry_at = $4
  from due where d.store = $1 and d.id = due.id
  returning d.id, d.event, d.endpoint, d.status, d.attempt_number
)
select c.*, e.body, n.url, n.secret_sealed, n.previous_sealed, n.previous_until, n.schedule, n.is_active
from claimed c
join webhooks.event e on e.store = $1 and e.id = c.event
join webhooks.endpoint n on n.store = $1 and n.id = c.endpoint
"""
# A claim that lapsed and was taken by another worker no longer speaks for the delivery, except to say that it arrived.
_RECORD: Final = """
update webhooks.delivery d
set status = r.status, http_status = r.http_status, response_body = r.body, error = r.error, next_retry_at = r.next
from unnest($2::uuid[], $3::int[], $4::text[], $5::int[], $6::text[], $7::text[], $8::timestamptz[])
  as r (id, number, status, http_status, body, error, next)
where d.store = $1 and d.id = r.id and d.next_retry_at is not null
  and (d.attempt_number = r.number or r.status = 'DELIVERED')
"""
_POSTPONE: Final = """
update webhooks.delivery d set next_retry_at = $4
from (
  select id from webhooks.delivery
  where store = $1 and endpoint = $2 and next_retry_at <= $3 and status in ('PENDING', 'RETRYING')
  for update skip locked
) due
where d.store = $1 and d.id = due.id
"""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event row about to be written."""

    id: UUID
    type: str
    body: str
    resource: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery row about to be written."""

    id: UUID
    event: UUID
    endpoint: UUID
    partition: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A try that is ours to make, and all that making it takes."""

    attempt: Try
    event: UUID
    endpoint: EndpointId
    url: str
    body: bytes = field(repr=False)
    sealed: Sequence[bytes] = field(repr=False)
    """The secrets to sign with, sealed; the newest first."""
    is_active: bool


@dataclass(frozen=True, slots=True)
class Result:
    """How a try ended, as it is written down."""

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
    """The secrets to sign with. ValueError when a key is gone."""
    return [keyring.open(sealed, _context(claimed.endpoint)).decode() for sealed in claimed.sealed]


async def add_endpoint(unit: UnitOfWork, store: int, endpoint: Endpoint, sealed: bytes) -> None:
    """Write a new endpoint."""
    events = list(endpoint.events)
    values = (endpoint.id.uuid, endpoint.url, sealed, events, endpoint.schedule.value, endpoint.created_at)
    await unit.execute(_ADD_ENDPOINT, store, *values)


async def rotate(unit: UnitOfWork, endpoint: EndpointId, *, store: int, sealed: bytes, until: datetime) -> bool:
    """The present secret becomes the previous one `until` then. False when there is no such endpoint."""
    return await unit.execute(_ROTATE, store, endpoint.uuid, until, sealed) == 1


async def disable(db: Database, store: int, endpoint: EndpointId, reason: str) -> None:
    """Send nothing there any more."""
    await db.execute(_DISABLE, store, endpoint.uuid, reason)


async def subscribed(unit: UnitOfWork, store: int) -> list[tuple[EndpointId, Sequence[str]]]:
    """The active endpoints and the event types that they named."""
    return [(EndpointId.of(row["id"]), row["events"]) for row in await unit.fetch(_SUBSCRIBED, store)]


async def add(
    unit: UnitOfWork, store: int, events: Sequence[NewEvent], deliveries: Sequence[NewDelivery], now: datetime
) -> int:
    """Write events and deliveries that are not there yet; how many deliveries were new."""
    said = zip(*((e.id, e.type, e.body, e.resource, e.at) for e in events), strict=True)
    due = zip(*((d.id, d.event, d.endpoint, d.partition) for d in deliveries), strict=True)
    return await unit.execute(_ADD, store, *map(list, said), *map(list, due), now)


async def find_due(db: Database, partitions: Sequence[int], now: datetime, limit: int) -> list[tuple[int, UUID, UUID]]:
    """Deliveries that are due, the longest due first: store, endpoint, delivery."""
    rows = await db.fetch(_FIND, list(partitions), now, limit)
    return [(row["store"], row["endpoint"], row["id"]) for row in rows]


async def claim(db: Database, store: int, deliveries: Sequence[UUID], now: datetime) -> list[Claimed]:
    """Take those that are still due and in nobody's hands. Untouched for `CLAIM`, they are due again."""
    claimed = []
    for row in await db.fetch(_CLAIM, store, deliveries, now, now + CLAIM):
        overlap = row["previous_until"] is not None and now < row["previous_until"]
        attempt = Try(
            delivery=DeliveryId.of(row["id"]),
            status=Status(row["status"]),
            number=row["attempt_number"],
            schedule=Schedule(row["schedule"]),
        )
        claimed.append(
            Claimed(
                attempt,
                event=row["event"],
                endpoint=EndpointId.of(row["endpoint"]),
                url=row["url"],
                body=row["body"].encode(),
                sealed=[row["secret_sealed"], row["previous_sealed"]] if overlap else [row["secret_sealed"]],
                is_active=row["is_active"],
            )
        )
    return claimed


async def record(db: Database, store: int, results: Sequence[Result]) -> None:
    """Write down how some tries of one store ended, in one statement."""
    rows = (
        (
            r.attempt.delivery.uuid,
            r.attempt.number,
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
    """Leave the endpoint alone until then: what is due for it waits, and loses no try."""
    await db.execute(_POSTPONE, store, endpoint.uuid, now, until)


def _context(endpoint: EndpointId) -> str:
    return f"webhook-endpoint:{endpoint}"
