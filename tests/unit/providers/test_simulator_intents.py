"""The lifecycle of an intent at the simulated bank."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from checkie.providers.simulator.bank import intents
from checkie.providers.simulator.bank.cards import CARDS
from checkie.providers.simulator.bank.errors import SimulatorError
from checkie.providers.simulator.bank.faults import DEFAULTS, Faults
from checkie.providers.simulator.bank.intents import LIFECYCLE, Change, Intent, IntentParams, State

NOW_S = 1_770_000_000.0
GOOD, REQUIRES_3DS, DECLINED = CARDS["4242424242424242"], CARDS["4000000000003220"], CARDS["4000000000000002"]


def params(amount: int = 2599, currency: str = "USD") -> IntentParams:
    return IntentParams(amount, currency, "Tea", "https://shop.example", None, {"attempt": "att_1"}, "print")


def intent(**facts: Any) -> Intent:
    return replace(Intent("sim_1", "att_1", "secret", NOW_S, params()), **facts)


def confirmed(card: Any, faults: Faults | None = None, **facts: Any) -> Change:
    return intents.confirm(intent(**facts), card, faults=faults or {}, now_s=NOW_S)


class TestTheLifecycle:
    def test_ends_only_in_cancelled(self) -> None:
        ends = {state for state in State if not any(source == state for source, _ in LIFECYCLE.transitions)}
        assert ends == {State.CANCELLED}

    def test_never_leaves_succeeded(self) -> None:
        assert {to for (source, _), (to, _) in LIFECYCLE.transitions.items() if source is State.SUCCEEDED} == {
            State.SUCCEEDED
        }

    @pytest.mark.parametrize("status", [status for status in State if status is not State.REQUIRES_CONFIRMATION])
    def test_confirms_once(self, status: State) -> None:
        before = intent(status=status)
        assert intents.confirm(before, GOOD, faults={}, now_s=NOW_S) == Change(before)
        assert intents.decline_card(before, "invalid_cvc", faults={}) == Change(before)

    @pytest.mark.parametrize("status", [status for status in State if status is not State.REQUIRES_ACTION])
    def test_authenticates_only_when_required(self, status: State) -> None:
        before = intent(status=status)
        assert intents.authenticate(before, passed=True, now_s=NOW_S) == Change(before)

    @pytest.mark.parametrize("status", State)
    def test_cancels_what_is_not_finished(self, status: State) -> None:
        change = intents.cancel(intent(status=status))
        is_finished = status in intents.FINISHED
        assert change.intent.status is (status if is_finished else State.CANCELLED)
        assert change.event == (None if is_finished else "intent.cancelled")

    def test_charges_exactly_when_it_succeeds(self) -> None:
        for card, passed in itertools.product(CARDS.values(), [True, False]):
            change = confirmed(card)
            if change.intent.status is State.REQUIRES_ACTION:
                assert not change.charged
                change = intents.authenticate(change.intent, passed=passed, now_s=NOW_S)
            succeeded = change.intent.status is State.SUCCEEDED
            assert (change.charged, change.intent.charged) == (succeeded, int(succeeded))
            assert bool(change.intent.amount_received) is succeeded
            assert (change.intent.failure is None) is (change.intent.status in {State.SUCCEEDED, State.PROCESSING})


class TestConfirm:
    def test_a_valid_card_succeeds(self) -> None:
        change = confirmed(GOOD)
        assert (change.event, change.intent.amount_received) == ("intent.succeeded", 2599)
        assert (change.intent.brand, change.intent.last4) == ("visa", "4242")

    def test_a_declined_card_is_declined_before_3d_secure_at_any_amount(self) -> None:
        assert confirmed(DECLINED, params=params(10**6)).intent.status is State.DECLINED

    def test_3d_secure_precedes_the_decline_of_a_card_that_requires_it(self) -> None:
        change = confirmed(CARDS["4000008260003178"])
        assert change.intent.status is State.REQUIRES_ACTION
        after = intents.authenticate(change.intent, passed=True, now_s=NOW_S)
        assert (after.intent.status, after.intent.failure) == (State.DECLINED, "insufficient_funds")

    def test_a_tombstone_cannot_be_confirmed(self) -> None:
        tombstone = intent(params=None, status=State.CANCELLED)
        assert intents.confirm(tombstone, GOOD, faults={}, now_s=NOW_S) == Change(tombstone)


class TestFaults:
    def test_late_success_declines_and_then_succeeds(self) -> None:
        change = confirmed(GOOD, {"late_success": {"delay_s": 5}})
        assert (change.intent.status, change.charged, change.intent.settles_at) == (State.DECLINED, False, NOW_S + 5)
        settled = intents.settle(change.intent)
        assert (settled.event, settled.charged) == ("intent.succeeded", True)
        assert intents.settle(settled.intent) == Change(settled.intent)

    def test_an_ordinary_decline_is_final(self) -> None:
        declined = confirmed(DECLINED).intent
        assert intents.settle(declined) == Change(declined)

    def test_slow_bank_also_processes_after_3d_secure(self) -> None:
        waiting = confirmed(REQUIRES_3DS, {"slow_bank": {"delay_s": 5}}).intent
        change = intents.authenticate(waiting, passed=True, now_s=NOW_S)
        assert (change.event, change.intent.settles_at) == ("intent.processing", NOW_S + 5)

    def test_webhooks_reordered_requires_3d_secure(self) -> None:
        assert confirmed(GOOD, {"webhooks_reordered": {}}).event == "intent.requires_action"

    def test_the_fault_of_a_card_has_the_default_parameters(self) -> None:
        change = confirmed(CARDS["4000099000000095"])
        assert change.intent.faults == {"late_success": DEFAULTS["late_success"]}

    def test_a_configured_fault_overrides_that_of_the_card(self) -> None:
        change = confirmed(CARDS["4000099000000095"], {"late_success": {"delay_s": 9}})
        assert change.intent.settles_at == NOW_S + 9

    @pytest.mark.parametrize(("currency", "other"), [("USD", "EUR"), ("EUR", "USD")])
    def test_wrong_currency_receives_another_currency(self, currency: str, other: str) -> None:
        change = confirmed(GOOD, {"wrong_currency": {}}, params=params(99, currency))
        assert intents.as_json(change.intent)["currency"] == other

    def test_wrong_amount_is_never_negative(self) -> None:
        assert confirmed(GOOD, {"wrong_amount": {"by": -(10**6)}}).intent.amount_received == 0


class TestRefund:
    def test_of_more_than_is_refundable_is_refused(self) -> None:
        paid = confirmed(GOOD).intent
        once = intents.refund(paid, 2000)
        assert (once.event, once.intent.refunded) == ("intent.refunded", 2000)
        with pytest.raises(SimulatorError, match="599 can be refunded"):
            intents.refund(once.intent, 600)
        assert intents.refund(once.intent, 599).intent.refunded == 2599


class TestTheWireForm:
    def test_has_no_secret(self) -> None:
        assert "secret" not in str(intents.as_json(confirmed(GOOD).intent))
        assert "secret" not in repr(intent()).replace("client_secret", "")

    def test_has_code_and_message_of_a_failure(self) -> None:
        failure = intents.as_json(confirmed(DECLINED).intent)["failure"]
        assert failure["code"] == "card_declined"
        assert failure["message"]
