"""Endpoints: made, listed, found, their secrets changed. How lists are paged: test_webhook_lists.py."""

from __future__ import annotations

import pytest

from checkie import webhooks
from checkie.kernel import Paging
from checkie.webhooks.model import (
    EndpointEventsInvalid,
    EndpointNotFound,
    EndpointScheduleInvalid,
    EndpointUrlInvalid,
    SecretInvalid,
)
from tests.db.webhooks.conftest import Shop

URL = "https://shop.example/hook"
SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


async def test_endpoints_are_listed_from_the_newest(shop: Shop) -> None:
    first, _ = await shop.endpoint(URL)
    await shop.wait(seconds=1)
    second, _ = await shop.endpoint(URL, "payment.failed", schedule="standard")
    assert (await webhooks.list_endpoints(shop.db, shop.store, Paging())).data == [second, first]
    assert (await webhooks.list_endpoints(shop.db, shop.store + 1_000_000, Paging())).data == []


async def test_an_endpoint_is_found_by_its_url_the_first_if_there_are_two(shop: Shop) -> None:
    first, _ = await shop.endpoint(URL)
    await shop.wait(seconds=1)
    await shop.endpoint(URL)
    assert await webhooks.find_endpoint(shop.db, shop.store, URL) == first
    assert await webhooks.find_endpoint(shop.db, shop.store, f"{URL}/") is None
    assert await webhooks.find_endpoint(shop.db, shop.store + 1_000_000, URL) is None


async def test_a_secret_may_be_brought_and_is_sealed_in_the_row(shop: Shop) -> None:
    async with shop.db.transaction() as tx:
        endpoint, secret = await webhooks.create_endpoint(
            tx, shop.keyring, store=shop.store, now=shop.now, url=URL, events=["*"], secret=SECRET
        )
    assert secret == SECRET
    sealed = await shop.db.fetchval(
        "select secret_sealed from webhooks.endpoint where store = $1 and id = $2", shop.store, endpoint.id.uuid
    )
    assert SECRET.encode() not in sealed
    assert shop.keyring.open(sealed, f"webhook-endpoint:{endpoint.id}") == SECRET.encode()


@pytest.mark.parametrize("url", ["", "ftp://shop.example/", "https://user:pass@shop.example/", "not a url"])
async def test_a_url_of_another_form_is_refused(shop: Shop, url: str) -> None:
    with pytest.raises(EndpointUrlInvalid):
        await shop.endpoint(url)


@pytest.mark.parametrize(
    "events", [["payment"], ["Payment.Completed"], ["payment.*"], [""], [f"a.b{n}" for n in range(65)]]
)
async def test_event_types_of_another_form_are_refused(shop: Shop, events: list[str]) -> None:
    with pytest.raises(EndpointEventsInvalid):
        await shop.endpoint(URL, *events)


async def test_an_unknown_schedule_is_refused(shop: Shop) -> None:
    with pytest.raises(EndpointScheduleInvalid):
        await shop.endpoint(URL, schedule="never")


async def test_no_event_types_and_a_weak_secret_are_refused(shop: Shop) -> None:
    async with shop.db.transaction() as tx:
        with pytest.raises(EndpointEventsInvalid):
            await webhooks.create_endpoint(tx, shop.keyring, store=shop.store, now=shop.now, url=URL, events=[])
        with pytest.raises(SecretInvalid):
            await webhooks.create_endpoint(
                tx, shop.keyring, store=shop.store, now=shop.now, url=URL, events=["*"], secret="whsec_aaaa"
            )


async def test_another_stores_secret_cannot_be_changed(shop: Shop) -> None:
    endpoint, _ = await shop.endpoint(URL)
    async with shop.db.transaction() as tx:
        with pytest.raises(EndpointNotFound):
            await webhooks.rotate_secret(
                tx, shop.keyring, store=shop.store + 1_000_000, endpoint=endpoint.id, now=shop.now
            )


async def test_another_stores_deliveries_are_not_shown(shop: Shop) -> None:
    endpoint, _ = await shop.endpoint(URL)
    await shop.say()
    found = await webhooks.list_deliveries(shop.db, shop.store + 1_000_000, endpoint.id, Paging())
    assert (found.data, found.has_more) == ([], False)
