"""Any sequence of outcomes of up to three attempts: no money is created or lost, and a sale is booked once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from checkie.kernel import Money
from checkie.ledger import Transfer
from checkie.payments import Attempt, AttemptStatus, PaymentStatus
from checkie.payments.apply_outcome import Change, apply_outcome
from checkie.payments.model import LIVE, PAYMENT, NotYetSucceeded, PaymentVerb
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    Cancelled,
    Declined,
    InProgress,
    Outcome,
    Refunded,
    Unknown,
)
from tests import make
from tests.make import PRICE

WRONG = Money(PRICE.minor + 1, "USD")
OUTCOMES: tuple[Outcome, ...] = (
    Approved("ref", PRICE),
    Approved("ref", WRONG),
    Declined("ref", "card_declined", "No."),
    Cancelled("ref"),
    InProgress("ref"),
    Unknown("timeout"),
    ActionNeeded("ref", Action.AUTHENTICATE, client_secret=""),
    ActionNeeded("ref", Action.CONFIRM, client_secret=""),
)
MONEY = (AttemptStatus.SUCCEEDED, AttemptStatus.INTEGRITY_FAILURE)


class APayment(RuleBasedStateMachine):
    """One payment, its attempts and what was booked."""

    def __init__(self) -> None:
        super().__init__()
        self.payment = make.payment()
        self.attempts = {1: make.attempt()}
        self.received: dict[int, Money] = {}
        self.booked: list[Transfer] = []

    def apply(self, number: int, outcome: Outcome | Refunded) -> Change | None:
        change = apply_outcome(self.payment, self.attempts[number], outcome)
        if change is not None:
            self.payment = change.payment
            self.attempts[number] = change.attempt
            self.booked += change.transfers
        return change

    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def answered(self, data: st.DataObject, outcome: Outcome) -> None:
        number = data.draw(st.sampled_from(sorted(self.attempts)))
        before = self.attempts[number]
        change = self.apply(number, outcome)
        if before.status in MONEY:
            assert change is None  # out of date: the money is booked already
        elif isinstance(outcome, Approved):
            self.received[number] = outcome.amount

    @rule(data=st.data(), minor=st.integers(1, PRICE.minor))
    def refund(self, data: st.DataObject, minor: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.attempts)))
        if self.attempts[number].status not in MONEY:
            with pytest.raises(NotYetSucceeded):
                self.apply(number, Refunded("ref", Money(minor, "USD")))
            return
        before = self.attempts[number].refunded_minor
        self.apply(number, Refunded("ref", Money(minor, "USD")))
        assert self.attempts[number].refunded_minor == max(before, minor)

    @precondition(
        lambda self: PAYMENT.allows(self.payment.status, PaymentVerb.RETRY) and self.payment.attempts_left > 0
    )
    @precondition(lambda self: len(self.attempts) < 3)
    @rule()
    def retry(self) -> None:
        number = self.payment.attempts + 1
        status, _ = PAYMENT.next(self.payment.status, PaymentVerb.RETRY)
        self.payment = replace(self.payment, status=status, attempts=number)
        self.attempts[number] = make.attempt(number=number)

    def sum_of(self, kind: str) -> int:
        return sum(transfer.amount.minor for transfer in self.booked if transfer.kind == kind)

    @invariant()
    def a_sale_is_booked_once_and_only_when_it_is_paid(self) -> None:
        sales = [transfer for transfer in self.booked if transfer.kind == "payment"]
        assert len(sales) == self.payment.is_paid == sum(attempt.is_applied for attempt in self.attempts.values())
        assert all(sale.amount == self.payment.amount for sale in sales)

    @invariant()
    def every_key_is_booked_once(self) -> None:
        assert max(Counter(transfer.key for transfer in self.booked).values(), default=1) == 1

    @invariant()
    def what_the_provider_took_is_booked(self) -> None:
        taken = sum(amount.minor for amount in self.received.values())
        assert self.sum_of("payment") + self.sum_of("unapplied") == taken

    @invariant()
    def what_was_refunded_is_what_the_provider_reports(self) -> None:
        assert self.sum_of("refund") == sum(attempt.refunded_minor for attempt in self.attempts.values())
        assert 0 <= self.payment.refunded_minor <= self.payment.amount.minor

    @invariant()
    def no_account_gives_more_than_it_received(self) -> None:
        held: Counter[str] = Counter()
        for transfer in self.booked:
            held[transfer.source.kind] -= transfer.amount.minor
            held[transfer.target.kind] += transfer.amount.minor
        assert sum(held.values()) == 0
        assert held["UNAPPLIED"] >= 0
        assert held["FEES"] == self.sum_of("fee") == (self.payment.fee.minor if self.payment.is_paid else 0)

    @invariant()
    def the_status_of_the_payment_follows_its_latest_attempt(self) -> None:
        latest: Attempt = self.attempts[self.payment.attempts]
        expected: dict[Any, Any] = {
            AttemptStatus.REQUIRES_ACTION: PaymentStatus.REQUIRES_ACTION,
            AttemptStatus.PROCESSING: PaymentStatus.PROCESSING,
            AttemptStatus.CANCELLED: PaymentStatus.CANCELLED,
            AttemptStatus.FAILED: PaymentStatus.FAILED,
        }
        if self.payment.is_paid or any(a.status is AttemptStatus.INTEGRITY_FAILURE for a in self.attempts.values()):
            return
        assert self.payment.status is expected.get(latest.status, PaymentStatus.PENDING)

    @invariant()
    def no_retry_after_a_mismatch_or_while_an_attempt_is_live(self) -> None:
        can_retry = PAYMENT.allows(self.payment.status, PaymentVerb.RETRY) and self.payment.attempts_left > 0
        states = {attempt.status for attempt in self.attempts.values()}
        assert not (can_retry and AttemptStatus.INTEGRITY_FAILURE in states)
        latest = self.attempts[self.payment.attempts]
        assert not (can_retry and latest.status in LIVE)

    @invariant()
    def failures_are_counted_up_to_three(self) -> None:
        assert 0 <= self.payment.failures <= 3


def test_no_money_is_created_or_lost() -> None:
    run_state_machine_as_test(APayment, settings=settings(max_examples=150, stateful_step_count=30, deadline=None))
