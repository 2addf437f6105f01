"""Who reacts to what: one table. Each consumer does each event once; its reactions run in one transaction a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from checkie import checkout, orders, stores, webhooks
from checkie.db import UnitOfWork
from checkie.kernel.ids import OrderId, SessionId
from checkie.outbox import Event, Reaction, Recorded


async def move_sessions(unit: UnitOfWork, store: int, events: Sequence[Recorded], now: datetime) -> None:
    """A session goes where its payment goes."""
    moves = [
        checkout.Move(
            SessionId(event.body["session"]), verb, None if verb == "succeed" else event.body["attempt_number"]
        )
        for event in events
        if event.body["session"]
        for verb in [_SESSION_VERBS[event.name](event.body)]
    ]
    await checkout.advance(unit, store, moves, now)


async def move_orders(unit: UnitOfWork, store: int, events: Sequence[Recorded], now: datetime) -> None:
    """An order goes where its payment or its session goes."""
    moves = [
        orders.Move(OrderId(event.body["order"]), verb)
        for event in events
        if event.body["order"] and (verb := _ORDER_VERBS[event.name](event.body))
    ]
    if moves:
        await orders.advance(unit, store, moves, now)


async def tell_merchants(unit: UnitOfWork, store: int, events: Sequence[Recorded], now: datetime) -> None:
    """Public events go to the store's endpoints."""
    owner = await stores.get(unit, store)
    items = [
        webhooks.Item(
            store_id=owner.id,
            event_id=event.id,
            type=event.name,
            data=event.body,
            at=event.at,
            resource=str(event.aggregate),
        )
        for event in events
    ]
    await webhooks.enqueue_all(unit, store=store, items=items, now=now)


def _always(verb: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda _: verb


def _after_failure(body: Mapping[str, Any]) -> str:
    return "decline" if body["attempts_left"] else "exhaust"


def _order_after_failure(body: Mapping[str, Any]) -> str | None:
    return None if body["attempts_left"] else "fail"


def _order_after_expiry(body: Mapping[str, Any]) -> str:
    return "fail" if body["reason"] == "ATTEMPTS" else "cancel"


def _after_refund(body: Mapping[str, Any]) -> str:
    return "refund_rest" if body["refunded"] >= body["amount"] else "refund_part"


_SESSION_VERBS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "payment.completed": _always("succeed"),
    "payment.failed": _after_failure,
    "payment.cancelled": _always("withdraw"),
    "payment.requires_action": _always("need_action"),
    "payment.processing": _always("act"),
}
_ORDER_VERBS: Final[Mapping[str, Callable[[Mapping[str, Any]], str | None]]] = {
    "payment.completed": _always("complete"),
    "payment.failed": _order_after_failure,
    "payment.refunded": _after_refund,
    "session.expired": _order_after_expiry,
    "session.abandoned": _always("cancel"),
}


def public_events() -> list[str]:
    """The names of the events that merchants may subscribe to, in order."""
    return sorted({event.name for event in _all_events(Event) if event.public})


def _all_events(kind: type[Event]) -> list[type[Event]]:
    below = [found for child in kind.__subclasses__() for found in _all_events(child)]
    return [*below, *([kind] if "name" in vars(kind) else [])]


REACTIONS: Final[Mapping[str, Mapping[str, Sequence[Reaction]]]] = {
    "progress": {
        "payment.completed": [move_sessions, move_orders],
        "payment.failed": [move_sessions, move_orders],
        "payment.cancelled": [move_sessions],
        "payment.requires_action": [move_sessions],
        "payment.processing": [move_sessions],
        "payment.refunded": [move_orders],
        "session.expired": [move_orders],
        "session.abandoned": [move_orders],
    },
    "merchants": {name: [tell_merchants] for name in public_events()},
}
