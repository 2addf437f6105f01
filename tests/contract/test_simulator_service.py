"""The simulator's API over HTTP: its calls, its cards, and its idempotency."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any

import pytest

from checkie.kernel.ids import AttemptId
from checkie.providers.simulator.bank.cards import CARDS, Card, Challenge
from tests.contract.simulator_server import NOW, SimulatorServer, simulator_server

__all__ = ["simulator_server"]

GOOD, REQUIRES_3DS, BAD = "4242424242424242", "4000000000003220", "4000000000000002"
PLAIN = [card for card in CARDS.values() if card.fault is None]


def result_of(card: Card) -> tuple[str, str | None]:
    """Status and code of a card below $100 whose buyer passes 3-D Secure."""
    broken = card.challenge is Challenge.LOOKUP_FAILS
    return ("declined", card.decline) if card.decline or broken else ("succeeded", None)


class TestIntents:
    async def test_have_every_field(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        base = simulator_server.base_url
        assert intent.pop("id").startswith("sim_")
        assert intent.pop("client_secret")
        assert intent.pop("publishable_key").startswith("pk_sim_")
        assert intent.pop("confirm_url").startswith(f"{base}/v1/intents/sim_")
        assert intent.pop("hosted_url").startswith(f"{base}/pay/sim_")
        assert intent.pop("metadata").keys() == {"attempt", "payment"}
        assert intent == {
            "status": "requires_confirmation",
            "amount": 2599,
            "currency": "USD",
            "amount_received": 0,
            "failure": None,
            "card": None,
            "three_d_secure": None,
            "refunded": 0,
        }

    async def test_with_one_key_and_body_are_one_even_at_once(self, simulator_server: SimulatorServer) -> None:
        key = AttemptId.new(7, NOW)
        calls = [simulator_server.post_intent(key, metadata={"attempt": key}) for _ in range(20)]
        responses = [response.json() for response in await asyncio.gather(*calls)]
        assert all(response == responses[0] for response in responses)

    async def test_with_one_key_and_another_body_are_refused(self, simulator_server: SimulatorServer) -> None:
        key = AttemptId.new(7, NOW)
        await simulator_server.post_intent(key, metadata={})
        response = await simulator_server.post_intent(key, metadata={}, amount=1)
        assert (response.status_code, response.json()["error"]["code"]) == (409, "idempotency_mismatch")

    async def test_are_found_by_id_and_by_key(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        by_key = await simulator_server.merchant.get("/v1/intents", params={"key": intent["metadata"]["attempt"]})
        assert by_key.json() == await simulator_server.get(intent) == intent

    async def test_that_do_not_exist_are_not_found(self, simulator_server: SimulatorServer) -> None:
        for path in ("/v1/intents/sim_00000001deadbeef", "/v1/intents/sim_x", "/v1/intents?key=att_x"):
            assert (await simulator_server.merchant.get(path)).status_code == 404

    @pytest.mark.parametrize(
        ("param", "changes"),
        [
            ("amount", {"amount": 0}),
            ("amount", {"amount": 25.99}),
            ("amount", {"amount": True}),
            ("amount", {"amount": 10**16}),
            ("currency", {"currency": "DOLLARS"}),
            ("currency", {"currency": "XXX"}),
            ("description", {"description": ""}),
            ("description", {"description": "\ud800"}),
            ("return_url", {"return_url": "javascript:alert(1)"}),
            ("return_url", {"return_url": "https://shop.example/\r\nset-cookie: a=b"}),
            ("email", {"email": 5}),
            ("metadata", {"metadata": []}),
            ("metadata.a", {"metadata": {"a": 1}}),
        ],
    )
    async def test_with_invalid_parameters_are_refused_by_field(
        self, simulator_server: SimulatorServer, param: str, changes: dict[str, Any]
    ) -> None:
        response = await simulator_server.post_intent(AttemptId.new(7, NOW), **changes)
        assert (response.status_code, response.json()["error"]["param"]) == (422, param)

    async def test_need_the_api_key(self, simulator_server: SimulatorServer) -> None:
        for path in ("/v1/intents?key=a", "/control/faults", "/control/intents", "/control/charges"):
            response = await simulator_server.browser.get(path, headers={"authorization": "Bearer wrong"})
            assert (response.status_code, response.json()["error"]["code"]) == (401, "api_key_invalid")

    async def test_refuse_invalid_requests(self, simulator_server: SimulatorServer) -> None:
        merchant, key = simulator_server.merchant, {"idempotency-key": "a"}
        for body in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 60_000):
            assert (await merchant.post("/v1/intents", content=body, headers=key)).status_code == 400
        assert (await merchant.post("/v1/intents", json={})).json()["error"]["param"] == "Idempotency-Key"
        assert (await merchant.post("/v1/intents", content=b" " * 70_000, headers=key)).status_code == 413
        assert (await merchant.delete("/v1/intents")).status_code == 405
        assert (await merchant.get("/v2")).status_code == 404


class TestCancelAndRefund:
    async def test_a_cancelled_intent_cannot_be_confirmed(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        cancelled = await simulator_server.merchant.post(f"/v1/intents/{intent['id']}/cancel")
        assert cancelled.json()["status"] == "cancelled"
        assert (await simulator_server.confirm(intent, GOOD)).json() == {"status": "cancelled"}
        (webhook,) = await simulator_server.listener.wait(intent["metadata"]["attempt"])
        assert webhook.event["type"] == "intent.cancelled"

    async def test_after_success_a_cancel_is_too_late(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        await simulator_server.confirm(intent, GOOD)
        response = await simulator_server.merchant.post(f"/v1/intents/{intent['id']}/cancel")
        assert response.json()["status"] == "succeeded"

    async def test_a_cancelled_key_cannot_be_paid_later(self, simulator_server: SimulatorServer) -> None:
        key = AttemptId.new(7, NOW)
        tombstone = await simulator_server.merchant.post("/v1/intents/cancel", params={"key": key})
        assert (tombstone.json()["status"], tombstone.json()["amount"]) == ("cancelled", None)
        late = (await simulator_server.post_intent(key)).json()
        assert (late["status"], late["amount"], late["id"]) == ("cancelled", 2599, tombstone.json()["id"])
        assert (await simulator_server.confirm(late, GOOD)).json() == {"status": "cancelled"}

    async def test_refunds_are_limited_to_the_amount_received(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        path = f"/v1/intents/{intent['id']}/refunds"
        early = await simulator_server.merchant.post(path, json={"amount": 1})
        assert early.status_code == 422
        await simulator_server.confirm(intent, GOOD)
        for key, amount, status, refunded in (("a", 99, 200, 99), ("a", 99, 200, 99), ("b", 2500, 200, 2599)):
            headers = {"idempotency-key": intent["id"] + key}
            response = await simulator_server.merchant.post(path, json={"amount": amount}, headers=headers)
            assert (response.status_code, response.json()["refunded"]) == (status, refunded)
        assert (await simulator_server.merchant.post(path, json={"amount": 1})).status_code == 422
        webhooks = await simulator_server.listener.wait(intent["metadata"]["attempt"], 3)
        totals = [hook.event["data"]["intent"]["refunded"] for hook in webhooks if "refunded" in hook.event["type"]]
        assert sorted(totals) == [99, 2599]


class TestCards:
    @pytest.mark.parametrize("card", PLAIN, ids=lambda card: card.number)
    async def test_each_test_card_has_its_result(self, simulator_server: SimulatorServer, card: Card) -> None:
        intent = await simulator_server.create()
        cvc = "1234" if card.brand == "amex" else "123"
        response = (await simulator_server.confirm(intent, card.number, cvc=cvc)).json()
        if card.challenge is Challenge.ALWAYS:
            assert response["status"] == "requires_action"
            response = (
                await simulator_server.browser.post(response["next_action"]["url"], json={"result": "pass"})
            ).json()
        assert (response["status"], response.get("code")) == result_of(card)
        current = await simulator_server.get(intent)
        assert current["card"] == {"brand": card.brand, "last4": card.number[-4:]}
        assert current["amount_received"] == (2599 if response["status"] == "succeeded" else 0)

    @pytest.mark.parametrize(
        ("code", "number", "changes"),
        [
            ("incorrect_number", "4242424242424241", {}),
            ("incorrect_number", "4242", {}),
            ("incorrect_number", "4242x424242424242", {}),
            ("invalid_expiry_month", GOOD, {"exp_month": 13}),
            ("invalid_expiry_month", GOOD, {"exp_month": "ab"}),
            ("invalid_expiry_year", GOOD, {"exp_year": 95}),
            ("invalid_expiry_year", GOOD, {"exp_year": 2020}),
            ("invalid_cvc", GOOD, {"cvc": "12"}),
            ("invalid_cvc", GOOD, {"cvc": "1234"}),
        ],
    )
    async def test_an_invalid_field_declines_with_its_code(
        self, simulator_server: SimulatorServer, code: str, number: str, changes: dict[str, Any]
    ) -> None:
        response = await simulator_server.confirm(await simulator_server.create(), number, **changes)
        assert (response.json()["status"], response.json()["code"]) == ("declined", code)

    async def test_a_number_that_is_not_a_test_card_is_declined(self, simulator_server: SimulatorServer) -> None:
        response = (await simulator_server.confirm(await simulator_server.create(), "4111111111111111")).json()
        assert (response["code"], "4242 4242 4242 4242" in response["message"]) == ("card_declined", True)

    @pytest.mark.parametrize(
        ("amount", "currency", "status"),
        [
            (10_000, "USD", "succeeded"),
            (10_001, "USD", "requires_action"),
            (100, "JPY", "succeeded"),
            (101, "JPY", "requires_action"),
            (100_000, "KWD", "succeeded"),
            (100_001, "KWD", "requires_action"),
        ],
    )
    async def test_above_100_whole_units_3d_secure_is_required(
        self, simulator_server: SimulatorServer, amount: int, currency: str, status: str
    ) -> None:
        intent = await simulator_server.create(amount=amount, currency=currency)
        assert (await simulator_server.confirm(intent, GOOD)).json()["status"] == status

    async def test_an_optional_lookup_that_fails_declines_only_above_the_limit(
        self, simulator_server: SimulatorServer
    ) -> None:
        below, above = await simulator_server.create(), await simulator_server.create(amount=10_001)
        assert (await simulator_server.confirm(below, "4000000000003097")).json() == {"status": "succeeded"}
        assert (await simulator_server.confirm(above, "4000000000003097")).json()["code"] == "processing_error"


class TestConfirm:
    async def test_twenty_at_once_charge_once(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        responses = await asyncio.gather(*[simulator_server.confirm(intent, GOOD) for _ in range(20)])
        assert [response.json() for response in responses] == [{"status": "succeeded"}] * 20
        (charge,) = [each for each in await simulator_server.charges() if each["intent"] == intent["id"]]
        assert (charge["times_charged"], charge["amount"], charge["currency"]) == (1, 2599, "USD")
        assert charge["attempt"] == intent["metadata"]["attempt"]

    async def test_a_decline_is_final(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        first = (await simulator_server.confirm(intent, BAD)).json()
        assert (await simulator_server.confirm(intent, GOOD)).json() == first
        assert first["code"] == "card_declined"

    async def test_needs_the_client_secret(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create() | {"client_secret": "wrong"}
        assert (await simulator_server.confirm(intent, GOOD)).status_code == 404
        assert (await simulator_server.get(intent))["status"] == "requires_confirmation"

    async def test_an_invalid_card_is_refused_by_field(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        for param, changes in (
            ("card.number", {"number": 4242424242424242}),
            ("card.number", {"number": ""}),
            ("card.exp_month", {"exp_month": None}),
            ("card.exp_year", {"exp_year": []}),
            ("card.cvc", {"cvc": None}),
        ):
            fields: dict[str, Any] = {"number": GOOD, **changes}
            response = await simulator_server.confirm(intent, **fields)
            assert (response.status_code, response.json()["error"]["param"]) == (422, param)
        assert (await simulator_server.get(intent))["status"] == "requires_confirmation"

    async def test_any_origin_may_call_it(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        preflight = await simulator_server.browser.options(intent["confirm_url"])
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
        assert (await simulator_server.confirm(intent, GOOD)).headers["access-control-allow-origin"] == "*"


class TestThreeDSecure:
    async def waiting(self, server: SimulatorServer, number: str = REQUIRES_3DS) -> tuple[dict[str, Any], str]:
        intent = await server.create()
        response = (await server.confirm(intent, number)).json()
        return intent, response["next_action"]["url"]

    async def test_failed_is_a_decline(self, simulator_server: SimulatorServer) -> None:
        intent, url = await self.waiting(simulator_server)
        response = await simulator_server.browser.post(url, data={"result": "fail"})
        assert (response.json()["status"], response.json()["code"]) == ("declined", "authentication_failed")
        assert (await simulator_server.get(intent))["three_d_secure"] == "failed"

    async def test_only_the_first_result_counts(self, simulator_server: SimulatorServer) -> None:
        intent, url = await self.waiting(simulator_server)
        results = ["pass", "fail", "pass"]
        responses = [(await simulator_server.browser.post(url, json={"result": result})).json() for result in results]
        assert responses == [{"status": "succeeded"}] * 3
        assert (await simulator_server.get(intent))["three_d_secure"] == "passed"

    async def test_confirming_again_returns_the_same_page(self, simulator_server: SimulatorServer) -> None:
        intent, url = await self.waiting(simulator_server)
        assert (await simulator_server.confirm(intent, GOOD)).json()["next_action"]["url"] == url

    async def test_sends_a_webhook_for_each_step(self, simulator_server: SimulatorServer) -> None:
        intent, url = await self.waiting(simulator_server)
        await simulator_server.listener.wait(intent["metadata"]["attempt"], 1)
        await simulator_server.browser.post(url, json={"result": "pass"})
        webhooks = await simulator_server.listener.wait(intent["metadata"]["attempt"], 2)
        assert [hook.event["type"] for hook in webhooks] == ["intent.requires_action", "intent.succeeded"]
        assert webhooks[0].event["data"]["intent"]["status"] == "requires_action"

    async def test_refuses_other_results(self, simulator_server: SimulatorServer) -> None:
        _, url = await self.waiting(simulator_server)
        for body in ({"result": "maybe"}, {}):
            assert (await simulator_server.browser.post(url, json=body)).json()["error"]["param"] == "result"


class TestWebhooks:
    async def test_are_signed_and_carry_no_secret(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        await simulator_server.confirm(intent, GOOD)
        (webhook,) = await simulator_server.listener.wait(intent["metadata"]["attempt"])
        at, given = webhook.headers["simulator-signature"].removeprefix("t=").split(",v1=")
        signed = f"{at}.".encode() + webhook.body
        key = simulator_server.webhook_secret.encode()
        assert hmac.new(key, signed, hashlib.sha256).hexdigest() == given
        assert webhook.event.keys() == {"id", "type", "created", "data"}
        assert webhook.event["data"]["intent"]["amount_received"] == 2599
        assert intent["client_secret"].encode() not in webhook.body

    async def test_are_sent_under_one_id_until_they_are_delivered(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        attempt = intent["metadata"]["attempt"]
        simulator_server.listener.refusing[attempt] = 2
        await simulator_server.confirm(intent, GOOD)
        webhooks = await simulator_server.listener.wait(attempt, 3)
        assert len({hook.event["id"] for hook in webhooks}) == 1
        await asyncio.sleep(0.3)
        assert len(simulator_server.listener.about(attempt)) == 3

    async def test_are_sent_again_on_demand(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        attempt = intent["metadata"]["attempt"]
        await simulator_server.confirm(intent, GOOD)
        await simulator_server.listener.wait(attempt)
        await all_delivered(simulator_server)
        assert await simulator_server.control("/control/webhooks/resend", {"intent": intent["id"]}) == {"resent": 1}
        first, again = await simulator_server.listener.wait(attempt, 2)
        assert first.body == again.body


async def all_delivered(server: SimulatorServer) -> None:
    """Wait until the simulator has recorded the delivery of its webhooks."""
    async with asyncio.timeout(5):
        while (await server.control("/control/webhooks"))["pending"]:  # noqa: ASYNC110 it happens in another process
            await asyncio.sleep(0.01)
