"""The one place where an order's status changes."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from checkie import outbox, payments
from checkie.db import UnitOfWork
from checkie.kernel.ids import OrderId
from checkie.orders import sql
from checkie.orders.model import ORDER, OrderVerb, verbs_to_agree


class _Transition(NamedTuple):
    order: OrderId
    verb: OrderVerb
    now: datetime


def advance(unit: UnitOfWork, order: OrderId, verb: OrderVerb, now: datetime) -> None:
    """Apply a transition before the unit commits, together with all others of the unit.

    It follows from an event, and events may be handled late or again. So whatever the order of the events, the status
    agrees afterwards with the present status of the order's payment, and every transition on the way is published.
    """
    unit.defer(_advance, [_Transition(order, verb, now)])


async def _advance(unit: UnitOfWork, transitions: list[_Transition]) -> None:
    store, now = transitions[0].order.store, transitions[-1].now
    orders = await sql.lock_many(unit, store, dict.fromkeys(transition.order for transition in transitions))
    wanted = [(order, verb) for order, verb, _ in transitions if order in orders]
    changed = {order.id for order in outbox.advance(unit, ORDER, orders, wanted, now)}
    found = await payments.latest_of(unit, store, [order.payment for order in orders.values()])
    missing = [
        (order.id, verb)
        for order in list(orders.values())
        if order.payment in found
        for verb in verbs_to_agree(order, found[order.payment][0])
    ]
    changed |= {order.id for order in outbox.advance(unit, ORDER, orders, missing, now)}
    if changed:
        sql.write_many(unit, store, [orders[order] for order in changed], now)
