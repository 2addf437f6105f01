"""Buying, from page to webhook, over HTTP and through every real part."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.journeys.conftest import Merchant


async def _delivered(merchant: Merchant, payment: str, event: str) -> dict[str, Any]:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        for _, kind, data in await asyncio.to_thread(merchant.delivered, payment):
            if kind == event:
                return data
        await asyncio.sleep(0.1)
    raise AssertionError(f"no delivery of {event}")


class TestAPurchase:
    async def test_completes_and_notifies_the_merchant_of_fee_and_net(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        assert await buyer.buy("once") == {"status": "succeeded"}
        status = await buyer.until("COMPLETED")
        assert status["payment"] == {"status": "SUCCEEDED", "failure": None}
        data = await _delivered(merchant, buyer.paying["payment"]["id"], "payment.completed")
        assert data["amount"] == {"amount": 2500, "currency": "USD"}
        assert (data["fee"]["amount"], data["net"]["amount"]) == (73, 2427)

    async def test_is_delivered_with_valid_signatures(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        await buyer.buy("signed")
        await _delivered(merchant, buyer.paying["payment"]["id"], "payment.completed")
        received = (await asyncio.to_thread(merchant.stack.webhooks))[-1]
        headers, body = received["headers"], received["body"]
        secret = merchant.facts["webhook"]["secret"]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
        key = base64.b64decode(secret.removeprefix("whsec_"))
        wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        assert f"v1,{wanted}" in headers["webhook-signature"].split(" ")
        moment, short = (part.split("=", 1)[1] for part in headers["x-webhook-signature"].split(","))
        assert hmac.new(secret.encode(), f"{moment}.{body}".encode(), hashlib.sha256).hexdigest() == short

    async def test_has_the_amount_that_the_buyer_chose(self, merchant: Merchant) -> None:
        buyer = merchant.buyer("support-us")
        await buyer.open()
        session = await buyer.change(email=buyer.email, amount=777)
        assert session["quote"]["total"] == {"amount": 777, "currency": "USD"}
        await buyer.check_out("chosen")
        await buyer.confirm()
        assert (await buyer.until("COMPLETED"))["payment"]["status"] == "SUCCEEDED"

    async def test_that_the_bank_declines_can_be_tried_again_with_another_card(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        answer = await buyer.buy("first", card="4000000000009995")
        assert (answer["status"], answer["code"]) == ("declined", "insufficient_funds")
        status = await buyer.until("OPEN")
        assert status["payment"]["failure"]["code"] == "insufficient_funds"
        assert status["attempts_left"] == 2
        first = buyer.paying["attempt"]
        again = await buyer.check_out("second")
        assert again["attempt"]["number"] == 2
        assert again["attempt"]["id"] != first["id"]
        await buyer.confirm()
        assert (await buyer.until("COMPLETED"))["payment"] == {"status": "SUCCEEDED", "failure": None}

    async def test_ends_after_three_declines(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        await buyer.open()
        await buyer.change(email=buyer.email)
        statuses = []
        for number in (1, 2, 3):
            await buyer.check_out(f"try {number}")
            await buyer.confirm("4000000000000002")
            statuses.append(await buyer.until("OPEN", "EXPIRED"))
        assert [status["status"] for status in statuses] == ["OPEN", "OPEN", "EXPIRED"]
        assert [status["attempts_left"] for status in statuses] == [2, 1, 0]

    @pytest.mark.parametrize(("result", "ends"), [("pass", "COMPLETED"), ("fail", "OPEN")])
    async def test_waits_for_3d_secure(self, merchant: Merchant, result: str, ends: str) -> None:
        buyer = merchant.buyer()
        answer = await buyer.buy(f"3ds {result}", card="4000002760003184")
        assert answer["status"] == "requires_action"
        assert (await buyer.until("AWAITING_ACTION"))["payment"]["status"] == "REQUIRES_ACTION"
        await merchant.http.post(answer["next_action"]["url"], data={"result": result})
        assert (await buyer.until(ends))["status"] == ends


class TestConcurrencyAndFailures:
    async def test_twenty_concurrent_calls_make_one_attempt(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        await buyer.open()
        await buyer.change(email=buyer.email)
        body = {"session_id": buyer.id}
        url = f"{buyer.base_url}/api/widget/checkout"
        calls = [merchant.http.post(url, json=body, headers=buyer.headers) for _ in range(20)]
        answers = [answer.json() for answer in await asyncio.gather(*calls)]
        assert {answer["attempt"]["id"] for answer in answers} == {answers[0]["attempt"]["id"]}
        assert {answer["provider"]["client_secret"] for answer in answers} == {answers[0]["provider"]["client_secret"]}
        buyer.paying = answers[0]
        await buyer.confirm()
        await buyer.until("COMPLETED")

    async def test_one_key_used_twenty_times_concurrently_takes_effect_once(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        await buyer.open()
        await buyer.change(email=buyer.email)
        headers = {**buyer.headers, "Idempotency-Key": "the same"}
        url = f"{buyer.base_url}/api/widget/checkout"
        calls = [merchant.http.post(url, json={"session_id": buyer.id}, headers=headers) for _ in range(20)]
        answers = await asyncio.gather(*calls)
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert len({answer.text for answer in answers if answer.status_code == 200}) == 1

    @pytest.mark.parametrize("fault", ["webhook_duplicated", "webhooks_reordered", "webhook_late", "webhook_lost"])
    async def test_a_lost_late_or_repeated_webhook_books_the_sale_once(self, merchant: Merchant, fault: str) -> None:
        await merchant.control("POST", "faults", {"fault": fault, "count": 1})
        buyer = merchant.buyer()
        answer = await buyer.buy(fault, card="4000002760003184")
        await merchant.http.post(answer["next_action"]["url"], data={"result": "pass"})
        assert (await buyer.until("COMPLETED", within_s=40))["payment"]["status"] == "SUCCEEDED"
        await asyncio.sleep(1)
        events = [
            event for event, kind, _ in merchant.delivered(buyer.paying["payment"]["id"]) if kind == "payment.completed"
        ]
        assert len(set(events)) == 1

    async def test_a_provider_that_does_not_respond_is_asked_for_the_outcome(self, merchant: Merchant) -> None:
        await merchant.control("POST", "faults", {"fault": "create_fails", "count": 1})
        buyer = merchant.buyer()
        await buyer.open()
        await buyer.change(email=buyer.email)
        answer = await buyer.check_out("silent")
        assert answer["provider"]["client_secret"] is None
        again = await buyer.check_out("silent, asked again")
        assert again["attempt"]["id"] == answer["attempt"]["id"]
        await buyer.confirm()
        await buyer.until("COMPLETED")

    async def test_another_amount_is_booked_separately_and_completes_no_session(self, merchant: Merchant) -> None:
        await merchant.control("POST", "faults", {"fault": "wrong_amount", "count": 1})
        buyer = merchant.buyer()
        await buyer.buy("wrong")
        status = await buyer.until("EXPIRED")
        assert status["payment"]["failure"]["code"] == "integrity_failure"
        assert status["attempts_left"] == 0

    async def test_changing_the_quantity_cancels_a_pending_payment(self, merchant: Merchant) -> None:
        buyer = merchant.buyer()
        await buyer.open()
        await buyer.change(email=buyer.email)
        stale = dict(await buyer.check_out("one"))
        session = await buyer.change(quantity=3)
        assert (session["status"], session["quote"]["total"]["amount"]) == ("OPEN", 7500)
        fresh = await buyer.check_out("three")
        assert fresh["attempt"]["number"] == 2
        buyer.paying = stale
        assert (await buyer.confirm())["status"] != "succeeded", "the old price could still be paid"
        buyer.paying = fresh
        await buyer.confirm()
        await buyer.until("COMPLETED")

    async def test_the_doctor_finds_nothing_afterwards(self, merchant: Merchant) -> None:
        found = await asyncio.to_thread(merchant.stack.doctor)
        assert found["ok"], json.dumps([check for check in found["checks"] if not check["ok"]])
