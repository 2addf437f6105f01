"""Stripe's amounts, PaymentIntents and errors in our words."""

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
    Declined,
    InProgress,
    Intent,
    Outcome,
    Unknown,
    Withdrawn,
)
from checkie.providers.stripe import amounts, mapping

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY, PAYMENT = AttemptId.new(7, NOW), PaymentId.new(7, NOW)
PUBLISHABLE = "pk_test_1"
DECLINE = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "Declined."}


def intent_json(**changes: Any) -> dict[str, Any]:
    """A PaymentIntent as Stripe shows it, as far as we read it."""
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
    def test_are_said_in_stripes_minor_units(self, currency: str, minor: int, at_stripe: int) -> None:
        assert amounts.to_stripe(Money(minor, currency)) == at_stripe
        assert amounts.from_stripe(at_stripe, currency.lower()) == Money(minor, currency)

    @pytest.mark.parametrize(("currency", "minor"), [("KWD", 5124), ("MGA", 501), ("USDT", 1_000_000), ("IQD", 1000)])
    def test_that_stripe_cannot_say_are_refused(self, currency: str, minor: int) -> None:
        with pytest.raises(amounts.Unsupported):
            amounts.to_stripe(Money(minor, currency))

    @pytest.mark.parametrize(("at_stripe", "currency"), [(550, "isk"), (1, "usdt"), (1, "zzz")])
    def test_that_are_none_of_ours_are_refused(self, at_stripe: int, currency: str) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            amounts.from_stripe(at_stripe, currency)

    @given(st.integers(1, 10**9), st.sampled_from("USD EUR JPY KRW KWD TND ISK UGX MGA HUF TWD CLP".split()))
    def test_come_back_as_they_went_or_do_not_go(self, minor: int, currency: str) -> None:
        amount = Money(minor, currency)
        try:
            at_stripe = amounts.to_stripe(amount)
        except amounts.Unsupported:
            assert currency in {"KWD", "TND", "MGA"}
        else:
            assert amounts.from_stripe(at_stripe, currency.lower()) == amount


class TestCreateParams:
    def test_carry_key_payment_amount_and_nothing_empty(self) -> None:
        asked = Intent(KEY, PAYMENT, Money(2599, "USD"), "", "https://shop.example/thanks")
        assert mapping.create_params(asked) == {
            "amount": 2599,
            "currency": "usd",
            "automatic_payment_methods": {"enabled": True},
            "metadata": {"attempt": KEY, "payment": PAYMENT},
        }

    def test_cut_a_description_to_what_stripe_takes(self) -> None:
        asked = Intent(KEY, PAYMENT, Money(2599, "USD"), "x" * 2000, "https://shop.example/thanks", "b@shop.example")
        params = mapping.create_params(asked)
        assert (len(params["description"]), params["receipt_email"]) == (1000, "b@shop.example")


class TestOutcomeOf:
    @pytest.mark.parametrize(
        ("changes", "outcome"),
        [
            ({"status": "succeeded", "amount_received": 2599}, Approved("pi_1", Money(2599, "USD"))),
            ({"status": "succeeded", "amount_received": 700, "currency": "isk"}, Approved("pi_1", Money(7, "ISK"))),
            ({"status": "processing"}, InProgress("pi_1")),
            ({"status": "requires_capture"}, InProgress("pi_1")),
            ({"status": "canceled"}, Withdrawn("pi_1")),
            ({"last_payment_error": DECLINE}, Declined("pi_1", "card_declined", "Declined.")),
            ({"status": "canceled", "last_payment_error": DECLINE}, Declined("pi_1", "card_declined", "Declined.")),
        ],
    )
    def test_is_how_the_intent_stands(self, changes: dict[str, Any], outcome: Outcome) -> None:
        assert mapping.outcome_of(intent_json(**changes), PUBLISHABLE) == outcome

    @pytest.mark.parametrize(
        ("status", "action"),
        [
            ("requires_payment_method", Action.CONFIRM),
            ("requires_confirmation", Action.CONFIRM),
            ("requires_action", Action.AUTHENTICATE),
        ],
    )
    def test_asks_the_buyer_to_act(self, status: str, action: Action) -> None:
        outcome = mapping.outcome_of(intent_json(status=status), PUBLISHABLE)
        assert outcome == ActionNeeded("pi_1", action, "pi_1_secret_x", publishable_key=PUBLISHABLE)

    def test_of_a_state_that_is_new_to_us_is_unknown(self) -> None:
        assert isinstance(mapping.outcome_of(intent_json(status="requires_patience"), PUBLISHABLE), Unknown)

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
    def test_of_success_without_an_amount_is_unknown(self, changes: dict[str, Any]) -> None:
        outcome = mapping.outcome_of(intent_json(status="succeeded", **changes), PUBLISHABLE)
        assert isinstance(outcome, Unknown)

    def test_tells_the_card_where_the_charge_came_with_it(self) -> None:
        card = {"brand": "visa", "last4": "4242", "three_d_secure": {"result": "authenticated"}, "fingerprint": "x"}
        charge = {"payment_method_details": {"card": card}}
        outcome = mapping.outcome_of(
            intent_json(status="succeeded", amount_received=1, latest_charge=charge), PUBLISHABLE
        )
        assert isinstance(outcome, Approved)
        assert outcome.facts == {"brand": "visa", "last4": "4242", "three_d_secure": "passed"}

    @pytest.mark.parametrize("charge", ["ch_1", {}, {"payment_method_details": None}, {"payment_method_details": {}}])
    def test_tells_no_card_where_there_is_none(self, charge: object) -> None:
        outcome = mapping.outcome_of(
            intent_json(status="succeeded", amount_received=1, latest_charge=charge), PUBLISHABLE
        )
        assert outcome == Approved("pi_1", Money(1, "USD"))


class TestDeclined:
    @pytest.mark.parametrize(
        ("code", "reason", "told"),
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
    def test_names_the_reason_that_a_buyer_may_know(self, code: str | None, reason: str | None, told: str) -> None:
        assert mapping.declined("pi_1", {"code": code, "decline_code": reason}).code == told

    def test_does_not_show_buyers_what_stripe_writes_for_developers(self) -> None:
        error = {"type": "invalid_request_error", "code": "x", "message": "You must provide payment_method_data"}
        assert mapping.declined("pi_1", error).message == mapping.NOT_CHARGED


class TestRefused:
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
    def test_is_a_definite_no(self, status: int, error: dict[str, Any], code: str) -> None:
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

    def test_knows_the_intent_that_a_card_error_names(self) -> None:
        outcome = mapping.create_failed(mapping.CallFailed(402, {**DECLINE, "payment_intent": {"id": "pi_9"}}))
        assert outcome == Declined("pi_9", "card_declined", "Declined.")
