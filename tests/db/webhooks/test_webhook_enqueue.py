"""Events become deliveries: to every subscribed endpoint, once, in the caller's transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from checkie import webhooks
from tests.db.webhooks.conftest import Merchant, statements

COUNT = """
select (select count(*) from webhooks.event where store = $1), (select count(*) from webhooks.delivery where store = $1)
"""
URL = "https://shop.example/hook"


async def written(merchant: Merchant) -> tuple[int, int]:
    """How many events and deliveries the store has."""
    row = await merchant.db.fetchrow(COUNT, merchant.store)
    assert row
    return row[0], row[1]


async def test_without_endpoint_nothing_is_written(merchant: Merchant) -> None:
    assert await merchant.enqueue(merchant.item(), merchant.item()) == 0
    assert await written(merchant) == (0, 0)


async def test_an_event_goes_to_the_endpoints_that_are_subscribed(merchant: Merchant) -> None:
    every, _ = await merchant.endpoint(URL)
    paid, _ = await merchant.endpoint(URL, "payment.completed", "payment.failed")
    customers, _ = await merchant.endpoint(URL, "customer.created")
    assert await merchant.enqueue(merchant.item("payment.completed"), merchant.item("payment.refunded")) == 3
    assert await written(merchant) == (2, 3)
    received = [[one.type for one in await merchant.deliveries(endpoint)] for endpoint in (every, paid, customers)]
    assert received == [["payment.refunded", "payment.completed"], ["payment.completed"], []]


async def test_an_event_is_written_once_however_often_it_is_enqueued(merchant: Merchant) -> None:
    await merchant.endpoint(URL)
    item = merchant.item()
    assert await merchant.enqueue(item, item) == 1
    assert await merchant.enqueue(item) == 0
    assert await asyncio.gather(*(merchant.enqueue(item) for _ in range(5))) == [0] * 5
    assert await written(merchant) == (1, 1)


async def test_an_event_is_written_once_by_concurrent_workers(merchant: Merchant) -> None:
    await merchant.endpoint(URL)
    item = merchant.item()
    assert sorted(await asyncio.gather(*(merchant.enqueue(item) for _ in range(5)))) == [0, 0, 0, 0, 1]


async def test_nothing_is_written_when_the_callers_transaction_fails(merchant: Merchant) -> None:
    await merchant.endpoint(URL)

    async def fail() -> None:
        async with merchant.db.transaction() as unit:
            subscriptions = await webhooks.read_subscriptions(unit, merchant.store)
            await webhooks.enqueue_all(unit, subscriptions, [merchant.item()], merchant.now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await written(merchant) == (0, 0)


async def test_a_batch_costs_two_statements(merchant: Merchant) -> None:
    for _ in range(3):
        await merchant.endpoint(URL)
    before = statements()
    assert await merchant.enqueue(*(merchant.item() for _ in range(50))) == 150
    assert statements() - before == 4  # with begin and commit


async def test_another_stores_endpoints_receive_nothing(merchant: Merchant, poster: webhooks.Poster) -> None:
    await merchant.endpoint(URL)
    stranger = Merchant(merchant.db, poster, merchant.store + 1_000_000)
    assert await stranger.enqueue() == 0


async def test_the_body_is_kept_byte_for_byte(merchant: Merchant) -> None:
    endpoint, _ = await merchant.endpoint(URL)
    body = '{"id": "evt_1",  "data":{"name":"Zo\\u00eb"}}'
    await merchant.enqueue(replace(merchant.item(), body=body))
    delivery = await merchant.only(endpoint)
    assert (delivery.body, delivery.resource) == (body, "pay_1")


async def test_an_event_keeps_the_body_that_was_written_first(merchant: Merchant) -> None:
    endpoint, _ = await merchant.endpoint(URL)
    item = merchant.item()
    await merchant.enqueue(item)
    await merchant.endpoint(URL)
    assert await merchant.enqueue(replace(item, body="{}")) == 1
    assert (await merchant.only(endpoint)).body == item.body
