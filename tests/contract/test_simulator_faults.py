"""Every fault of the simulator, by card number and by the control API."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from checkie.kernel.ids import AttemptId
from checkie.providers.simulator.bank.cards import CARDS
from checkie.providers.simulator.bank.faults import DEFAULTS, OF_CONFIRM
from tests.contract.simulator_server import NOW, SimulatorServer, simulator_server

__all__ = ["simulator_server"]

GOOD = "4242424242424242"
BY_FAULT = {card.fault: card.number for card in CARDS.values() if card.fault}
SHORT_TIMEOUT_S = 0.5


def attempt_of(intent: dict[str, Any]) -> str:
    attempt: str = intent["metadata"]["attempt"]
    return attempt


async def add_fault(server: SimulatorServer, fault: str, attempt: str, **params: Any) -> None:
    """Configure a fault for one attempt only."""
    await server.control("/control/faults", {"fault": fault, "match": {"attempt": attempt}, **params})


async def confirmed_with(
    server: SimulatorServer, fault: str, *, by_card: bool, **params: Any
) -> tuple[dict[str, Any], Any]:
    """An intent that is confirmed under a fault, and the response to confirm."""
    intent = await server.create()
    if not by_card:
        await add_fault(server, fault, attempt_of(intent), **params)
    return intent, (await server.confirm(intent, BY_FAULT[fault] if by_card else GOOD)).json()


async def charges(server: SimulatorServer, intent: dict[str, Any]) -> list[dict[str, Any]]:
    page = await server.control("/control/charges?limit=1000")
    return [charge for charge in page["data"] if charge["intent"] == intent["id"]]


async def no_webhook(server: SimulatorServer, intent: dict[str, Any], for_s: float) -> bool:
    """Whether no webhook about the intent arrives in that time."""
    await asyncio.sleep(for_s)
    return not server.listener.about(attempt_of(intent))


by_card_or_rule = pytest.mark.parametrize("by_card", [True, False], ids=["by-card", "by-rule"])


def test_every_fault_of_a_confirm_has_a_card() -> None:
    assert BY_FAULT.keys() == OF_CONFIRM


class TestOfCreate:
    async def test_a_create_that_hangs_has_created_the_intent(self, simulator_server: SimulatorServer) -> None:
        key = AttemptId.new(7, NOW)
        await add_fault(simulator_server, "create_hangs", key, hang_s=60)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(simulator_server.post_intent(key), SHORT_TIMEOUT_S)
        found = await simulator_server.merchant.get("/v1/intents", params={"key": key})
        assert found.json()["status"] == "requires_confirmation"

    async def test_a_create_that_fails_has_created_the_intent_and_a_retry_returns_it(
        self, simulator_server: SimulatorServer
    ) -> None:
        key = AttemptId.new(7, NOW)
        await add_fault(simulator_server, "create_fails", key)
        params = {"metadata": {"attempt": key}}
        assert (await simulator_server.post_intent(key, **params)).status_code == 500
        found = await simulator_server.merchant.get("/v1/intents", params={"key": key})
        assert (await simulator_server.post_intent(key, **params)).json() == found.json()


class TestOutage:
    async def test_applies_as_often_as_configured_and_changes_nothing(self, simulator_server: SimulatorServer) -> None:
        key = AttemptId.new(7, NOW)
        await add_fault(simulator_server, "outage", key, count=2)
        statuses = [(await simulator_server.post_intent(key, metadata={})).status_code for _ in range(3)]
        assert statuses == [503, 503, 200]

    async def test_until_deleted_applies_to_every_call_but_control(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        await simulator_server.control("/control/faults", {"fault": "outage", "count": None})
        responses = [
            await simulator_server.post_intent("key"),
            await simulator_server.confirm(intent, GOOD),
            await simulator_server.browser.get(intent["hosted_url"]),
            await simulator_server.browser.get("/fields", params={"parent": "https://shop.example"}),
            await simulator_server.merchant.post("/v1/intents/cancel", params={"key": "key"}),
        ]
        await simulator_server.merchant.delete("/control/faults")
        assert [response.status_code for response in responses] == [503] * 5
        assert (await simulator_server.get(intent))["status"] == "requires_confirmation"

    async def test_can_apply_to_one_call(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        match = {"call": "confirm", "intent": intent["id"]}
        await simulator_server.control("/control/faults", {"fault": "outage", "match": match})
        assert (await simulator_server.get(intent))["status"] == "requires_confirmation"
        assert (await simulator_server.confirm(intent, GOOD)).status_code == 503
        assert (await simulator_server.confirm(intent, GOOD)).json() == {"status": "succeeded"}


class TestOfConfirm:
    @by_card_or_rule
    async def test_a_confirm_that_hangs_has_charged_the_card(
        self, simulator_server: SimulatorServer, by_card: bool
    ) -> None:
        intent = await simulator_server.create()
        if not by_card:
            await add_fault(simulator_server, "confirm_hangs", attempt_of(intent))
        number = BY_FAULT["confirm_hangs"] if by_card else GOOD
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(simulator_server.confirm(intent, number), SHORT_TIMEOUT_S)
        assert (await simulator_server.confirm(intent, number)).json() == {"status": "succeeded"}
        assert [charge["times_charged"] for charge in await charges(simulator_server, intent)] == [1]
        await simulator_server.listener.wait(attempt_of(intent))

    @by_card_or_rule
    async def test_a_confirm_that_fails_has_charged_the_card(
        self, simulator_server: SimulatorServer, by_card: bool
    ) -> None:
        intent, response = await confirmed_with(simulator_server, "confirm_fails", by_card=by_card)
        assert response["error"]["code"] == "internal_error"
        assert (await simulator_server.get(intent))["status"] == "succeeded"

    async def test_it_applies_to_3d_secure_when_that_charges_the_card(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        await add_fault(simulator_server, "confirm_fails", attempt_of(intent))
        response = (await simulator_server.confirm(intent, "4000000000003220")).json()
        passed = await simulator_server.browser.post(response["next_action"]["url"], json={"result": "pass"})
        assert passed.status_code == 500
        assert (await simulator_server.get(intent))["status"] == "succeeded"

    @by_card_or_rule
    async def test_another_amount_is_received(self, simulator_server: SimulatorServer, by_card: bool) -> None:
        intent, _ = await confirmed_with(simulator_server, "wrong_amount", by_card=by_card)
        (webhook,) = await simulator_server.listener.wait(attempt_of(intent))
        received = webhook.event["data"]["intent"]
        assert (received["amount"], received["amount_received"]) == (2599, 2600)
        assert [charge["amount"] for charge in await charges(simulator_server, intent)] == [2600]

    @by_card_or_rule
    async def test_another_currency_is_received(self, simulator_server: SimulatorServer, by_card: bool) -> None:
        intent, _ = await confirmed_with(simulator_server, "wrong_currency", by_card=by_card)
        current = await simulator_server.get(intent)
        assert (current["amount_received"], current["currency"]) == (2599, "EUR")

    @by_card_or_rule
    async def test_a_decline_is_followed_by_success(self, simulator_server: SimulatorServer, by_card: bool) -> None:
        params = {} if by_card else {"delay_s": 0.2}
        intent, response = await confirmed_with(simulator_server, "late_success", by_card=by_card, **params)
        assert (response["status"], response["code"]) == ("declined", "card_declined")
        webhooks = await simulator_server.listener.wait(attempt_of(intent), 2)
        assert [hook.event["type"] for hook in webhooks] == ["intent.declined", "intent.succeeded"]
        current = await simulator_server.get(intent)
        assert (current["status"], current["failure"], current["amount_received"]) == ("succeeded", None, 2599)

    @by_card_or_rule
    async def test_a_slow_bank_is_processing_first(self, simulator_server: SimulatorServer, by_card: bool) -> None:
        params = {} if by_card else {"delay_s": 0.2}
        intent, response = await confirmed_with(simulator_server, "slow_bank", by_card=by_card, **params)
        assert response == {"status": "processing"}
        cancelled = await simulator_server.merchant.post(f"/v1/intents/{intent['id']}/cancel")
        assert cancelled.json()["status"] == "processing"
        webhooks = await simulator_server.listener.wait(attempt_of(intent), 2)
        assert [hook.event["type"] for hook in webhooks] == ["intent.processing", "intent.succeeded"]


class TestOfWebhooks:
    @by_card_or_rule
    async def test_one_event_is_sent_several_times_at_once(
        self, simulator_server: SimulatorServer, by_card: bool
    ) -> None:
        params = {} if by_card else {"copies": 3}
        intent, _ = await confirmed_with(simulator_server, "webhook_duplicated", by_card=by_card, **params)
        webhooks = await simulator_server.listener.wait(attempt_of(intent), 3)
        assert len({hook.body for hook in webhooks}) == 1

    @by_card_or_rule
    async def test_the_final_event_is_sent_first(self, simulator_server: SimulatorServer, by_card: bool) -> None:
        intent, response = await confirmed_with(simulator_server, "webhooks_reordered", by_card=by_card)
        assert await no_webhook(simulator_server, intent, 0.2)
        await simulator_server.browser.post(response["next_action"]["url"], json={"result": "pass"})
        webhooks = await simulator_server.listener.wait(attempt_of(intent), 2)
        assert [hook.event["type"] for hook in webhooks] == ["intent.succeeded", "intent.requires_action"]
        assert webhooks[1].event["data"]["intent"]["status"] == "requires_action"

    async def test_they_are_sent_late(self, simulator_server: SimulatorServer) -> None:
        intent, _ = await confirmed_with(simulator_server, "webhook_late", by_card=False, delay_s=0.6)
        assert await no_webhook(simulator_server, intent, 0.3)
        await simulator_server.listener.wait(attempt_of(intent))

    @by_card_or_rule
    async def test_they_are_not_sent_until_resent(self, simulator_server: SimulatorServer, by_card: bool) -> None:
        intent, response = await confirmed_with(simulator_server, "webhook_lost", by_card=by_card)
        assert response == {"status": "succeeded"}
        assert await no_webhook(simulator_server, intent, 0.3)
        assert await simulator_server.control("/control/webhooks/resend", {"intent": intent["id"]}) == {"resent": 1}
        await simulator_server.listener.wait(attempt_of(intent))

    async def test_those_of_a_cancel_can_be_lost_too(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        await add_fault(simulator_server, "webhook_lost", attempt_of(intent))
        await simulator_server.merchant.post(f"/v1/intents/{intent['id']}/cancel")
        assert await no_webhook(simulator_server, intent, 0.3)


class TestRules:
    async def test_a_fault_applies_only_to_what_it_matches(self, simulator_server: SimulatorServer) -> None:
        matched, other = await simulator_server.create(email="a@shop.example"), await simulator_server.create()
        rule = {"fault": "wrong_amount", "match": {"email": "a@shop.example", "currency": "USD"}, "by": -1}
        await simulator_server.control("/control/faults", rule)
        for intent in (other, matched):
            await simulator_server.confirm(intent, GOOD)
        received = [(await simulator_server.get(intent))["amount_received"] for intent in (other, matched)]
        assert received == [2599, 2598]

    async def test_rules_are_listed_and_deleted(self, simulator_server: SimulatorServer) -> None:
        rule = {"fault": "webhook_late", "count": 2, "match": {"attempt": "none"}, "delay_s": 1.5}
        await simulator_server.control("/control/faults", rule)
        assert rule in (await simulator_server.control("/control/faults"))["data"]
        assert (await simulator_server.merchant.delete("/control/faults")).json() == {"data": []}

    @pytest.mark.parametrize(
        ("param", "body"),
        [
            ("fault", {}),
            ("fault", {"fault": "meteor"}),
            ("fault", {"fault": []}),
            ("count", {"fault": "outage", "count": 0}),
            ("count", {"fault": "outage", "count": True}),
            ("match", {"fault": "outage", "match": {"card": "4242"}}),
            ("match", {"fault": "outage", "match": 5}),
            ("delay_s", {"fault": "outage", "delay_s": 1}),
            ("hang_s", {"fault": "create_hangs", "hang_s": -1}),
            ("copies", {"fault": "webhook_duplicated", "copies": 2.5}),
        ],
    )
    async def test_an_invalid_rule_is_refused_by_field(
        self, simulator_server: SimulatorServer, param: str, body: dict[str, Any]
    ) -> None:
        response: httpx.Response = await simulator_server.merchant.post("/control/faults", json=body)
        assert (response.status_code, response.json()["error"]["param"]) == (422, param)

    async def test_every_fault_can_be_configured(self, simulator_server: SimulatorServer) -> None:
        for fault in DEFAULTS:
            rule = {"fault": fault, "match": {"attempt": "none"}}
            rules = await simulator_server.control("/control/faults", rule)
            assert rules["data"][-1]["fault"] == fault
        await simulator_server.merchant.delete("/control/faults")
