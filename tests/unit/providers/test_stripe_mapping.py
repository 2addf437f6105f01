"""Stripe's amounts, PaymentIntents and errors as ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, PaymentId
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
from checkie.providers.stripe import amounts, mapping

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY, PAYMENT = AttemptId.new(7, NOW), PaymentId.new(7, NOW)
PUBLISHABLE = "pk_test_1"
DECLINE = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "Declined."}


def intent_json(**changes: Any) -> dict[str, Any]:
    """The fields of a PaymentIntent that we read."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": "requires_payment_method",
        "currency": "usd",
        "amount_received": 0,
        "client_secret": "pi_1_secret_x",
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": {"attempt": KEY, "payment": PAYMENT},
        **changes,
    }


class TestAmounts:
    @pytest.mark.parametrize(
        ("currency", "minor", "at_stripe"),
        [
            ("USD", 2599, 2599),
            ("JPY", 500, 500),
            ("KWD", 5120, 5120),
            ("ISK", 5, 500),
            ("UGX", 5, 500),
            ("MGA", 500, 5),
            ("HUF", 1045, 1045),
        ],
    )
    def test_are_converted_to_stripes_minor_units(self, currency: str, minor: int, at_stripe: int) -> None:
        assert amounts.to_stripe(Money(minor, currency)) == at_stripe
        assert amounts.from_stripe(at_stripe, currency.lower()) == Money(minor, currency)

    @pytest.mark.parametrize(("currency", "minor"), [("KWD", 5124), ("MGA", 501), ("USDT", 1_000_000), ("IQD", 1000)])
    def test_that_stripe_does_not_support_are_refused(self, currency: str, minor: int) -> None:
        with pytest.raises(amounts.Unsupported):
            amounts.to_stripe(Money(minor, currency))

    @pytest.mark.parametrize(("at_stripe", "currency"), [(550, "isk"), (1, "usdt"), (1, "zzz")])
    def test_from_stripe_that_are_invalid_are_refused(self, at_stripe: int, currency: str) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            amounts.from_stripe(at_stripe, currency)

    @given(st.integers(1, 10**9), st.sampled_from("USD EUR JPY KRW KWD TND ISK UGX MGA HUF TWD CLP".split()))
    def test_survive_the_round_trip_or_are_refused(self, minor: int, currency: str) -> None:
        amount = Money(minor, currency)
        try:
            at_stripe = amounts.to_stripe(amount)
        except amounts.Unsupported:
            assert currency in {"KWD", "TND", "MGA"}
        else:
            assert amounts.from_stripe(at_stripe, currency.lower()) == amount


class TestCreateParams:
    def test_have_key_payment_and_amount_and_no_empty_values(self) -> None:
        intent = Intent(KEY, PAYMENT, Money(2599, "USD"), "", "https://shop.example/thanks")
        assert mapping.create_params(intent) == {
            "amount": 2599,
            "currency": "usd",
            "automatic_payment_methods": {"enabled": True},
            "metadata": {"attempt": KEY, "payment": PAYMENT},
        }

    def test_truncate_a_long_description(self) -> None:
        intent = Intent(KEY, PAYMENT, Money(2599, "USD"), "x" * 2000, "https://shop.example/thanks", "b@shop.example")
        params = mapping.create_params(intent)
        assert (len(params["description"]), params["receipt_email"]) == (1000, "b@shop.example")


class TestOutcomeOf:
    @pytest.mark.parametrize(
        ("changes", "outcome"),
        [
            ({"status": "succeeded", "amount_received": 2599}, Approved("pi_1", Money(2599, "USD"))),
            ({"status": "succeeded", "amount_received": 700, "currency": "isk"}, Approved("pi_1", Money(7, "ISK"))),
            ({"status": "processing"}, InProgress("pi_1")),
            ({"status": "requires_capture"}, InProgress("pi_1")),
            ({"status": "canceled"}, Cancelled("pi_1")),
            ({"last_payment_error": DECLINE}, Declined("pi_1", "card_declined", "Declined.")),
            ({"status": "canceled", "last_payment_error": DECLINE}, Declined("pi_1", "card_declined", "Declined.")),
        ],
    )
    def test_follows_the_status_of_the_intent(self, changes: dict[str, Any], outcome: Outcome) -> None:
        assert mapping.outcome_of(intent_json(**changes), PUBLISHABLE) == outcome

    @pytest.mark.parametrize(
        ("status", "action"),
        [
            ("requires_payment_method", Action.CONFIRM),
            ("requires_confirmation", Action.CONFIRM),
            ("requires_action", Action.AUTHENTICATE),
        ],
    )
    def test_needs_an_action_of_the_buyer(self, status: str, action: Action) -> None:
        outcome = mapping.outcome_of(intent_json(status=status), PUBLISHABLE)
        assert outcome == ActionNeeded("pi_1", action, "pi_1_secret_x", publishable_key=PUBLISHABLE)

    def test_of_an_unknown_status_is_unknown(self) -> None:
        assert isinstance(mapping.outcome_of(intent_json(status="unheard_of"), PUBLISHABLE), Unknown)

    @pytest.mark.parametrize(
        "changes",
        [
            {"amount_received": None},
            {"amount_received": "2599"},
            {"amount_received": True},
            {"amount_received": 550, "currency": "isk"},
            {"amount_received": 2599, "currency": None},
            {"amount_received": 2599, "currency": "zzz"},
        ],
    )
    def test_of_success_without_a_valid_amount_is_unknown(self, changes: dict[str, Any]) -> None:
        outcome = mapping.outcome_of(intent_json(status="succeeded", **changes), PUBLISHABLE)
        assert isinstance(outcome, Unknown)

    def test_includes_the_card_of_an_expanded_charge(self) -> None:
        card = {"brand": "visa", "last4": "4242", "three_d_secure": {"result": "authenticated"}, "fingerprint": "x"}
        charge = {"payment_method_details": {"card": card}}
        outcome = mapping.outcome_of(
            intent_json(status="succeeded", amount_received=1, latest_charge=charge), PUBLISHABLE
        )
        assert isinstance(outcome, Approved)
        assert outcome.facts == {"brand": "visa", "last4": "4242", "three_d_secure": "passed"}

    @pytest.mark.parametrize("charge", ["ch_1", {}, {"payment_method_details": None}, {"payment_method_details": {}}])
    def test_includes_no_card_without_one(self, charge: object) -> None:
        outcome = mapping.outcome_of(
            intent_json(status="succeeded", amount_received=1, latest_charge=charge), PUBLISHABLE
        )
        assert outcome == Approved("pi_1", Money(1, "USD"))


class TestDeclined:
    @pytest.mark.parametrize(
        ("code", "reason", "expected"),
        [
            ("card_declined", "insufficient_funds", "insufficient_funds"),
            ("card_declined", "generic_decline", "card_declined"),
            ("card_declined", "stolen_card", "card_declined"),
            ("card_declined", "lost_card", "card_declined"),
            ("card_declined", "fraudulent", "card_declined"),
            ("expired_card", None, "expired_card"),
            ("payment_intent_authentication_failure", None, "authentication_failed"),
            (None, None, "declined"),
        ],
    )
    def test_has_the_code_that_a_buyer_may_see(self, code: str | None, reason: str | None, expected: str) -> None:
        assert mapping.declined("pi_1", {"code": code, "decline_code": reason}).code == expected

    def test_hides_messages_for_developers_from_buyers(self) -> None:
        error = {"type": "invalid_request_error", "code": "x", "message": "You must provide payment_method_data"}
        assert mapping.declined("pi_1", error).message == mapping.NOT_CHARGED


class TestCreateFailed:
    @pytest.mark.parametrize(
        ("status", "error", "code"),
        [
            (402, {**DECLINE, "decline_code": "insufficient_funds"}, "insufficient_funds"),
            (400, {"type": "invalid_request_error", "code": "amount_too_small"}, "amount_too_small"),
            (400, {"type": "invalid_request_error"}, "invalid_request"),
            (404, {}, "invalid_request"),
            (401, {}, "provider_credentials_refused"),
            (403, {}, "provider_credentials_refused"),
        ],
    )
    def test_is_a_decline_when_nothing_was_created(self, status: int, error: dict[str, Any], code: str) -> None:
        outcome = mapping.create_failed(mapping.CallFailed(status, error))
        assert isinstance(outcome, Declined)
        assert outcome.code == code

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (None, {"code": "timeout"}),
            (400, {"type": "idempotency_error"}),
            (409, {}),
            (429, {}),
            (500, {}),
            (503, {"type": "api_error"}),
            (200, {}),
            (302, {}),
        ],
    )
    def test_is_unknown_where_an_intent_may_exist(self, status: int | None, error: dict[str, Any]) -> None:
        assert isinstance(mapping.create_failed(mapping.CallFailed(status, error)), Unknown)

    def test_has_the_reference_in_a_card_error(self) -> None:
        outcome = mapping.create_failed(mapping.CallFailed(402, {**DECLINE, "payment_intent": {"id": "pi_9"}}))
        assert outcome == Declined("pi_9", "card_declined", "Declined.")
