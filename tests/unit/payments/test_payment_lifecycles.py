"""The lifecycles of payments and attempts, as tables."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

import pytest

from checkie.payments import AttemptStatus, PaymentStatus
from checkie.payments.model import ATTEMPT, LIVE, PAYMENT, IllegalPaymentTransition, next_check_at
from tests import make
from tests.make import START
from tests.play import pairs, play


class TestPayment:
    def test_is_paid_and_refunded_in_parts(self) -> None:
        play(
            PAYMENT,
            """
            refund_rest  !  payment_illegal_transition   # nothing was paid yet
            process      -> PROCESSING
            need_action  -> REQUIRES_ACTION
            succeed      -> SUCCEEDED
            succeed      !  payment_illegal_transition   # not twice
            fail         !  payment_illegal_transition
            cancel       !  payment_illegal_transition
            retry        !  payment_illegal_transition
            refund_part  -> PARTIALLY_REFUNDED
            refund_part  -> PARTIALLY_REFUNDED
            refund_rest  -> REFUNDED
            refund_part  !  payment_illegal_transition   # there is nothing left
            succeed      !  payment_illegal_transition
            """,
        )

    def test_may_be_tried_again(self) -> None:
        play(
            PAYMENT,
            """
            retry        !  payment_illegal_transition   # one attempt at a time
            fail         -> FAILED
            fail         !  payment_illegal_transition
            retry        -> PENDING
            need_action  -> REQUIRES_ACTION
            cancel       -> CANCELLED
            retry        -> PENDING
            """,
        )

    @pytest.mark.parametrize("state", [PaymentStatus.FAILED, PaymentStatus.CANCELLED])
    def test_may_succeed_late(self, state: PaymentStatus) -> None:
        play(PAYMENT, "succeed -> SUCCEEDED", state=state)

    @pytest.mark.parametrize(("state", "verb"), pairs(PAYMENT))
    def test_refuses_every_pair_that_the_table_lacks(self, state: StrEnum, verb: str) -> None:
        allowed = (state, verb) in PAYMENT.transitions
        assert PAYMENT.allows(state, verb) == allowed  # type: ignore[arg-type]  # of its own states
        if not allowed:
            with pytest.raises(IllegalPaymentTransition):
                PAYMENT.next(state, verb)  # type: ignore[arg-type]  # as above

    @pytest.mark.parametrize(
        ("state", "is_paid"),
        [(state, state in {"SUCCEEDED", "PARTIALLY_REFUNDED", "REFUNDED"}) for state in PaymentStatus],
    )
    def test_is_paid_even_if_refunded_since(self, state: PaymentStatus, is_paid: bool) -> None:
        assert make.payment(status=state).is_paid == is_paid

    def test_may_fail_three_times(self) -> None:
        assert [make.payment(failures=failures).attempts_left for failures in range(4)] == [3, 2, 1, 0]

    def test_knows_its_fee(self) -> None:
        assert make.payment(fee_bps=290).fee.minor == 75
        assert make.payment(fee_bps=0).fee.minor == 0


class TestAttempt:
    def test_may_become_unknown_and_known_again(self) -> None:
        play(
            ATTEMPT,
            """
            mark_unknown  -> UNKNOWN
            mark_unknown  !  payment_illegal_transition
            await_buyer  -> PENDING
            await_buyer  -> PENDING
            need_action  -> REQUIRES_ACTION
            await_buyer  !  payment_illegal_transition   # out of date
            mark_unknown  !  payment_illegal_transition   # silence does not undo what is known
            process      -> PROCESSING
            succeed      -> SUCCEEDED
            flag_mismatch !  payment_illegal_transition
            fail         !  payment_illegal_transition
            """,
        )

    @pytest.mark.parametrize("state", [*LIVE, AttemptStatus.FAILED, AttemptStatus.CANCELLED])
    def test_may_succeed_or_be_flagged_however_late(self, state: AttemptStatus) -> None:
        play(ATTEMPT, "succeed -> SUCCEEDED", state=state)
        play(ATTEMPT, "flag_mismatch -> INTEGRITY_FAILURE", state=state)

    @pytest.mark.parametrize("state", [AttemptStatus.SUCCEEDED, AttemptStatus.INTEGRITY_FAILURE])
    def test_that_has_money_is_final(self, state: AttemptStatus) -> None:
        assert not [verb for verb in {verb for _, verb in ATTEMPT.transitions} if ATTEMPT.allows(state, verb)]

    @pytest.mark.parametrize(("state", "verb"), pairs(ATTEMPT))
    def test_refuses_every_pair_that_the_table_lacks(self, state: StrEnum, verb: str) -> None:
        if (state, verb) not in ATTEMPT.transitions:
            with pytest.raises(IllegalPaymentTransition):
                ATTEMPT.next(state, verb)  # type: ignore[arg-type]  # of its own states

    @pytest.mark.parametrize("state", AttemptStatus)
    def test_is_live_while_it_can_still_succeed(self, state: AttemptStatus) -> None:
        assert make.attempt(status=state).is_live == (state in {"PENDING", "REQUIRES_ACTION", "PROCESSING", "UNKNOWN"})


class TestTheNextCheck:
    def test_is_after_5_s_30_s_5_min_1_h_and_then_daily(self) -> None:
        waits = [next_check_at(checks, START) - START for checks in range(7)]
        assert waits == [
            timedelta(seconds=5),
            timedelta(seconds=30),
            timedelta(minutes=5),
            timedelta(hours=1),
            *[timedelta(days=1)] * 3,
        ]
