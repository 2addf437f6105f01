"""What each outcome of a provider changes in a payment, in every status of its attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from checkie.kernel import Money
from checkie.payments import Attempt, AttemptStatus, Payment, PaymentStatus
from checkie.payments.apply_outcome import Change, apply_outcome
from checkie.payments.events import INTEGRITY
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
CANCELLED: Final = Cancelled("ref_1")
IN_PROGRESS: Final = InProgress("ref_1")
UNKNOWN: Final = Unknown("timeout")
AUTHENTICATE: Final = ActionNeeded("ref_1", Action.AUTHENTICATE, client_secret="")
CONFIRM: Final = ActionNeeded("ref_1", Action.CONFIRM, client_secret="")
OUTCOMES: Final[dict[str, Outcome]] = {
    "approved": APPROVED,
    "cheaper": CHEAPER,
    "declined": DECLINED,
    "cancelled": CANCELLED,
    "in progress": IN_PROGRESS,
    "unknown": UNKNOWN,
    "authenticate": AUTHENTICATE,
    "confirm": CONFIRM,
}

# The status of a payment by that of its only attempt.
PAYMENT_STATUS: Final = {
    _A.PENDING: _P.PENDING,
    _A.REQUIRES_ACTION: _P.REQUIRES_ACTION,
    _A.PROCESSING: _P.PROCESSING,
    _A.UNKNOWN: _P.PENDING,
    _A.SUCCEEDED: _P.SUCCEEDED,
    _A.FAILED: _P.FAILED,
    _A.CANCELLED: _P.CANCELLED,
    _A.INTEGRITY_FAILURE: _P.FAILED,
}
# (attempt, outcome) -> (attempt, payment, events); every pair that is missing changes nothing.
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
    **{(state, "cancelled"): (_A.CANCELLED, _P.CANCELLED, ("payment.cancelled",)) for state in LIVE},
    **{
        (state, "in progress"): (_A.PROCESSING, _P.PROCESSING, ("payment.processing",))
        for state in (_A.PENDING, _A.REQUIRES_ACTION, _A.UNKNOWN)
    },
    **{
        (state, "authenticate"): (_A.REQUIRES_ACTION, _P.REQUIRES_ACTION, ("payment.requires_action",))
        for state in (_A.PENDING, _A.PROCESSING, _A.UNKNOWN)
    },
    (_A.PENDING, "unknown"): (_A.UNKNOWN, _P.PENDING, ()),
    (_A.PENDING, "confirm"): (_A.PENDING, _P.PENDING, ()),
    (_A.UNKNOWN, "confirm"): (_A.PENDING, _P.PENDING, ()),
}


def having(state: AttemptStatus, **different: Any) -> tuple[Payment, Attempt]:
    """A payment and its only attempt, which has this status."""
    is_applied = state is _A.SUCCEEDED
    attempt = make.attempt(status=state, is_applied=is_applied)
    return make.payment(status=PAYMENT_STATUS[state], **different), attempt


def changed(payment: Payment, attempt: Attempt, outcome: Outcome | Refunded) -> Change:
    change = apply_outcome(payment, attempt, outcome)
    assert change is not None
    return change


def names(change: Change) -> tuple[str, ...]:
    return tuple(event.name for event in change.events)


def booked(change: Change) -> list[tuple[str, str, str, int]]:
    return [(t.kind, t.source.kind, t.target.kind, t.amount.minor) for t in change.transfers]


class TestEveryOutcomeInEveryStatus:
    @pytest.mark.parametrize("state", AttemptStatus)
    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_has_the_effect_in_the_table(self, state: AttemptStatus, outcome: str) -> None:
        payment, attempt = having(state)
        change = apply_outcome(payment, attempt, OUTCOMES[outcome])
        became = change and (change.attempt.status, change.payment.status, names(change))
        assert became == TABLE.get((state, outcome))

    @pytest.mark.parametrize("state", AttemptStatus)
    @pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
    def test_changes_nothing_the_second_time(self, state: AttemptStatus, outcome: Outcome) -> None:
        payment, attempt = having(state)
        change = apply_outcome(payment, attempt, outcome)
        if change is not None:
            again = apply_outcome(change.payment, change.attempt, outcome)
            assert again is None or (again.payment, again.attempt, again.events) == (change.payment, change.attempt, ())
            assert again is None or not again.transfers

    @pytest.mark.parametrize("state", AttemptStatus)
    @pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
    def test_of_an_earlier_attempt_moves_the_payment_only_with_money(
        self, state: AttemptStatus, outcome: Outcome
    ) -> None:
        _, attempt = having(state)
        payment = make.payment(attempts=2)
        change = apply_outcome(payment, attempt, outcome)
        if change is not None and not isinstance(outcome, Approved):
            assert (change.payment, change.events, change.transfers) == (payment, (), ())


class TestASale:
    def test_is_booked_gross_and_then_the_fee(self) -> None:
        change = changed(*having(_A.PENDING), APPROVED)
        assert booked(change) == [("payment", "CLEARING", "MERCHANT", 2599), ("fee", "MERCHANT", "FEES", 75)]
        assert change.transfers[0].source.owner == "fake"
        assert len({transfer.key for transfer in change.transfers}) == 2
        assert change.attempt.is_applied

    def test_without_fee_is_one_transfer(self) -> None:
        change = changed(*having(_A.PENDING, fee_bps=0), APPROVED)
        assert booked(change) == [("payment", "CLEARING", "MERCHANT", 2599)]

    def test_publishes_amount_fee_and_net(self) -> None:
        (event,) = changed(*having(_A.PENDING), APPROVED).events
        fields = {
            name: getattr(event, name) for name in ("amount", "fee", "net", "provider_reference", "attempt_number")
        }
        assert fields == {"amount": 2599, "fee": 75, "net": 2524, "provider_reference": "ref_1", "attempt_number": 1}

    def test_keeps_the_facts_that_may_be_shown(self) -> None:
        change = changed(*having(_A.PENDING), APPROVED)
        assert (change.attempt.reference, change.attempt.facts) == ("ref_1", {"brand": "visa", "last4": "4242"})

    @pytest.mark.parametrize("state", [_A.FAILED, _A.CANCELLED])
    def test_that_arrives_late_is_never_lost(self, state: AttemptStatus) -> None:
        payment, attempt = having(state, failure_code="card_declined", failure_message="No.", failures=1)
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
    def test_is_booked_separately_and_published(self) -> None:
        payment = make.payment(status=_P.SUCCEEDED, attempts=2)
        change = changed(payment, make.attempt(number=2), APPROVED)
        assert booked(change) == [("unapplied", "CLEARING", "UNAPPLIED", 2599)]
        assert names(change) == ("payment.unapplied",)
        assert (change.payment.status, change.attempt.status) == (_P.SUCCEEDED, _A.SUCCEEDED)
        assert not change.attempt.is_applied

    def test_that_is_refunded_leaves_the_sale_as_it_is(self) -> None:
        payment = make.payment(status=_P.SUCCEEDED, attempts=2)
        attempt = make.attempt(number=2, status=_A.SUCCEEDED)
        change = changed(payment, attempt, Refunded("ref_2", PRICE))
        assert booked(change) == [("refund", "UNAPPLIED", "CLEARING", 2599)]
        assert (change.payment, change.events) == (payment, ())

    def test_of_an_old_amount_does_not_pay_the_new_one(self) -> None:
        """The buyer changed the quantity; the attempt with the old price was cancelled and still succeeded."""
        payment = make.payment(amount=PRICE * 2, attempts=2)
        change = changed(payment, make.attempt(status=_A.CANCELLED), APPROVED)
        assert booked(change) == [("unapplied", "CLEARING", "UNAPPLIED", 2599)]
        assert not change.payment.is_paid


class TestAnotherAmount:
    @pytest.mark.parametrize("received", [WRONG, PRICE * 2, Money(2599, "EUR"), Money(1, "USD")], ids=str)
    def test_is_an_integrity_failure_and_booked_separately(self, received: Money) -> None:
        change = changed(*having(_A.PENDING), Approved("ref_1", received))
        assert change.attempt.status is _A.INTEGRITY_FAILURE
        assert [(t.source.kind, t.target.kind, t.amount) for t in change.transfers] == [
            ("CLEARING", "UNAPPLIED", received)
        ]
        assert change.attempt.failure_code == change.payment.failure_code == INTEGRITY

    @pytest.mark.parametrize("received", [Money(0, "USD"), Money(-5, "USD")], ids=str)
    def test_that_is_none_books_nothing(self, received: Money) -> None:
        change = changed(*having(_A.PENDING), Approved("ref_1", received))
        assert (change.transfers, change.attempt.status) == ((), _A.INTEGRITY_FAILURE)

    @pytest.mark.parametrize("state", [*LIVE, _A.FAILED, _A.CANCELLED])
    def test_allows_no_further_attempt(self, state: AttemptStatus) -> None:
        """Money has left the buyer's account: a person decides what happens next."""
        assert changed(*having(state), CHEAPER).payment.attempts_left == 0

    def test_publishes_how_much_arrived(self) -> None:
        event = changed(*having(_A.PENDING), CHEAPER).events[0]
        fields = [getattr(event, name) for name in ("reason", "received", "received_currency", "amount")]
        assert fields == ["INTEGRITY", 2598, "USD", 2599]

    def test_of_an_earlier_attempt_lets_the_latest_one_still_fail_the_payment(self) -> None:
        """Whatever becomes of the payment, the outcome of its latest attempt must still reach the session."""
        _, attempt = having(_A.CANCELLED)
        change = changed(make.payment(attempts=2), attempt, CHEAPER)
        after = changed(change.payment, make.attempt(number=2), DECLINED)
        assert "payment.failed" in {*names(change), *names(after)}
        assert any(
            event.attempt_number == 2 for event in (*change.events, *after.events) if event.name == "payment.failed"
        )


class TestADecline:
    def test_is_published_with_its_reason_and_the_attempts_left(self) -> None:
        (event,) = changed(*having(_A.PENDING), DECLINED).events
        assert [getattr(event, name) for name in ("code", "message", "attempts_left")] == ["card_declined", "No.", 2]

    def test_counts(self) -> None:
        change = changed(*having(_A.PENDING, failures=2), DECLINED)
        assert (change.payment.failures, change.payment.attempts_left) == (3, 0)

    def test_keeps_the_reference_it_knew(self) -> None:
        attempt = make.attempt(reference="ref_0")
        change = changed(make.payment(), attempt, Declined(None, "refused", "No."))
        assert change.attempt.reference == "ref_0"


class TestARefund:
    def paid(self) -> tuple[Payment, Attempt]:
        return having(_A.SUCCEEDED)

    def test_books_what_the_total_grew_by(self) -> None:
        payment, attempt = self.paid()
        first = changed(payment, attempt, Refunded("ref_1", Money(1000, "USD")))
        second = changed(first.payment, first.attempt, Refunded("ref_1", Money(2599, "USD")))
        assert booked(first) == [("refund", "MERCHANT", "CLEARING", 1000)]
        assert booked(second) == [("refund", "MERCHANT", "CLEARING", 1599)]
        assert (first.payment.status, second.payment.status) == (_P.PARTIALLY_REFUNDED, _P.REFUNDED)
        assert first.transfers[0].key != second.transfers[0].key

    def test_that_is_repeated_or_out_of_date_books_nothing_twice(self) -> None:
        payment, attempt = self.paid()
        change = changed(payment, attempt, Refunded("ref_1", Money(2000, "USD")))
        assert apply_outcome(change.payment, change.attempt, Refunded("ref_1", Money(1000, "USD"))) is None
        assert apply_outcome(change.payment, change.attempt, Refunded("ref_1", Money(2000, "USD"))) is None

    def test_publishes_its_amount_and_the_total(self) -> None:
        payment, attempt = self.paid()
        first = changed(payment, attempt, Refunded("ref_1", Money(1000, "USD")))
        (event,) = changed(first.payment, first.attempt, Refunded("ref_1", Money(1500, "USD"))).events
        assert [getattr(event, name) for name in ("refund", "refunded")] == [500, 1500]

    @pytest.mark.parametrize("state", [*LIVE, _A.FAILED, _A.CANCELLED])
    def test_before_the_payment_succeeded_is_refused_for_now(self, state: AttemptStatus) -> None:
        with pytest.raises(NotYetSucceeded):
            apply_outcome(*having(state), Refunded("ref_1", PRICE))

    def test_of_an_integrity_failure_is_taken_from_unapplied_money(self) -> None:
        payment, attempt = having(_A.PENDING)
        mismatched = changed(payment, attempt, CHEAPER)
        back = changed(mismatched.payment, mismatched.attempt, Refunded("ref_1", WRONG))
        assert booked(back) == [("refund", "UNAPPLIED", "CLEARING", 2598)]
        assert back.payment.status is _P.FAILED

    def test_of_more_than_was_paid_never_counts_more_than_was_paid(self) -> None:
        """The row has a constraint, so counting more would refuse the provider's webhook forever."""
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


class TestAuthentication:
    def test_that_is_required_is_recorded(self) -> None:
        change = changed(*having(_A.PENDING), AUTHENTICATE)
        assert (change.attempt.requires_3ds, change.attempt.three_ds_status) == (True, "required")

    def test_that_passed_is_recorded(self) -> None:
        attempt = make.attempt(status=_A.REQUIRES_ACTION, requires_3ds=True, three_ds_status="required")
        passed = replace(APPROVED, facts={"three_d_secure": "passed"})
        change = changed(make.payment(status=_P.REQUIRES_ACTION), attempt, passed)
        assert (change.attempt.requires_3ds, change.attempt.three_ds_status) == (True, "passed")

    def test_that_is_not_required_is_not_recorded(self) -> None:
        assert not changed(*having(_A.UNKNOWN), CONFIRM).attempt.requires_3ds
