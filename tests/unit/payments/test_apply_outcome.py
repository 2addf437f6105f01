"""What each answer of a provider does to a payment, in every state of its attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from checkie.kernel import Money
from checkie.payments import INTEGRITY, Attempt, AttemptStatus, Payment, PaymentStatus
from checkie.payments.apply_outcome import Change, apply_outcome
from checkie.payments.model import LIVE, NotYetSucceeded
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

_A, _P = AttemptStatus, PaymentStatus
WRONG: Final = Money(PRICE.minor - 1, "USD")
APPROVED: Final = Approved("ref_1", PRICE, {"brand": "visa", "last4": "4242"})
CHEAPER: Final = Approved("ref_1", WRONG)
DECLINED: Final = Declined("ref_1", "card_declined", "No.")
WITHDRAWN: Final = Cancelled("ref_1")
IN_PROGRESS: Final = InProgress("ref_1")
UNKNOWN: Final = Unknown("timeout")
ASKS: Final = ActionNeeded("ref_1", Action.AUTHENTICATE, client_secret="")
WAITS: Final = ActionNeeded("ref_1", Action.CONFIRM, client_secret="")
EVERY: Final[dict[str, Outcome]] = {
    "approved": APPROVED,
    "cheaper": CHEAPER,
    "declined": DECLINED,
    "withdrawn": WITHDRAWN,
    "in progress": IN_PROGRESS,
    "unknown": UNKNOWN,
    "asks": ASKS,
    "waits": WAITS,
}

# How a payment stands whose only attempt stands so.
STANDS: Final = {
    _A.PENDING: _P.PENDING,
    _A.REQUIRES_ACTION: _P.REQUIRES_ACTION,
    _A.PROCESSING: _P.PROCESSING,
    _A.UNKNOWN: _P.PENDING,
    _A.SUCCEEDED: _P.SUCCEEDED,
    _A.FAILED: _P.FAILED,
    _A.CANCELLED: _P.CANCELLED,
    _A.INTEGRITY_FAILURE: _P.FAILED,
}
# (attempt, answer) -> (attempt, payment, events); every pair that is missing is no news.
TABLE: Final[dict[tuple[AttemptStatus, str], tuple[AttemptStatus, PaymentStatus, tuple[str, ...]]]] = {
    **{
        (state, "approved"): (_A.SUCCEEDED, _P.SUCCEEDED, ("payment.completed",))
        for state in (*LIVE, _A.FAILED, _A.CANCELLED)
    },
    **{
        (state, "cheaper"): (_A.INTEGRITY_FAILURE, _P.FAILED, ("payment.unapplied", "payment.failed")) for state in LIVE
    },
    (_A.FAILED, "cheaper"): (_A.INTEGRITY_FAILURE, _P.FAILED, ("payment.unapplied",)),
    (_A.CANCELLED, "cheaper"): (_A.INTEGRITY_FAILURE, _P.CANCELLED, ("payment.unapplied",)),
    **{(state, "declined"): (_A.FAILED, _P.FAILED, ("payment.failed",)) for state in LIVE},
    **{(state, "withdrawn"): (_A.CANCELLED, _P.CANCELLED, ("payment.cancelled",)) for state in LIVE},
    **{
        (state, "in progress"): (_A.PROCESSING, _P.PROCESSING, ("payment.processing",))
        for state in (_A.PENDING, _A.REQUIRES_ACTION, _A.UNKNOWN)
    },
    **{
        (state, "asks"): (_A.REQUIRES_ACTION, _P.REQUIRES_ACTION, ("payment.requires_action",))
        for state in (_A.PENDING, _A.PROCESSING, _A.UNKNOWN)
    },
    (_A.PENDING, "unknown"): (_A.UNKNOWN, _P.PENDING, ()),
    (_A.PENDING, "waits"): (_A.PENDING, _P.PENDING, ()),
    (_A.UNKNOWN, "waits"): (_A.PENDING, _P.PENDING, ()),
}


def standing(state: AttemptStatus, **different: Any) -> tuple[Payment, Attempt]:
    """A payment and its only attempt, which stands so."""
    is_applied = state is _A.SUCCEEDED
    attempt = make.attempt(status=state, is_applied=is_applied)
    return make.payment(status=STANDS[state], **different), attempt


def changed(payment: Payment, attempt: Attempt, outcome: Outcome | Refunded) -> Change:
    change = apply_outcome(payment, attempt, outcome)
    assert change is not None
    return change


def names(change: Change) -> tuple[str, ...]:
    return tuple(event.name for event in change.events)


def booked(change: Change) -> list[tuple[str, str, str, int]]:
    return [(t.kind, t.source.kind, t.target.kind, t.amount.minor) for t in change.transfers]


class TestEveryAnswerInEveryState:
    @pytest.mark.parametrize("state", AttemptStatus)
    @pytest.mark.parametrize("answer", EVERY)
    def test_goes_as_the_table_says(self, state: AttemptStatus, answer: str) -> None:
        payment, attempt = standing(state)
        change = apply_outcome(payment, attempt, EVERY[answer])
        became = change and (change.attempt.status, change.payment.status, names(change))
        assert became == TABLE.get((state, answer))
        assert change is None or change.payment.seq == payment.seq + len(change.events)

    @pytest.mark.parametrize("state", AttemptStatus)
    @pytest.mark.parametrize("outcome", EVERY.values(), ids=EVERY)
    def test_changes_nothing_the_second_time(self, state: AttemptStatus, outcome: Outcome) -> None:
        payment, attempt = standing(state)
        change = apply_outcome(payment, attempt, outcome)
        if change is not None:
            again = apply_outcome(change.payment, change.attempt, outcome)
            assert again is None or (again.payment, again.attempt, again.events) == (change.payment, change.attempt, ())
            assert again is None or not again.transfers

    @pytest.mark.parametrize("state", AttemptStatus)
    @pytest.mark.parametrize("outcome", EVERY.values(), ids=EVERY)
    def test_of_an_earlier_attempt_moves_the_payment_only_with_money(
        self, state: AttemptStatus, outcome: Outcome
    ) -> None:
        _, attempt = standing(state)
        payment = make.payment(attempts=2)
        change = apply_outcome(payment, attempt, outcome)
        if change is not None and not isinstance(outcome, Approved):
            assert (change.payment, change.events, change.transfers) == (payment, (), ())


class TestASale:
    def test_is_booked_gross_and_then_the_fee(self) -> None:
        change = changed(*standing(_A.PENDING), APPROVED)
        assert booked(change) == [("payment", "CLEARING", "MERCHANT", 2599), ("fee", "MERCHANT", "FEES", 75)]
        assert change.transfers[0].source.owner == "fake"
        assert len({transfer.key for transfer in change.transfers}) == 2
        assert change.attempt.is_applied

    def test_without_fee_is_one_transfer(self) -> None:
        change = changed(*standing(_A.PENDING, fee_bps=0), APPROVED)
        assert booked(change) == [("payment", "CLEARING", "MERCHANT", 2599)]

    def test_tells_amount_fee_and_net(self) -> None:
        (news,) = changed(*standing(_A.PENDING), APPROVED).events
        told = {name: getattr(news, name) for name in ("amount", "fee", "net", "provider_reference", "attempt_number")}
        assert told == {"amount": 2599, "fee": 75, "net": 2524, "provider_reference": "ref_1", "attempt_number": 1}

    def test_keeps_what_may_be_shown(self) -> None:
        change = changed(*standing(_A.PENDING), APPROVED)
        assert (change.attempt.reference, change.attempt.facts) == ("ref_1", {"brand": "visa", "last4": "4242"})

    @pytest.mark.parametrize("state", [_A.FAILED, _A.CANCELLED])
    def test_that_comes_late_is_never_lost(self, state: AttemptStatus) -> None:
        payment, attempt = standing(state, failure_code="card_declined", failure_message="No.", failures=1)
        change = changed(payment, attempt, APPROVED)
        assert change.payment.is_paid
        assert (change.payment.failure_code, change.payment.failure_message) == (None, None)
        assert booked(change)[0] == ("payment", "CLEARING", "MERCHANT", 2599)

    def test_of_an_earlier_attempt_pays_while_the_later_one_waits(self) -> None:
        attempt = make.attempt(status=_A.CANCELLED)
        change = changed(make.payment(attempts=2), attempt, APPROVED)
        assert change.payment.status is _P.SUCCEEDED
        assert change.attempt.is_applied


class TestASecondSuccess:
    def test_is_booked_apart_and_told_of(self) -> None:
        payment = make.payment(status=_P.SUCCEEDED, attempts=2)
        change = changed(payment, make.attempt(number=2), APPROVED)
        assert booked(change) == [("unapplied", "CLEARING", "UNAPPLIED", 2599)]
        assert names(change) == ("payment.unapplied",)
        assert (change.payment.status, change.attempt.status) == (_P.SUCCEEDED, _A.SUCCEEDED)
        assert not change.attempt.is_applied

    def test_that_goes_back_leaves_the_sale_alone(self) -> None:
        payment = make.payment(status=_P.SUCCEEDED, attempts=2)
        attempt = make.attempt(number=2, status=_A.SUCCEEDED)
        change = changed(payment, attempt, Refunded("ref_2", PRICE))
        assert booked(change) == [("refund", "UNAPPLIED", "CLEARING", 2599)]
        assert (change.payment, change.events) == (payment, ())

    def test_of_an_old_amount_does_not_pay_the_new_one(self) -> None:
        """The buyer changed the quantity; the attempt with the old price was called off and succeeded all the same."""
        payment = make.payment(amount=PRICE * 2, attempts=2)
        change = changed(payment, make.attempt(status=_A.CANCELLED), APPROVED)
        assert booked(change) == [("unapplied", "CLEARING", "UNAPPLIED", 2599)]
        assert not change.payment.is_paid


class TestAnotherAmount:
    @pytest.mark.parametrize("received", [WRONG, PRICE * 2, Money(2599, "EUR"), Money(1, "USD")], ids=str)
    def test_is_an_integrity_failure_and_booked_apart(self, received: Money) -> None:
        change = changed(*standing(_A.PENDING), Approved("ref_1", received))
        assert change.attempt.status is _A.INTEGRITY_FAILURE
        assert [(t.source.kind, t.target.kind, t.amount) for t in change.transfers] == [
            ("CLEARING", "UNAPPLIED", received)
        ]
        assert change.attempt.failure_code == change.payment.failure_code == INTEGRITY

    @pytest.mark.parametrize("received", [Money(0, "USD"), Money(-5, "USD")], ids=str)
    def test_that_is_none_books_nothing(self, received: Money) -> None:
        change = changed(*standing(_A.PENDING), Approved("ref_1", received))
        assert (change.transfers, change.attempt.status) == ((), _A.INTEGRITY_FAILURE)

    @pytest.mark.parametrize("state", [*LIVE, _A.FAILED, _A.CANCELLED])
    def test_lets_nobody_pay_again(self, state: AttemptStatus) -> None:
        """Money has left the buyer's account: what follows is a person's decision."""
        assert changed(*standing(state), CHEAPER).payment.attempts_left == 0

    def test_tells_how_much_arrived(self) -> None:
        news = changed(*standing(_A.PENDING), CHEAPER).events[0]
        told = [getattr(news, name) for name in ("reason", "received", "received_currency", "amount")]
        assert told == ["INTEGRITY", 2598, "USD", 2599]

    def test_of_an_earlier_attempt_leaves_the_living_one_able_to_end(self) -> None:
        """Whatever the payment becomes, the answer to its latest attempt must still reach the session."""
        _, attempt = standing(_A.CANCELLED)
        change = changed(make.payment(attempts=2), attempt, CHEAPER)
        after = changed(change.payment, make.attempt(number=2), DECLINED)
        assert "payment.failed" in {*names(change), *names(after)}
        assert any(
            event.attempt_number == 2 for event in (*change.events, *after.events) if event.name == "payment.failed"
        )


class TestADecline:
    def test_is_told_with_its_reason_and_the_tries_left(self) -> None:
        (news,) = changed(*standing(_A.PENDING), DECLINED).events
        assert [getattr(news, name) for name in ("code", "message", "attempts_left")] == ["card_declined", "No.", 2]

    def test_counts(self) -> None:
        change = changed(*standing(_A.PENDING, failures=2), DECLINED)
        assert (change.payment.failures, change.payment.attempts_left) == (3, 0)

    def test_keeps_the_reference_it_knew(self) -> None:
        attempt = make.attempt(reference="ref_0")
        change = changed(make.payment(), attempt, Declined(None, "refused", "No."))
        assert change.attempt.reference == "ref_0"


class TestARefund:
    def paid(self) -> tuple[Payment, Attempt]:
        return standing(_A.SUCCEEDED)

    def test_books_what_is_new_of_the_sum(self) -> None:
        payment, attempt = self.paid()
        first = changed(payment, attempt, Refunded("ref_1", Money(1000, "USD")))
        second = changed(first.payment, first.attempt, Refunded("ref_1", Money(2599, "USD")))
        assert booked(first) == [("refund", "MERCHANT", "CLEARING", 1000)]
        assert booked(second) == [("refund", "MERCHANT", "CLEARING", 1599)]
        assert (first.payment.status, second.payment.status) == (_P.PARTIALLY_REFUNDED, _P.REFUNDED)
        assert first.transfers[0].key != second.transfers[0].key

    def test_that_was_overtaken_books_nothing_twice(self) -> None:
        payment, attempt = self.paid()
        change = changed(payment, attempt, Refunded("ref_1", Money(2000, "USD")))
        assert apply_outcome(change.payment, change.attempt, Refunded("ref_1", Money(1000, "USD"))) is None
        assert apply_outcome(change.payment, change.attempt, Refunded("ref_1", Money(2000, "USD"))) is None

    def test_tells_this_one_and_the_sum(self) -> None:
        payment, attempt = self.paid()
        first = changed(payment, attempt, Refunded("ref_1", Money(1000, "USD")))
        (news,) = changed(first.payment, first.attempt, Refunded("ref_1", Money(1500, "USD"))).events
        assert [getattr(news, name) for name in ("refund", "refunded")] == [500, 1500]

    @pytest.mark.parametrize("state", [*LIVE, _A.FAILED, _A.CANCELLED])
    def test_before_the_payment_is_told_of_has_to_come_again(self, state: AttemptStatus) -> None:
        with pytest.raises(NotYetSucceeded):
            apply_outcome(*standing(state), Refunded("ref_1", PRICE))

    def test_of_mistrusted_money_comes_out_of_what_was_booked_apart(self) -> None:
        payment, attempt = standing(_A.PENDING)
        mistrusted = changed(payment, attempt, CHEAPER)
        back = changed(mistrusted.payment, mistrusted.attempt, Refunded("ref_1", WRONG))
        assert booked(back) == [("refund", "UNAPPLIED", "CLEARING", 2598)]
        assert back.payment.status is _P.FAILED

    def test_of_more_than_was_paid_never_counts_more_than_was_paid(self) -> None:
        """The row has a constraint, so counting more would refuse the provider's webhook for ever."""
        payment, attempt = self.paid()
        change = changed(payment, attempt, Refunded("ref_1", PRICE + Money(1, "USD")))
        assert change.payment.refunded_minor <= payment.amount.minor
        assert change.payment.status is _P.REFUNDED
        again = apply_outcome(change.payment, change.attempt, Refunded("ref_1", PRICE * 2))
        assert again is None or again.payment.refunded_minor <= payment.amount.minor

    def test_in_another_currency_books_nothing_as_this_one(self) -> None:
        payment, attempt = self.paid()
        change = apply_outcome(payment, attempt, Refunded("ref_1", Money(1000, "EUR")))
        assert change is None or change.payment.refunded_minor == 0


class TestAProof:
    def test_that_is_asked_for_is_remembered(self) -> None:
        change = changed(*standing(_A.PENDING), ASKS)
        assert (change.attempt.requires_3ds, change.attempt.three_ds_status) == (True, "required")

    def test_that_was_given_is_remembered(self) -> None:
        attempt = make.attempt(status=_A.REQUIRES_ACTION, requires_3ds=True, three_ds_status="required")
        passed = replace(APPROVED, facts={"three_d_secure": "passed"})
        change = changed(make.payment(status=_P.REQUIRES_ACTION), attempt, passed)
        assert (change.attempt.requires_3ds, change.attempt.three_ds_status) == (True, "passed")

    def test_that_was_not_asked_for_is_not(self) -> None:
        assert not changed(*standing(_A.UNKNOWN), WAITS).attempt.requires_3ds
