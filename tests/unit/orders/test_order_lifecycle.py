"""The lifecycle of an order, as a table."""

from __future__ import annotations

import pytest

from checkie.orders import OrderStatus, OrderVerb
from checkie.orders.model import ORDER, IllegalOrderTransition, Order, verbs_to_agree
from checkie.payments import PaymentStatus
from tests import make
from tests.play import pairs, play


class TestOrder:
    def test_is_paid_and_refunded_in_parts(self) -> None:
        play(
            ORDER,
            """
            refund_part  !  order_illegal_transition
            complete     -> COMPLETED
            complete     !  order_illegal_transition
            fail         !  order_illegal_transition
            cancel       !  order_illegal_transition   # its session expires, but it is paid
            refund_part  -> PARTIALLY_REFUNDED
            refund_rest  -> REFUNDED
            refund_rest  !  order_illegal_transition
            """,
        )

    @pytest.mark.parametrize("end", [OrderVerb.FAIL, OrderVerb.CANCEL])
    def test_that_has_ended_is_completed_by_money_that_comes_late(self, end: OrderVerb) -> None:
        state, _ = ORDER.next(OrderStatus.PENDING, end)
        play(ORDER, "complete -> COMPLETED", state=state)

    @pytest.mark.parametrize(("state", "verb"), pairs(ORDER))
    def test_refuses_every_pair_that_the_table_lacks(self, state: OrderStatus, verb: OrderVerb) -> None:
        if (state, verb) not in ORDER.transitions:
            with pytest.raises(IllegalOrderTransition):
                ORDER.next(state, verb)


class TestAgreeingWithThePayment:
    def verbs(self, order: OrderStatus, payment: PaymentStatus, failures: int = 0) -> list[str]:
        ids, session = make.payment(), make.session().id
        found = Order(ids.order, session, ids.id, order, 1, 2599, "USD")
        return list(verbs_to_agree(found, make.payment(status=payment, failures=failures)))

    @pytest.mark.parametrize(
        ("order", "payment", "verbs"),
        [
            (OrderStatus.PENDING, PaymentStatus.SUCCEEDED, ["complete"]),
            (OrderStatus.PENDING, PaymentStatus.REFUNDED, ["complete", "refund_rest"]),
            (OrderStatus.CANCELLED, PaymentStatus.PARTIALLY_REFUNDED, ["complete", "refund_part"]),
            (OrderStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED, ["refund_rest"]),
            (OrderStatus.REFUNDED, PaymentStatus.REFUNDED, []),
            (OrderStatus.REFUNDED, PaymentStatus.SUCCEEDED, []),
            (OrderStatus.CANCELLED, PaymentStatus.CANCELLED, []),
            (OrderStatus.PENDING, PaymentStatus.PROCESSING, []),
        ],
    )
    def test_goes_through_every_status_on_the_way(
        self, order: OrderStatus, payment: PaymentStatus, verbs: list[str]
    ) -> None:
        assert self.verbs(order, payment) == verbs

    @pytest.mark.parametrize(("failures", "verbs"), [(2, []), (3, ["fail"])])
    def test_fails_once_no_attempt_is_left(self, failures: int, verbs: list[str]) -> None:
        assert self.verbs(OrderStatus.PENDING, PaymentStatus.FAILED, failures) == verbs
