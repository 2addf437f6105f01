"""A store with a keyring, and a receiver for its webhooks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from checkie import webhooks
from checkie.db import PARTITIONS, Database
from checkie.db.statements import STATEMENTS
from checkie.kernel import Id, Keyring, Paging
from checkie.kernel.ids import EventId
from checkie.webhooks.deliver import deliver_due
from tests.db.webhooks.receiver import Receiver, receiving

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTLE = """
update webhooks.delivery set status = 'FAILED', next_retry_at = null where status in ('PENDING', 'RETRYING')
"""
ADD_STORE = """
insert into stores.store (id, slug, name, currency, mode, created_at) values ($1, $2, 'A store', 'USD', 'test', $3)
returning number
"""


class AnyStoreId(Id):
    __slots__ = ()
    prefix = "sto"


@dataclass
class Merchant:
    """A store, its clock, and what its merchant and our worker do."""

    db: Database
    poster: webhooks.Poster
    store: int
    keyring: Keyring = field(default_factory=lambda: Keyring("k1", {"k1": b"k" * 32}))
    now: datetime = START

    async def endpoint(self, url: str, *events: str, schedule: str = "exponential") -> tuple[webhooks.Endpoint, str]:
        async with self.db.transaction() as unit:
            return await webhooks.create_endpoint(
                unit, self.keyring, store=self.store, now=self.now, url=url, events=events or ("*",), schedule=schedule
            )

    def item(self, event_type: str = "payment.completed", **data: Any) -> webhooks.Item:
        event = EventId.new(self.store, self.now)
        body = json.dumps({"id": event, "type": event_type, "data": data})
        return webhooks.Item(id=event, type=event_type, resource="pay_1", body=body, at=self.now)

    async def enqueue(self, *items: webhooks.Item) -> int:
        """Enqueue these events, or a new one."""
        async with self.db.transaction() as unit:
            subscriptions = await webhooks.read_subscriptions(unit, self.store)
            return await webhooks.enqueue_all(unit, subscriptions, items or [self.item()], self.now)

    async def deliver(
        self,
        limit: int = 100,
        *,
        poster: webhooks.Poster | None = None,
        partitions: Sequence[int] = range(PARTITIONS),
        now: Callable[[], datetime] | None = None,
    ) -> int:
        return await deliver_due(
            self.db,
            self.keyring,
            poster or self.poster,
            partitions=partitions,
            now=now or (lambda: self.now),
            limit=limit,
        )

    async def deliveries(self, endpoint: webhooks.Endpoint) -> list[webhooks.Delivery]:
        return list((await webhooks.list_deliveries(self.db, self.store, endpoint.id, Paging(100))).data)

    async def only(self, endpoint: webhooks.Endpoint) -> webhooks.Delivery:
        (delivery,) = await self.deliveries(endpoint)
        return delivery

    async def wait(self, **wait: float) -> None:
        """Let time pass."""
        self.now += timedelta(**wait)


@pytest.fixture
async def poster() -> AsyncIterator[webhooks.Poster]:
    found = webhooks.Poster(webhooks.Guard([ip_network("127.0.0.0/8")]), timeout_s=5)
    yield found
    await found.aclose()


@pytest.fixture
async def merchant(db: Database, poster: webhooks.Poster) -> AsyncIterator[Merchant]:
    """A new store. Deliveries that other tests left due are ended first: due work is found across stores."""
    await db.execute(SETTLE)
    yield await add_merchant(db, poster)
    await db.execute(SETTLE)


@pytest.fixture
async def stranger(merchant: Merchant) -> Merchant:
    """Another store."""
    return await add_merchant(merchant.db, merchant.poster)


async def add_merchant(db: Database, poster: webhooks.Poster) -> Merchant:
    known = AnyStoreId.new(0, START)
    return Merchant(db, poster, await db.fetchval(ADD_STORE, known.uuid, f"s{known[4:]}", START))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        found.answer("200 OK", b'{"ok": true}')
        yield found


def event_ids(receiver: Receiver) -> list[EventId]:
    """The ids that arrived, in order."""
    return [EventId.parse(one.headers["webhook-id"]) for one in receiver.received]


def statements() -> float:
    """How many SQL statements were sent so far."""
    (metric,) = STATEMENTS.collect()
    return float(metric.samples[0].value)
