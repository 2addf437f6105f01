"""What merchants receive: the object of each public event, rendered once, from which an order can be fulfilled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from checkie import checkout, objects, payments, webhooks
from checkie.db import Database
from checkie.kernel import Money
from checkie.kernel.ids import EventId
from checkie.outbox import Recorded
from checkie.outbox.event import NewerEvent
from checkie.payments.port import Refunded
from scripts.docs import discover
from scripts.docs import events as documented
from tests import make
from tests.fakes import DECLINED
from tests.make import START, Merchant, statements

NOWHERE = "http://127.0.0.1:9/"
BODIES = "select type, resource, body from webhooks.event where store = $1 order by id"
EVENTS = """
select store, id, aggregate, seq, name, version, body, at, partition from outbox.event
where store = $1 and name = any($2)
order by id
"""


def usd(minor: int) -> dict[str, Any]:
    return {"amount": minor, "currency": "USD"}


AT = "2026-03-01T12:00:00.000Z"
AS_BOUGHT = {
    "object": "payment",
    "status": "SUCCEEDED",
    "amount": usd(5198),
    "fee": usd(151),
    "net": usd(5047),
    "refunded": usd(0),
    "description": "Field notes",
    "created_at": AT,
    "succeeded_at": AT,
    "failure": None,
    "attempts_left": 3,
}
"""What is fixed of a payment for two at $25.99."""
ORDER = {
    "lines": [{"title": "Field notes", "quantity": 2, "unit": usd(2599), "amount": usd(5198)}],
    "total": usd(5198),
    "email": "buyer@shop.example",
}
CUSTOMER = {"object": "customer", "email": "buyer@shop.example", "created_at": AT}


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    """A store with an endpoint that is subscribed to everything."""
    found = await make.merchant(db, quantity_max=3)
    await subscribe(found, "*")
    return found


async def subscribe(merchant: Merchant, *events: str) -> None:
    async with merchant.db.transaction() as unit:
        await webhooks.create_endpoint(
            unit, make.KEYRING, store=merchant.store.number, now=START, url=NOWHERE, events=events
        )


async def buy(merchant: Merchant) -> tuple[checkout.Session, payments.Attempt]:
    """A buyer pays for two."""
    opened = await merchant.open()
    await merchant.change(opened, quantity=2)
    started = await merchant.pay(opened)
    merchant.fake.confirm(started.attempt.id)
    assert await merchant.receive_webhook(started.attempt.id)
    return opened.session, started.attempt


async def received(merchant: Merchant, event_type: str) -> list[dict[str, Any]]:
    """The bodies of this type that were queued, in order, after everything was processed."""
    await merchant.drain()
    rows = await merchant.db.fetch(BODIES, merchant.store.number)
    for row in rows:
        body = json.loads(row["body"])
        assert row["resource"] == body["data"]["id"]
        check_schema(body)
    return [json.loads(row["body"]) for row in rows if row["type"] == event_type]


def check_schema(body: Mapping[str, Any]) -> None:
    """The body is as its published schema describes, and has every field that it names."""
    (event,) = [event for event in discover.events() if event.name == body["type"]]
    schema = documented.schema(event)
    jsonschema_rs.validator_for(schema).validate(body)
    assert body["data"].keys() == set(schema["properties"]["data"]["properties"])


async def recorded(merchant: Merchant) -> list[Recorded]:
    rows = await merchant.db.fetch(EVENTS, merchant.store.number, [kind.name for kind in objects.RENDERERS])
    return [Recorded(**dict(row)) for row in rows]


async def follow(merchant: Merchant, events: Sequence[Recorded]) -> float:
    """Process these events; how many statements that took."""
    before = statements()
    async with merchant.db.transaction() as unit:
        await objects.on_public_events(unit, merchant.store.number, events, START)
    return statements() - before


class TestAPaymentThatCompleted:
    async def test_carries_all_that_fulfilment_needs(self, merchant: Merchant) -> None:
        session, attempt = await buy(merchant)
        (body,) = await received(merchant, "payment.completed")
        data = body["data"]
        assert data == {
            **AS_BOUGHT,
            "id": data["id"],
            "attempt": {
                "id": attempt.id,
                "number": 1,
                "provider": "fake",
                "status": "SUCCEEDED",
                "provider_reference": merchant.fake.attempts[attempt.id].reference,
                "card": {"brand": "visa", "last4": "4242"},
            },
            "order": {**ORDER, "id": data["order"]["id"], "status": data["order"]["status"]},
            "customer": {**CUSTOMER, "id": data["customer"]["id"]},
            "page": {"id": merchant.page.id, "slug": merchant.page.slug, "title": "Field notes"},
            "session": session.id,
        }

    async def test_has_an_envelope(self, merchant: Merchant) -> None:
        await buy(merchant)
        (body,) = await received(merchant, "payment.completed")
        del body["data"]
        assert body == {
            "id": EventId.parse(body["id"]),
            "type": "payment.completed",
            "timestamp": AT,
            "livemode": False,
            "api_version": objects.API_VERSION,
            "store": merchant.store.id,
        }

    async def test_has_the_amounts_that_the_ledger_has(self, merchant: Merchant) -> None:
        await buy(merchant)
        (body,) = await received(merchant, "payment.completed")
        balances, data = await merchant.balances(), body["data"]
        assert (balances["MERCHANT"], balances["FEES"]) == (data["net"]["amount"], data["fee"]["amount"])

    async def test_is_rendered_once_and_keeps_its_bytes(self, merchant: Merchant) -> None:
        _, attempt = await buy(merchant)
        await merchant.drain()
        before = await merchant.db.fetch(BODIES, merchant.store.number)
        await merchant.receive_webhook(attempt.id, Refunded("fake_1", Money(100, "USD")))
        await follow(merchant, await recorded(merchant))
        after = await merchant.db.fetch(BODIES, merchant.store.number)
        assert [row["body"] for row in after][: len(before)] == [row["body"] for row in before]


class TestAPaymentThatFailed:
    async def test_has_the_failure_and_the_attempts_left_of_its_event(self, merchant: Merchant) -> None:
        opened, first = await merchant.paying()
        merchant.fake.confirm(first.attempt.id, DECLINED)
        await merchant.receive_webhook(first.attempt.id)
        events = await recorded(merchant)
        await progress(merchant)
        second = await merchant.pay(opened)
        merchant.fake.confirm(second.attempt.id)
        await merchant.receive_webhook(second.attempt.id)
        await follow(merchant, events)
        rows = await merchant.db.fetch(BODIES, merchant.store.number)
        (data,) = [json.loads(row["body"])["data"] for row in rows if row["type"] == "payment.failed"]
        assert data["failure"] == {"code": "card_declined", "message": "Your card was declined."}
        assert data["attempts_left"] == 2
        assert (data["attempt"]["id"], data["attempt"]["status"]) == (first.attempt.id, "FAILED")
        assert (data["attempt"]["card"], data["status"]) == (None, "SUCCEEDED")

    async def test_has_no_fee_and_no_net_while_nothing_is_booked(self, merchant: Merchant) -> None:
        _, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, DECLINED)
        await merchant.receive_webhook(paying.attempt.id)
        (body,) = await received(merchant, "payment.failed")
        assert (body["data"]["fee"], body["data"]["net"], body["data"]["succeeded_at"]) == (None, None, None)


async def progress(merchant: Merchant) -> None:
    """Reopen the sessions whose attempts failed, without queueing anything for merchants."""
    merchant_only = "update webhooks.endpoint set is_active = false, disabled_reason = 'test' where store = $1"
    await merchant.db.execute(merchant_only, merchant.store.number)
    await merchant.drain()
    again = "update webhooks.endpoint set is_active = true, disabled_reason = null where store = $1"
    await merchant.db.execute(again, merchant.store.number)


async def test_a_refund_has_its_own_amount_and_the_sum(merchant: Merchant) -> None:
    _, attempt = await buy(merchant)
    for total in (1000, 1500):
        await merchant.receive_webhook(attempt.id, Refunded("fake_1", Money(total, "USD")))
        await merchant.drain()
    first, second = (body["data"] for body in await received(merchant, "payment.refunded"))
    assert (first["refund"]["amount"], first["refunded"]["amount"]) == (1000, 1000)
    assert (second["refund"]["amount"], second["refunded"]["amount"]) == (500, 1500)
    assert second["status"] == "PARTIALLY_REFUNDED"


async def test_a_new_customer_is_shown_as_the_customer_object(merchant: Merchant) -> None:
    await merchant.paying()
    (body,) = await received(merchant, "customer.created")
    assert body["data"] == {**CUSTOMER, "id": body["data"]["id"]}


class TestABatch:
    async def test_takes_the_same_statements_for_any_number_of_events(self, merchant: Merchant) -> None:
        for _ in range(10):
            await buy(merchant)
        events = await recorded(merchant)
        completed = [event for event in events if event.name == "payment.completed"]
        assert len(completed) == 10
        one, many = await follow(merchant, completed[:1]), await follow(merchant, completed[1:])
        assert one == many == 10  # with begin and commit

    async def test_that_nobody_is_subscribed_to_is_one_statement(self, db: Database) -> None:
        merchant = await make.merchant(db, quantity_max=3)
        await subscribe(merchant, "payout.paid")
        await buy(merchant)
        assert await follow(merchant, await recorded(merchant)) == 1

    async def test_renders_only_what_somebody_is_subscribed_to(self, db: Database) -> None:
        merchant = await make.merchant(db, quantity_max=3)
        await subscribe(merchant, "customer.created")
        await buy(merchant)
        await follow(merchant, await recorded(merchant))
        rows = await merchant.db.fetch(BODIES, merchant.store.number)
        assert [row["type"] for row in rows] == ["customer.created"]

    async def test_of_another_store_finds_nothing(self, merchant: Merchant, db: Database) -> None:
        await buy(merchant)
        stranger = await make.merchant(db)
        await subscribe(stranger, "*")
        with pytest.raises(KeyError):
            await follow(stranger, await recorded(merchant))


class TestAnEventOfANewerRelease:
    async def test_is_not_rendered_by_this_one(self, merchant: Merchant) -> None:
        await buy(merchant)
        events = [replace(event, version=event.version + 1) for event in await recorded(merchant)]
        with pytest.raises(NewerEvent, match="this release knows 1"):
            await follow(merchant, events)
