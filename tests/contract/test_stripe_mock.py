"""Every request of the adapter is valid in Stripe's published schema, and it reads the objects of that schema."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, PaymentId
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    Cancelled,
    Declined,
    Intent,
    Outcome,
    Refunded,
    Unknown,
)
from checkie.providers.stripe import Stripe, hosted, mapping
from tests.contract import drivers
from tests.contract.standins import NEEDS_STRIPE_MOCK

pytestmark = NEEDS_STRIPE_MOCK

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = AttemptId.new(7, NOW)
AT_S = 1_770_000_000


@pytest.fixture
async def adapter(stripe_mock: str) -> AsyncIterator[Stripe]:
    created = Stripe(drivers.SECRET_KEY, drivers.WEBHOOK_SECRET, drivers.PUBLISHABLE_KEY, api_base=stripe_mock)
    yield created
    await created.aclose()


@pytest.fixture
async def sample(stripe_mock: str) -> Any:
    """Fetches an object of Stripe's schema: stripe-mock responds to any id with its fixture."""

    async def fetch(path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {drivers.SECRET_KEY}"}
        async with httpx.AsyncClient(base_url=stripe_mock, headers=headers) as client:
            found = await client.get(path)
        found.raise_for_status()
        return dict(found.json())

    return fetch


def an_intent(amount: Money, description: str, email: str | None) -> Intent:
    return Intent(KEY, PaymentId.new(7, NOW), amount, description, "https://shop.example/thanks", email)


class TestRequests:
    @pytest.mark.parametrize(
        ("amount", "description", "email"),
        [
            (Money(2599, "USD"), "Darjeeling, 100 g", "buyer@shop.example"),
            (Money(500, "JPY"), "", None),
            (Money(1230, "KWD"), "शैंपू ☕", ""),
            (Money(5, "ISK"), "x" * 5000, "buyer@shop.example"),
        ],
        ids=["usd", "jpy", "kwd", "isk"],
    )
    async def test_that_create_an_intent_are_valid(
        self, adapter: Stripe, amount: Money, description: str, email: str | None
    ) -> None:
        outcome = await adapter.authorize(an_intent(amount, description, email))
        assert isinstance(outcome, ActionNeeded)
        assert outcome.action is Action.CONFIRM

    async def test_that_retrieve_an_intent_are_valid(self, adapter: Stripe) -> None:
        outcome = await adapter.find(KEY, "pi_1")
        assert isinstance(outcome, ActionNeeded)
        assert outcome.reference == "pi_1"

    async def test_that_search_for_an_intent_are_valid(self, adapter: Stripe) -> None:
        assert isinstance(await adapter.find(KEY, None), ActionNeeded)

    async def test_that_cancel_an_intent_are_valid(self, adapter: Stripe) -> None:
        # stripe-mock keeps no state: its fixture still requires a payment method after the cancel.
        assert await adapter.cancel(KEY, "pi_1") == Unknown("Stripe is still processing the payment")

    async def test_that_create_a_placeholder_are_valid(self, adapter: Stripe) -> None:
        created, _ = await adapter._api.create(mapping.placeholder_params(KEY), KEY)
        assert created["object"] == "payment_intent"

    @pytest.mark.parametrize(
        ("description", "email"), [("Darjeeling, 100 g", "buyer@shop.example"), ("", None), ("x" * 5000, "")]
    )
    async def test_that_create_a_hosted_page_are_valid(
        self, adapter: Stripe, description: str, email: str | None
    ) -> None:
        outcome = await adapter.authorize(replace(an_intent(Money(2599, "USD"), description, email), hosted=True))
        assert isinstance(outcome, ActionNeeded)
        assert (outcome.reference[:3], outcome.client_secret) == ("cs_", "")
        assert outcome.hosted_url is not None
        assert outcome.hosted_url.startswith("https://checkout.stripe.com/")

    async def test_that_retrieve_a_page_are_valid(self, adapter: Stripe) -> None:
        found = await adapter.find(KEY, "cs_1")
        assert isinstance(found, ActionNeeded)
        assert found.reference == "cs_1"

    async def test_that_expire_a_page_are_valid(self, adapter: Stripe) -> None:
        # stripe-mock keeps no state: its fixture is still open after it was expired.
        assert await adapter.cancel(KEY, "cs_1") == Unknown("Stripe is still processing the payment")

    async def test_that_list_pages_are_valid(self, adapter: Stripe) -> None:
        assert await adapter._api.find_hosted(KEY) is None
        assert (await adapter._api.hosted_of("pi_1") or "").startswith("cs_")

    async def test_with_unknown_parameters_are_refused(self, adapter: Stripe) -> None:
        with pytest.raises(mapping.CallFailed, match="400"):
            await adapter._api.create({"amount": 2599, "currency": "usd", "automatic": True}, KEY)

    async def test_for_a_page_with_unknown_parameters_are_refused(self, adapter: Stripe) -> None:
        with pytest.raises(mapping.CallFailed, match="400"):
            await adapter._api.create_hosted({"mode": "payment", "expires": 1}, KEY)

    async def test_with_a_wrong_api_key_are_refused(self, stripe_mock: str) -> None:
        adapter = Stripe("wrong", drivers.WEBHOOK_SECRET, drivers.PUBLISHABLE_KEY, api_base=stripe_mock)
        outcome = await adapter.authorize(an_intent(Money(2599, "USD"), "Tea", None))
        await adapter.aclose()
        assert isinstance(outcome, Declined)
        assert outcome.code == "provider_credentials_refused"

    async def test_for_an_unsupported_amount_are_not_sent(self, adapter: Stripe) -> None:
        outcome = await adapter.authorize(an_intent(Money(5124, "KWD"), "Tea", None))
        assert isinstance(outcome, Declined)
        assert outcome.code == "currency_unsupported"


class TestObjects:
    async def test_of_a_paid_intent_are_read(self, sample: Any) -> None:
        intent = await sample("/v1/payment_intents/pi_1?expand[]=latest_charge")
        paid = {**intent, "status": "succeeded", "amount_received": intent["amount"]}
        facts = {"brand": "visa", "last4": "4242"}
        assert mapping.outcome_of(paid, "pk") == Approved("pi_1", Money(intent["amount"], "USD"), facts)

    @pytest.mark.parametrize(
        ("event", "status", "expected"),
        [
            ("succeeded", "succeeded", Approved("pi_1", Money(0, "USD"))),
            ("canceled", "canceled", Cancelled("pi_1")),
            ("payment_failed", "requires_payment_method", Declined("pi_1", "declined", mapping.NOT_CHARGED)),
        ],
    )
    async def test_in_events_are_read(
        self, adapter: Stripe, sample: Any, event: str, status: str, expected: Outcome
    ) -> None:
        intent = await sample("/v1/payment_intents/pi_1")
        obj = {**intent, "status": status, "metadata": {"attempt": KEY}}
        notice = self.translated(adapter, await sample("/v1/events/evt_1"), f"payment_intent.{event}", obj)
        assert (notice.event, notice.subject, notice.outcome) == ("evt_1", KEY, expected)

    async def test_of_a_hosted_page_are_read(self, adapter: Stripe, sample: Any) -> None:
        session = await sample("/v1/checkout/sessions/cs_1?expand[]=payment_intent.latest_charge")
        paid = {**session, "status": "complete", "payment_status": "paid", "amount_total": 2599, "currency": "usd"}
        facts, intent = {"brand": "visa", "last4": "4242"}, session["payment_intent"]["id"]
        assert hosted.outcome_of(paid) == Approved(intent, Money(2599, "USD"), facts)
        obj = {**paid, "payment_intent": intent, "metadata": {"attempt": KEY}}
        notice = self.translated(adapter, await sample("/v1/events/evt_1"), "checkout.session.completed", obj)
        assert (notice.subject, notice.outcome) == (KEY, Approved(intent, Money(2599, "USD")))

    async def test_of_a_refund_are_read(self, adapter: Stripe, sample: Any) -> None:
        charge = await sample("/v1/charges/ch_1")
        obj = {**charge, "payment_intent": "pi_1", "amount_refunded": 42, "metadata": {"attempt": KEY}}
        notice = self.translated(adapter, await sample("/v1/events/evt_1"), "charge.refunded", obj)
        assert notice.outcome == Refunded("pi_1", Money(42, "USD"))

    def translated(self, adapter: Stripe, event: dict[str, Any], kind: str, obj: dict[str, Any]) -> Any:
        body = json.dumps({**event, "type": kind, "data": {"object": obj}}).encode()
        return adapter.translate(body, {"stripe-signature": drivers.sign(body, AT_S)}, AT_S)
