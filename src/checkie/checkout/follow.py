"""What sessions do on the events of payments, and what orders do on those of sessions."""

from __future__ import annotations

from datetime import datetime

from checkie import orders
from checkie.checkout.advance import Transition, advance
from checkie.checkout.events import SessionAbandoned, SessionExpired
from checkie.checkout.model import SessionVerb
from checkie.db import UnitOfWork
from checkie.kernel.ids import OrderId, SessionId
from checkie.orders import OrderVerb
from checkie.payments.events import (
    PaymentCancelled,
    PaymentCompleted,
    PaymentEvent,
    PaymentFailed,
    PaymentProcessing,
    PaymentRequiresAction,
)


async def on_payment_completed(unit: UnitOfWork, event: PaymentCompleted, now: datetime) -> None:
    """The session is completed, whichever of its attempts succeeded."""
    if event.session:
        advance(unit, Transition(SessionId(event.session), SessionVerb.SUCCEED), now)


async def on_payment_failed(unit: UnitOfWork, event: PaymentFailed, now: datetime) -> None:
    """The buyer may try again, until the last attempt has failed."""
    _advance(unit, event, SessionVerb.DECLINE if event.attempts_left else SessionVerb.EXHAUST, now)


async def on_payment_cancelled(unit: UnitOfWork, event: PaymentCancelled, now: datetime) -> None:
    """The buyer may change something and pay again."""
    _advance(unit, event, SessionVerb.CANCEL_PAYMENT, now)


async def on_payment_requires_action(unit: UnitOfWork, event: PaymentRequiresAction, now: datetime) -> None:
    """The session waits for the buyer to authenticate."""
    _advance(unit, event, SessionVerb.NEED_ACTION, now)


async def on_payment_processing(unit: UnitOfWork, event: PaymentProcessing, now: datetime) -> None:
    """The buyer has authenticated, and the provider is at work."""
    _advance(unit, event, SessionVerb.ACT, now)


async def on_session_expired(unit: UnitOfWork, event: SessionExpired, now: datetime) -> None:
    """The order of a session that ended unpaid fails with its last attempt, or is cancelled with its time."""
    if event.order:
        is_spent = event.reason == "ATTEMPTS"
        orders.advance(unit, OrderId(event.order), OrderVerb.FAIL if is_spent else OrderVerb.CANCEL, now)


async def on_session_abandoned(unit: UnitOfWork, event: SessionAbandoned, now: datetime) -> None:
    """The order of a session that its buyer left is cancelled."""
    if event.order:
        orders.advance(unit, OrderId(event.order), OrderVerb.CANCEL, now)


def _advance(unit: UnitOfWork, event: PaymentEvent, verb: SessionVerb, now: datetime) -> None:
    if event.session:
        advance(unit, Transition(SessionId(event.session), verb, event.attempt_number), now)
