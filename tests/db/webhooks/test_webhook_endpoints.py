"""Endpoints: created, listed, found, their secrets changed. How lists are paged: test_webhook_lists.py."""

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
from tests.db.webhooks.conftest import Merchant

URL = "https://shop.example/hook"
SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


async def test_endpoints_are_listed_from_the_newest(merchant: Merchant) -> None:
    first, _ = await merchant.endpoint(URL)
    await merchant.wait(seconds=1)
    second, _ = await merchant.endpoint(URL, "payment.failed", schedule="standard")
    assert (await webhooks.list_endpoints(merchant.db, merchant.store, Paging())).data == [second, first]
    assert (await webhooks.list_endpoints(merchant.db, merchant.store + 1_000_000, Paging())).data == []


async def test_an_endpoint_is_found_by_its_url_the_first_if_there_are_two(merchant: Merchant) -> None:
    first, _ = await merchant.endpoint(URL)
    await merchant.wait(seconds=1)
    await merchant.endpoint(URL)
    assert await webhooks.find_endpoint(merchant.db, merchant.store, URL) == first
    assert await webhooks.find_endpoint(merchant.db, merchant.store, f"{URL}/") is None
    assert await webhooks.find_endpoint(merchant.db, merchant.store + 1_000_000, URL) is None


async def test_a_secret_may_be_brought_and_is_sealed_in_the_row(merchant: Merchant) -> None:
    async with merchant.db.transaction() as unit:
        endpoint, secret = await webhooks.create_endpoint(
            unit, merchant.keyring, store=merchant.store, now=merchant.now, url=URL, events=["*"], secret=SECRET
        )
    assert secret == SECRET
    sealed = await merchant.db.fetchval(
        "select secret_sealed from webhooks.endpoint where store = $1 and id = $2", merchant.store, endpoint.id.uuid
    )
    assert SECRET.encode() not in sealed
    assert merchant.keyring.open(sealed, f"webhook-endpoint:{endpoint.id}") == SECRET.encode()


@pytest.mark.parametrize("url", ["", "ftp://shop.example/", "https://user:pass@shop.example/", "not a url"])
async def test_a_url_of_another_form_is_refused(merchant: Merchant, url: str) -> None:
    with pytest.raises(EndpointUrlInvalid):
        await merchant.endpoint(url)


@pytest.mark.parametrize(
    "events", [["payment"], ["Payment.Completed"], ["payment.*"], [""], [f"a.b{n}" for n in range(65)]]
)
async def test_event_types_of_another_form_are_refused(merchant: Merchant, events: list[str]) -> None:
    with pytest.raises(EndpointEventsInvalid):
        await merchant.endpoint(URL, *events)


async def test_an_unknown_schedule_is_refused(merchant: Merchant) -> None:
    with pytest.raises(EndpointScheduleInvalid):
        await merchant.endpoint(URL, schedule="never")


async def test_no_event_types_and_a_weak_secret_are_refused(merchant: Merchant) -> None:
    async with merchant.db.transaction() as unit:
        with pytest.raises(EndpointEventsInvalid):
            await webhooks.create_endpoint(
                unit, merchant.keyring, store=merchant.store, now=merchant.now, url=URL, events=[]
            )
        with pytest.raises(SecretInvalid):
            await webhooks.create_endpoint(
                unit,
                merchant.keyring,
                store=merchant.store,
                now=merchant.now,
                url=URL,
                events=["*"],
                secret="whsec_aaaa",
            )


async def test_another_stores_secret_cannot_be_changed(merchant: Merchant) -> None:
    endpoint, _ = await merchant.endpoint(URL)
    async with merchant.db.transaction() as unit:
        with pytest.raises(EndpointNotFound):
            await webhooks.rotate_secret(
                unit, merchant.keyring, store=merchant.store + 1_000_000, endpoint=endpoint.id, now=merchant.now
            )


async def test_another_stores_deliveries_are_not_shown(merchant: Merchant) -> None:
    endpoint, _ = await merchant.endpoint(URL)
    await merchant.enqueue()
    found = await webhooks.list_deliveries(merchant.db, merchant.store + 1_000_000, endpoint.id, Paging())
    assert (found.data, found.has_more) == ([], False)
