"""The table of reactions names only what exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from checkie.app import reactions
from checkie.app.reactions import REACTIONS, move_orders, move_sessions, public_events
from checkie.checkout.model import PAYING, SESSION
from checkie.orders.model import ORDER
from checkie.outbox import Event

# Every body that a verb may depend on.
BODIES: Final[tuple[Mapping[str, Any], ...]] = tuple(
    {"attempts_left": left, "refunded": refunded, "amount": 2599, "reason": reason}
    for left in (0, 1, 2)
    for refunded in (0, 1, 2599)
    for reason in ("TIME", "ATTEMPTS")
)


def known() -> dict[str, type[Event]]:
    def below(kind: type[Event]) -> list[type[Event]]:
        return [kind, *(found for child in kind.__subclasses__() for found in below(child))]

    return {kind.name: kind for kind in below(Event) if "name" in vars(kind)}


def verbs(table: Mapping[str, Any], name: str) -> set[str]:
    return {verb for body in BODIES if (verb := table[name](body))}


class TestReactions:
    @pytest.mark.parametrize("consumer", REACTIONS)
    def test_are_to_events_that_exist(self, consumer: str) -> None:
        assert set(REACTIONS[consumer]) <= set(known())

    def test_of_sessions_are_moves_that_exist(self) -> None:
        table = reactions._SESSION_VERBS
        allowed = {verb for _, verb in SESSION.moves}
        for name in table:
            assert verbs(table, name) <= allowed

    def test_of_orders_are_moves_that_exist(self) -> None:
        table = reactions._ORDER_VERBS
        allowed = {verb for _, verb in ORDER.moves}
        for name in table:
            assert verbs(table, name) <= allowed

    def test_of_sessions_are_those_of_paying(self) -> None:
        """What a payment's event moves must be possible for a session that pays."""
        for name in reactions._SESSION_VERBS:
            for verb in verbs(reactions._SESSION_VERBS, name):
                assert any(SESSION.allows(state, verb) for state in PAYING), (name, verb)

    def test_say_for_every_event_what_follows(self) -> None:
        for name, does in REACTIONS["progress"].items():
            assert (move_sessions in does) == (name in reactions._SESSION_VERBS)
            assert (move_orders in does) == (name in reactions._ORDER_VERBS)

    def test_are_in_the_order_session_then_order(self) -> None:
        for does in REACTIONS["progress"].values():
            assert list(does) in ([move_sessions], [move_orders], [move_sessions, move_orders])

    def test_queue_every_public_event_for_merchants(self) -> None:
        assert set(REACTIONS["merchants"]) == {name for name, kind in known().items() if kind.public}
        assert {"payment.completed", "payment.failed", "customer.created"} <= set(public_events())

    def test_name_every_public_event_once(self) -> None:
        assert len(public_events()) == len(set(public_events()))

    @pytest.mark.parametrize(
        ("left", "session", "order"), [(2, "decline", None), (1, "decline", None), (0, "exhaust", "fail")]
    )
    def test_to_a_failure_depend_on_the_tries_left(self, left: int, session: str, order: str | None) -> None:
        body = {"attempts_left": left}
        assert reactions._SESSION_VERBS["payment.failed"](body) == session
        assert reactions._ORDER_VERBS["payment.failed"](body) == order

    @pytest.mark.parametrize(("refunded", "verb"), [(1, "refund_part"), (2598, "refund_part"), (2599, "refund_rest")])
    def test_to_a_refund_depend_on_the_sum(self, refunded: int, verb: str) -> None:
        assert reactions._ORDER_VERBS["payment.refunded"]({"refunded": refunded, "amount": 2599}) == verb
