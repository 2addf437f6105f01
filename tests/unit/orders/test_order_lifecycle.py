"""The lifecycle of an order, as a table."""

from __future__ import annotations

from enum import StrEnum

import pytest

from checkie.orders import OrderStatus
from checkie.orders.model import ORDER, IllegalOrderMove
from tests.play import pairs, play


class TestOrder:
    def test_is_paid_and_goes_back_in_parts(self) -> None:
        play(
            ORDER,
            """
            refund_part  !  order_illegal_move
            complete     -> COMPLETED
            complete     !  order_illegal_move
            fail         !  order_illegal_move
            cancel       !  order_illegal_move   # its session expires, but it is paid
            refund_part  -> PARTIALLY_REFUNDED
            refund_rest  -> REFUNDED
            refund_rest  !  order_illegal_move
            """,
        )

    @pytest.mark.parametrize("end", ["fail", "cancel"])
    def test_that_has_ended_is_completed_by_money_that_comes_late(self, end: str) -> None:
        state, _ = ORDER.move(OrderStatus.PENDING, end)
        play(ORDER, "complete -> COMPLETED", state=state)

    @pytest.mark.parametrize(("state", "verb"), pairs(ORDER))
    def test_refuses_every_pair_that_the_table_lacks(self, state: StrEnum, verb: str) -> None:
        if (state, verb) not in ORDER.moves:
            with pytest.raises(IllegalOrderMove):
                ORDER.move(state, verb)  # type: ignore[arg-type]  # of its own states
