"""Deliveries: they arrive, are repeated by schedule, end, and outlive crashes and competition."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from checkie import webhooks
from checkie.db import partition_of
from checkie.kernel import Keyring
from checkie.webhooks import store as rows
from checkie.webhooks.model import Status
from tests.db.webhooks.conftest import Shop, event_ids, statements
from tests.db.webhooks.receiver import Receiver, receiving


def proves(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Standard Webhooks 1.0.0, read from the specification: is one of the signatures ours?"""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}" in headers["webhook-signature"].split(" ")


def proves_short(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """The `t=…,v1=…` style: is one of the signatures ours?"""
    sent_at, *given = headers["x-webhook-signature"].split(",")
    digest = hmac.new(secret.encode(), f"{sent_at.removeprefix('t=')}.".encode() + body, hashlib.sha256)
    return f"v1={digest.hexdigest()}" in given


class TestADelivery:
    async def test_arrives_signed_in_both_styles(self, shop: Shop, receiver: Receiver) -> None:
        endpoint, secret = await shop.endpoint(receiver.url)
        item = shop.item(amount=2599)
        assert await shop.say(item) == 1
        assert await shop.deliver() == 1
        (got,) = receiver.received
        assert got.first == "POST /hook?a=b HTTP/1.1"
        assert got.headers["content-type"] == "application/json"
        assert got.headers["user-agent"] == "Checkie/1 (webhooks)"
        assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert got.headers["webhook-timestamp"] == str(int(shop.now.timestamp()))
        assert proves(dict(got.headers), got.body, secret)
        assert proves_short(dict(got.headers), got.body, secret)
        webhooks.verify(got.headers, got.body, secret, shop.now.timestamp())
        webhooks.verify_short(got.headers, got.body, secret, shop.now.timestamp())
        sent = json.loads(got.body)
        assert sent["id"] == got.headers["webhook-id"] == got.headers["x-webhook-id"]
        assert sent["data"] == {"amount": 2599}
        done = await shop.only(endpoint)
        assert (done.status, done.attempt_number, done.http_status, done.error) == ("DELIVERED", 1, 200, None)
        assert (done.response_body, done.attempted_at, done.next_retry_at) == ('{"ok": true}', shop.now, None)
        assert done.body.encode() == got.body
        assert await shop.deliver() == 0

    async def test_has_one_id_on_every_endpoint(self, shop: Shop, receiver: Receiver) -> None:
        for _ in range(3):
            await shop.endpoint(receiver.url)
        item = shop.item()
        assert await shop.say(item) == 3
        assert await shop.deliver() == 3
        assert event_ids(receiver) == [item["event_id"]] * 3

    async def test_is_repeated_by_schedule_until_it_is_taken(self, shop: Shop, receiver: Receiver) -> None:
        receiver.answers.clear()
        receiver.answer("500 Oops", b"broken")
        receiver.answer("404 Not Found")
        receiver.answer("204 No Content")
        endpoint, secret = await shop.endpoint(receiver.url)
        await shop.say()
        await shop.deliver()
        first = await shop.only(endpoint)
        assert (first.status, first.http_status, first.error) == ("RETRYING", 500, "answered 500")
        assert first.next_retry_at == shop.now + timedelta(minutes=1)
        await shop.wait(seconds=59)
        assert await shop.deliver() == 0
        await shop.wait(seconds=1)
        assert await shop.deliver() == 1
        await shop.wait(minutes=2)
        assert await shop.deliver() == 1
        last = await shop.only(endpoint)
        assert (last.status, last.attempt_number, last.http_status, last.error) == ("DELIVERED", 3, 204, None)
        assert len(set(event_ids(receiver))) == 1
        assert len({got.headers["webhook-timestamp"] for got in receiver.received}) == 3
        assert all(proves(dict(got.headers), got.body, secret) for got in receiver.received)

    @pytest.mark.parametrize(("schedule", "tries"), [("seed", 6), ("standard", 10)])
    async def test_fails_after_its_last_try(self, shop: Shop, receiver: Receiver, schedule: str, tries: int) -> None:
        receiver.answers[:] = []
        receiver.answer("500 Oops")
        endpoint, _ = await shop.endpoint(receiver.url, schedule=schedule)
        await shop.say()
        for _ in range(tries + 3):
            await shop.deliver()
            await shop.wait(days=2)
        assert len(receiver.received) == tries
        last = await shop.only(endpoint)
        assert (last.status, last.attempt_number, last.next_retry_at) == ("FAILED", tries, None)

    async def test_does_not_follow_redirects(self, shop: Shop, receiver: Receiver) -> None:
        async with receiving() as elsewhere:
            elsewhere.answer("200 OK")
            receiver.answers[:] = []
            receiver.answer("307 Temporary Redirect", Location=elsewhere.url)
            endpoint, _ = await shop.endpoint(receiver.url)
            await shop.say()
            await shop.deliver()
            assert not elsewhere.received
        failed = await shop.only(endpoint)
        assert (failed.status, failed.http_status, failed.error) == ("RETRYING", 307, "redirects are not followed")

    async def test_waits_as_long_as_the_receiver_asks(self, shop: Shop, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("429 Slow Down", Retry_After="7200")
        endpoint, _ = await shop.endpoint(receiver.url)
        await shop.say()
        await shop.deliver()
        assert (await shop.only(endpoint)).next_retry_at == shop.now + timedelta(hours=2)

    async def test_keeps_2_kb_of_the_answer_and_no_nul(self, shop: Shop, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("500 Oops", b"\x00\xff" + b"x" * 3_000_000)
        endpoint, _ = await shop.endpoint(receiver.url)
        await shop.say()
        await shop.deliver()
        assert (await shop.only(endpoint)).response_body == "\ufffd\ufffd" + "x" * 2046

    async def test_to_a_refused_address_is_never_sent(self, shop: Shop, receiver: Receiver) -> None:
        endpoint, _ = await shop.endpoint(receiver.url)
        await shop.say()
        await shop.deliver(poster=webhooks.Poster(webhooks.Guard()))
        assert not receiver.received
        assert (await shop.only(endpoint)).error == "address refused: loopback"


class TestAnEndpoint:
    async def test_that_is_gone_is_disabled(self, shop: Shop, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("410 Gone")
        endpoint, _ = await shop.endpoint(receiver.url)
        await shop.say()
        await shop.deliver()
        now = await webhooks.find_endpoint(shop.db, shop.store, receiver.url)
        assert now is not None
        assert (now.is_active, now.disabled_reason) == (False, "The endpoint answered 410 Gone.")
        assert (await shop.only(endpoint)).status == "FAILED"
        assert await shop.say() == 0

    async def test_that_was_disabled_meanwhile_gets_nothing_more(self, shop: Shop, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("500 Oops")
        receiver.answer("410 Gone")
        receiver.answer("200 OK")
        endpoint, _ = await shop.endpoint(receiver.url)
        await shop.say()
        await shop.deliver()
        await shop.say()
        await shop.deliver()
        await shop.wait(minutes=1)
        await shop.deliver()
        assert len(receiver.received) == 2
        second, first = await shop.deliveries(endpoint)
        assert (second.status, first.status) == ("FAILED", "FAILED")
        assert first.error == "not sent: the endpoint is disabled"

    async def test_that_gives_no_answer_is_left_alone_at_no_cost(self, shop: Shop, receiver: Receiver) -> None:
        endpoint, _ = await shop.endpoint(receiver.url)
        receiver.answers[:] = [b""]
        await shop.say(*(shop.item() for _ in range(20)))
        before = statements()
        assert await shop.deliver() == 8
        assert statements() - before == 4
        assert await shop.deliver() == 0
        untried = [one for one in await shop.deliveries(endpoint) if one.attempt_number == 0]
        assert len(untried) == 12
        assert {one.next_retry_at for one in untried} == {shop.now + timedelta(seconds=30)}
        receiver.answer("200 OK")
        del receiver.answers[0]
        await shop.wait(minutes=2)
        assert await shop.deliver() == 20
        assert {one.status for one in await shop.deliveries(endpoint)} == {"DELIVERED"}

    async def test_that_is_slow_holds_up_no_other(self, shop: Shop, receiver: Receiver) -> None:
        shop.poster.timeout_s = 0.3
        async with receiving() as slow:
            slow.answers[:] = [None]
            await shop.endpoint(slow.url)
            quick, _ = await shop.endpoint(receiver.url)
            await shop.say(*(shop.item() for _ in range(30)))
            delivering = asyncio.create_task(shop.deliver())
            await receiver.until(30)
            assert not delivering.done()
            await delivering
            assert len(slow.received) == 8
        assert {one.status for one in await shop.deliveries(quick)} == {"DELIVERED"}

    async def test_is_told_by_both_secrets_while_one_is_rotated(self, shop: Shop, receiver: Receiver) -> None:
        endpoint, old = await shop.endpoint(receiver.url)
        async with shop.db.transaction() as tx:
            new = await webhooks.rotate_secret(tx, shop.keyring, store=shop.store, endpoint=endpoint.id, now=shop.now)
        await shop.say()
        await shop.deliver()
        await shop.wait(hours=24)
        await shop.say()
        await shop.deliver()
        during, after = receiver.received
        for check in (proves, proves_short):
            assert check(dict(during.headers), during.body, old)
            assert check(dict(during.headers), during.body, new)
            assert check(dict(after.headers), after.body, new)
            assert not check(dict(after.headers), after.body, old)

    async def test_whose_secret_no_key_opens_keeps_its_deliveries(self, shop: Shop, receiver: Receiver) -> None:
        endpoint, _ = await shop.endpoint(receiver.url)
        await shop.say()
        stranger = replace(shop, keyring=Keyring("k2", {"k2": b"2" * 32}))
        assert await stranger.deliver() == 1
        failed = await shop.only(endpoint)
        assert (failed.status, failed.error) == ("RETRYING", "not sent: none of our keys opens the endpoint's secret")
        await shop.wait(minutes=1)
        assert await shop.deliver() == 1
        assert len(receiver.received) == 1


class TestWorkers:
    async def test_that_die_after_posting_repeat_with_the_same_id(self, shop: Shop, receiver: Receiver) -> None:
        endpoint, _ = await shop.endpoint(receiver.url)
        item = shop.item()
        await shop.say(item)
        receiver.answers[:] = [None]
        dying = asyncio.create_task(shop.deliver())
        await receiver.until(1)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        receiver.answer("200 OK")
        del receiver.answers[0]
        assert (await shop.only(endpoint)).status == "PENDING"
        await shop.wait(seconds=59)
        assert await shop.deliver() == 0
        await shop.wait(seconds=1)
        assert await shop.deliver() == 1
        assert event_ids(receiver) == [item["event_id"]] * 2
        done = await shop.only(endpoint)
        assert (done.status, done.attempt_number) == ("DELIVERED", 2)

    async def test_at_once_claim_each_delivery_once(self, shop: Shop, receiver: Receiver) -> None:
        for _ in range(5):
            await shop.endpoint(receiver.url)
        items = [shop.item() for _ in range(20)]
        assert await shop.say(*items) == 100
        made = await asyncio.gather(*(shop.deliver() for _ in range(4)))
        assert sum(made) == 100
        assert sorted(event_ids(receiver)) == sorted(item["event_id"] for item in items for _ in range(5))

    async def test_that_come_too_late_can_only_say_that_it_arrived(self, shop: Shop, receiver: Receiver) -> None:
        endpoint, _ = await shop.endpoint(receiver.url)
        await shop.say()
        ids = [(await shop.only(endpoint)).id.uuid]
        (slow,) = await rows.claim(shop.db, shop.store, ids, shop.now)
        assert not await rows.claim(shop.db, shop.store, ids, shop.now + timedelta(seconds=59))
        (quick,) = await rows.claim(shop.db, shop.store, ids, shop.now + timedelta(seconds=60))
        for attempt, error in ((quick.attempt, "quick"), (slow.attempt, "slow")):
            await rows.record(shop.db, shop.store, [rows.Result(attempt, Status.RETRYING, None, None, error, shop.now)])
            assert (await shop.only(endpoint)).error == "quick"
        for status in (Status.DELIVERED, Status.FAILED):
            await rows.record(shop.db, shop.store, [rows.Result(slow.attempt, status, 200, "", None, None)])
            assert (await shop.only(endpoint)).status == "DELIVERED"

    async def test_take_only_from_their_partitions(self, shop: Shop, receiver: Receiver) -> None:
        endpoint, _ = await shop.endpoint(receiver.url)
        await shop.say()
        mine = partition_of(endpoint.id.number)
        assert await shop.deliver(partitions=[part for part in range(16) if part != mine]) == 0
        assert await shop.deliver(partitions=[mine]) == 1

    async def test_take_no_more_than_their_limit_and_the_longest_due_first(
        self, shop: Shop, receiver: Receiver
    ) -> None:
        await shop.endpoint(receiver.url)
        first, second = shop.item(), shop.item()
        await shop.say(first)
        await shop.wait(seconds=1)
        await shop.say(second)
        await shop.deliver(limit=1)
        assert event_ids(receiver) == [first["event_id"]]

    async def test_lose_nothing_when_something_fails_in_between(self, shop: Shop, receiver: Receiver) -> None:
        await shop.endpoint(receiver.url)
        await shop.say()
        moments = iter([shop.now])  # one for the find, none for the claim
        assert await shop.deliver(now=lambda: next(moments)) == 0
        assert await shop.deliver() == 1

    async def test_need_three_statements_for_eight_deliveries(self, shop: Shop, receiver: Receiver) -> None:
        await shop.endpoint(receiver.url)
        await shop.say(*(shop.item() for _ in range(8)))
        before = statements()
        assert await shop.deliver() == 8
        assert statements() - before == 3


async def test_secrets_are_in_no_representation_and_no_log(
    shop: Shop, receiver: Receiver, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        endpoint, secret = await shop.endpoint(receiver.url)
        poster = webhooks.Poster(webhooks.Guard([ip_network("127.0.0.0/8")]))
        await shop.say()
        claimed = await rows.claim(shop.db, shop.store, [(await shop.only(endpoint)).id.uuid], shop.now)
        await shop.wait(minutes=1)
        await shop.deliver(poster=poster)
        await poster.aclose()
    seen = f"{endpoint!r} {shop!r} {poster!r} {claimed!r} {await shop.deliveries(endpoint)!r} {caplog.text}"
    seen += "".join(capsys.readouterr())
    assert secret not in seen
    assert secret.removeprefix("whsec_") not in seen
    assert claimed[0].sealed[0].hex() not in seen
    assert repr(claimed[0].sealed[0]) not in seen
