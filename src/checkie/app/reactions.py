"""Who handles which event: one table. Each consumer handles each event once, in one transaction a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from checkie import objects
from checkie.checkout import follow as checkout
from checkie.checkout.events import SessionAbandoned, SessionExpired
from checkie.orders import follow as orders
from checkie.outbox import Dispatch, Event, Handlers, Reaction
from checkie.payments.events import (
    PaymentCancelled,
    PaymentCompleted,
    PaymentFailed,
    PaymentProcessing,
    PaymentRefunded,
    PaymentRequiresAction,
)


def public_events() -> list[str]:
    """The names of the events that merchants may subscribe to, in order."""
    return sorted({event.name for event in _all_events(Event) if event.public})


def _all_events(kind: type[Event]) -> list[type[Event]]:
    below = [found for child in kind.__subclasses__() for found in _all_events(child)]
    return [*below, *([kind] if "name" in vars(kind) else [])]


PROGRESS: Final[Handlers] = {
    PaymentCompleted: [checkout.on_payment_completed, orders.on_payment_completed],
    PaymentFailed: [checkout.on_payment_failed, orders.on_payment_failed],
    PaymentCancelled: [checkout.on_payment_cancelled],
    PaymentRequiresAction: [checkout.on_payment_requires_action],
    PaymentProcessing: [checkout.on_payment_processing],
    PaymentRefunded: [orders.on_payment_refunded],
    SessionExpired: [checkout.on_session_expired],
    SessionAbandoned: [checkout.on_session_abandoned],
}
_PROGRESS: Final = Dispatch(PROGRESS)

REACTIONS: Final[Mapping[str, Mapping[str, Sequence[Reaction]]]] = {
    "progress": {name: [_PROGRESS] for name in _PROGRESS.names},
    "merchants": {name: [objects.on_public_events] for name in public_events()},
}
