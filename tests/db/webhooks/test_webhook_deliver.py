"""Deliveries: posted, retried by schedule and ended; endpoints: paused and disabled."""

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
from checkie.kernel import Keyring
from checkie.webhooks import sql
from checkie.webhooks.sign import verify, verify_short
from tests.db.webhooks.conftest import Merchant, event_ids, statements
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
    async def test_arrives_signed_in_both_styles(self, merchant: Merchant, receiver: Receiver) -> None:
        endpoint, secret = await merchant.endpoint(receiver.url)
        item = merchant.item(amount=2599)
        assert await merchant.enqueue(item) == 1
        assert await merchant.deliver() == 1
        (got,) = receiver.received
        assert got.first == "POST /hook?a=b HTTP/1.1"
        assert got.headers["content-type"] == "application/json"
        assert got.headers["user-agent"] == "Checkie/1 (webhooks)"
        assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert got.headers["webhook-timestamp"] == str(int(merchant.now.timestamp()))
        assert proves(dict(got.headers), got.body, secret)
        assert proves_short(dict(got.headers), got.body, secret)
        verify(got.headers, got.body, secret, merchant.now.timestamp())
        verify_short(got.headers, got.body, secret, merchant.now.timestamp())
        sent = json.loads(got.body)
        assert sent["id"] == got.headers["webhook-id"] == got.headers["x-webhook-id"]
        assert sent["data"] == {"amount": 2599}
        done = await merchant.only(endpoint)
        assert (done.status, done.attempt_number, done.http_status, done.error) == ("DELIVERED", 1, 200, None)
        assert (done.response_body, done.attempted_at, done.next_retry_at) == ('{"ok": true}', merchant.now, None)
        assert done.body.encode() == got.body
        assert await merchant.deliver() == 0

    async def test_has_one_id_on_every_endpoint(self, merchant: Merchant, receiver: Receiver) -> None:
        for _ in range(3):
            await merchant.endpoint(receiver.url)
        item = merchant.item()
        assert await merchant.enqueue(item) == 3
        assert await merchant.deliver() == 3
        assert event_ids(receiver) == [item.id] * 3

    async def test_is_retried_by_schedule_until_it_is_received(self, merchant: Merchant, receiver: Receiver) -> None:
        receiver.answers.clear()
        receiver.answer("500 Oops", b"broken")
        receiver.answer("404 Not Found")
        receiver.answer("204 No Content")
        endpoint, secret = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        await merchant.deliver()
        first = await merchant.only(endpoint)
        assert (first.status, first.http_status, first.error) == ("RETRYING", 500, "responded with 500")
        assert first.next_retry_at == merchant.now + timedelta(minutes=1)
        await merchant.wait(seconds=59)
        assert await merchant.deliver() == 0
        await merchant.wait(seconds=1)
        assert await merchant.deliver() == 1
        await merchant.wait(minutes=2)
        assert await merchant.deliver() == 1
        last = await merchant.only(endpoint)
        assert (last.status, last.attempt_number, last.http_status, last.error) == ("DELIVERED", 3, 204, None)
        assert len(set(event_ids(receiver))) == 1
        assert len({got.headers["webhook-timestamp"] for got in receiver.received}) == 3
        assert all(proves(dict(got.headers), got.body, secret) for got in receiver.received)

    @pytest.mark.parametrize(("schedule", "tries"), [("exponential", 6), ("standard", 10)])
    async def test_fails_after_its_last_try(
        self, merchant: Merchant, receiver: Receiver, schedule: str, tries: int
    ) -> None:
        receiver.answers[:] = []
        receiver.answer("500 Oops")
        endpoint, _ = await merchant.endpoint(receiver.url, schedule=schedule)
        await merchant.enqueue()
        for _ in range(tries + 3):
            await merchant.deliver()
            await merchant.wait(days=2)
        assert len(receiver.received) == tries
        last = await merchant.only(endpoint)
        assert (last.status, last.attempt_number, last.next_retry_at) == ("FAILED", tries, None)

    async def test_does_not_follow_redirects(self, merchant: Merchant, receiver: Receiver) -> None:
        async with receiving() as elsewhere:
            elsewhere.answer("200 OK")
            receiver.answers[:] = []
            receiver.answer("307 Temporary Redirect", Location=elsewhere.url)
            endpoint, _ = await merchant.endpoint(receiver.url)
            await merchant.enqueue()
            await merchant.deliver()
            assert not elsewhere.received
        failed = await merchant.only(endpoint)
        assert (failed.status, failed.http_status, failed.error) == ("RETRYING", 307, "redirects are not followed")

    async def test_waits_as_long_as_the_receiver_asks(self, merchant: Merchant, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("429 Slow Down", Retry_After="7200")
        endpoint, _ = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        await merchant.deliver()
        assert (await merchant.only(endpoint)).next_retry_at == merchant.now + timedelta(hours=2)

    async def test_keeps_2_kb_of_the_response_and_no_nul(self, merchant: Merchant, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("500 Oops", b"\x00\xff" + b"x" * 3_000_000)
        endpoint, _ = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        await merchant.deliver()
        assert (await merchant.only(endpoint)).response_body == "\ufffd\ufffd" + "x" * 2046

    async def test_to_a_refused_address_is_never_sent(self, merchant: Merchant, receiver: Receiver) -> None:
        endpoint, _ = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        await merchant.deliver(poster=webhooks.Poster(webhooks.Guard()))
        assert not receiver.received
        assert (await merchant.only(endpoint)).error == "address refused: loopback"


class TestAnEndpoint:
    async def test_that_is_gone_is_disabled(self, merchant: Merchant, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("410 Gone")
        endpoint, _ = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        await merchant.deliver()
        now = await webhooks.find_endpoint(merchant.db, merchant.store, receiver.url)
        assert now is not None
        assert (now.is_active, now.disabled_reason) == (False, "The endpoint responded with 410 Gone.")
        assert (await merchant.only(endpoint)).status == "FAILED"
        assert await merchant.enqueue() == 0

    async def test_that_was_disabled_receives_nothing_more(self, merchant: Merchant, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("500 Oops")
        receiver.answer("410 Gone")
        receiver.answer("200 OK")
        endpoint, _ = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        await merchant.deliver()
        await merchant.enqueue()
        await merchant.deliver()
        await merchant.wait(minutes=1)
        await merchant.deliver()
        assert len(receiver.received) == 2
        second, first = await merchant.deliveries(endpoint)
        assert (second.status, first.status) == ("FAILED", "FAILED")
        assert first.error == "not sent: the endpoint is disabled"

    async def test_that_does_not_respond_is_paused_and_its_other_deliveries_lose_no_try(
        self, merchant: Merchant, receiver: Receiver
    ) -> None:
        endpoint, _ = await merchant.endpoint(receiver.url)
        receiver.answers[:] = [b""]
        await merchant.enqueue(*(merchant.item() for _ in range(20)))
        before = statements()
        assert await merchant.deliver() == 8
        assert statements() - before == 4
        assert await merchant.deliver() == 0
        untried = [one for one in await merchant.deliveries(endpoint) if one.attempt_number == 0]
        assert len(untried) == 12
        assert {one.next_retry_at for one in untried} == {merchant.now + timedelta(seconds=30)}
        receiver.answer("200 OK")
        del receiver.answers[0]
        await merchant.wait(minutes=2)
        assert await merchant.deliver() == 20
        assert {one.status for one in await merchant.deliveries(endpoint)} == {"DELIVERED"}

    async def test_that_is_slow_delays_no_other(self, merchant: Merchant, receiver: Receiver) -> None:
        merchant.poster.timeout_s = 0.3
        async with receiving() as slow:
            slow.answers[:] = [None]
            await merchant.endpoint(slow.url)
            quick, _ = await merchant.endpoint(receiver.url)
            await merchant.enqueue(*(merchant.item() for _ in range(30)))
            delivering = asyncio.create_task(merchant.deliver())
            await receiver.until(30)
            assert not delivering.done()
            await delivering
            assert len(slow.received) == 8
        assert {one.status for one in await merchant.deliveries(quick)} == {"DELIVERED"}

    async def test_gets_signatures_by_both_secrets_while_one_is_rotated(
        self, merchant: Merchant, receiver: Receiver
    ) -> None:
        endpoint, old = await merchant.endpoint(receiver.url)
        async with merchant.db.transaction() as unit:
            new = await webhooks.rotate_secret(
                unit, merchant.keyring, store=merchant.store, endpoint=endpoint.id, now=merchant.now
            )
        await merchant.enqueue()
        await merchant.deliver()
        await merchant.wait(hours=24)
        await merchant.enqueue()
        await merchant.deliver()
        during, after = receiver.received
        for check in (proves, proves_short):
            assert check(dict(during.headers), during.body, old)
            assert check(dict(during.headers), during.body, new)
            assert check(dict(after.headers), after.body, new)
            assert not check(dict(after.headers), after.body, old)

    async def test_whose_secret_no_key_decrypts_keeps_its_deliveries(
        self, merchant: Merchant, receiver: Receiver
    ) -> None:
        endpoint, _ = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        stranger = replace(merchant, keyring=Keyring("k2", {"k2": b"2" * 32}))
        assert await stranger.deliver() == 1
        failed = await merchant.only(endpoint)
        assert (failed.status, failed.error) == ("RETRYING", "not sent: no key decrypts the endpoint's secret")
        await merchant.wait(minutes=1)
        assert await merchant.deliver() == 1
        assert len(receiver.received) == 1


async def test_secrets_are_in_no_representation_and_no_log(
    merchant: Merchant, receiver: Receiver, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        endpoint, secret = await merchant.endpoint(receiver.url)
        poster = webhooks.Poster(webhooks.Guard([ip_network("127.0.0.0/8")]))
        await merchant.enqueue()
        claimed = await sql.claim(merchant.db, merchant.store, [(await merchant.only(endpoint)).id.uuid], merchant.now)
        await merchant.wait(minutes=1)
        await merchant.deliver(poster=poster)
        await poster.aclose()
    seen = f"{endpoint!r} {merchant!r} {poster!r} {claimed!r} {await merchant.deliveries(endpoint)!r} {caplog.text}"
    seen += "".join(capsys.readouterr())
    assert secret not in seen
    assert secret.removeprefix("whsec_") not in seen
    assert claimed[0].sealed[0].hex() not in seen
    assert repr(claimed[0].sealed[0]) not in seen
