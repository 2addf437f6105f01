"""Checkout Sessions, Stripe's hosted page, as outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    Cancelled,
    Declined,
    InProgress,
    Intent,
    Outcome,
    Unknown,
)
from checkie.providers.stripe import amounts, hosted, mapping
from tests.unit.providers.test_stripe_mapping import DECLINE, KEY, NOW, PAYMENT, intent_json

INTENT = Intent(KEY, PAYMENT, Money(2599, "USD"), "Tea", "https://shop.example/ses_1", "b@shop.example", hosted=True)
AT_S = int(NOW.timestamp())


def session_json(**changes: Any) -> dict[str, Any]:
    """The fields of a Checkout Session that we read."""
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "status": "open",
        "payment_status": "unpaid",
        "url": "https://checkout.stripe.com/c/pay/cs_1",
        "amount_total": 2599,
        "currency": "usd",
        "client_secret": None,
        "client_reference_id": KEY,
        "payment_intent": None,
        "metadata": {"attempt": KEY, "payment": PAYMENT},
        **changes,
    }


class TestCreateParams:
    def test_have_one_line_item_with_the_total(self) -> None:
        metadata = {"attempt": KEY, "payment": PAYMENT}
        price = {"currency": "usd", "unit_amount": 2599, "product_data": {"name": "Tea"}}
        assert hosted.create_params(INTENT) == {
            "mode": "payment",
            "line_items": [{"quantity": 1, "price_data": price}],
            "client_reference_id": KEY,
            "metadata": metadata,
            "payment_intent_data": {
                "metadata": {**metadata, "hosted": "true"},
                "description": "Tea",
                "receipt_email": "b@shop.example",
            },
            "customer_email": "b@shop.example",
            "success_url": "https://shop.example/ses_1",
            "cancel_url": "https://shop.example/ses_1",
            "expires_at": AT_S + 23 * 3600,
        }

    def test_have_the_total_in_stripes_minor_units(self) -> None:
        params = hosted.create_params(replace(INTENT, amount=Money(5, "ISK")))
        assert params["line_items"][0]["price_data"]["unit_amount"] == 500
        with pytest.raises(amounts.Unsupported):
            hosted.create_params(replace(INTENT, amount=Money(5124, "KWD")))

    def test_have_a_default_name_and_no_empty_values(self) -> None:
        params = hosted.create_params(replace(INTENT, description="", email=None))
        assert params["line_items"][0]["price_data"]["product_data"] == {"name": PAYMENT}
        assert params["payment_intent_data"].keys() == {"metadata"}
        assert "customer_email" not in params

    def test_are_equal_for_equal_intents_at_any_time(self) -> None:
        """Stripe refuses a key that is reused with other parameters, so none may depend on the time."""
        assert hosted.create_params(INTENT) == hosted.create_params(replace(INTENT, reference="cs_1"))


class TestOutcomeOf:
    @pytest.mark.parametrize(
        ("changes", "intent", "outcome"),
        [
            ({"payment_status": "paid"}, None, Approved("cs_1", Money(2599, "USD"))),
            ({"payment_status": "paid"}, "pi_1", Approved("pi_1", Money(2599, "USD"))),
            ({"payment_status": "paid", "status": "open"}, "pi_1", Approved("pi_1", Money(2599, "USD"))),
            ({"payment_status": "paid", "status": "expired"}, "pi_1", Approved("pi_1", Money(2599, "USD"))),
            ({"status": "complete"}, None, InProgress("cs_1")),
            ({"status": "complete"}, "pi_1", InProgress("cs_1")),
            ({"status": "complete"}, {"status": "processing"}, InProgress("cs_1")),
            ({"status": "complete"}, {"status": "requires_action"}, InProgress("cs_1")),
            ({"status": "complete"}, {"status": "canceled"}, Cancelled("cs_1")),
            (
                {"status": "complete"},
                {"status": "requires_payment_method", "last_payment_error": DECLINE},
                Declined("cs_1", "card_declined", "Declined."),
            ),
            ({"status": "expired"}, None, Cancelled("cs_1")),
            ({"status": "expired"}, "pi_1", Cancelled("cs_1")),
            ({"status": "expired"}, {"status": "canceled", "last_payment_error": DECLINE}, Cancelled("cs_1")),
            ({"status": "expired"}, {"status": "processing"}, InProgress("cs_1")),
            (
                {"status": "expired"},
                {"status": "succeeded", "amount_received": 2599},
                Approved("pi_1", Money(2599, "USD")),
            ),
        ],
    )
    def test_follows_the_payment_status(self, changes: dict[str, Any], intent: Any, outcome: Outcome) -> None:
        expanded = intent_json(**intent) if isinstance(intent, dict) else intent
        assert hosted.outcome_of(session_json(**changes, payment_intent=expanded)) == outcome

    @pytest.mark.parametrize("error", [None, DECLINE])
    def test_of_an_open_page_needs_the_buyer_even_after_a_decline(self, error: Any) -> None:
        session = session_json(payment_intent=intent_json(last_payment_error=error))
        url = "https://checkout.stripe.com/c/pay/cs_1"
        assert hosted.outcome_of(session) == ActionNeeded("cs_1", Action.CONFIRM, "", hosted_url=url)

    @pytest.mark.parametrize(
        "changes",
        [
            {"payment_status": "no_payment_required", "status": "complete"},
            {"payment_status": None},
            {"status": "recovered"},
            {"payment_status": "paid", "amount_total": None},
            {"payment_status": "paid", "amount_total": "2599"},
            {"payment_status": "paid", "currency": "zzz"},
        ],
    )
    def test_of_an_invalid_session_is_unknown(self, changes: dict[str, Any]) -> None:
        assert isinstance(hosted.outcome_of(session_json(**changes)), Unknown)

    def test_includes_the_card(self) -> None:
        charge = {"payment_method_details": {"card": {"brand": "visa", "last4": "4242", "fingerprint": "x"}}}
        intent = intent_json(status="succeeded", latest_charge=charge)
        outcome = hosted.outcome_of(session_json(status="complete", payment_status="paid", payment_intent=intent))
        assert outcome == Approved("pi_1", Money(2599, "USD"), {"brand": "visa", "last4": "4242"})

    def test_does_not_show_the_url_of_the_page(self) -> None:
        assert "checkout.stripe.com" not in repr(hosted.outcome_of(session_json()))


class TestFindIn:
    def test_finds_the_session_of_the_attempt(self) -> None:
        other = session_json(id="cs_2", client_reference_id=AttemptId.new(7, NOW))
        assert hosted.find_in([other, {}, None, session_json()], KEY) == "cs_1"
        assert hosted.find_in([other, session_json(id=None)], KEY) is None

    def test_covers_a_minute_around_the_creation_of_the_attempt(self) -> None:
        assert hosted.created_filter(KEY) == {"gte": AT_S - 60, "lte": AT_S + 60}


class TestTooOld:
    def test_is_recognised_by_the_parameter(self) -> None:
        error = {"type": "invalid_request_error", "param": "expires_at"}
        assert hosted.is_too_old(mapping.CallFailed(400, error))
        assert not hosted.is_too_old(mapping.CallFailed(400, {**error, "param": "line_items"}))
        assert not hosted.is_too_old(mapping.CallFailed(500, error))
