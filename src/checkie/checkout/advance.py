"""The one place where a session's status changes on account of its payment or its time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from checkie import outbox, payments
from checkie.checkout import sql
from checkie.checkout.model import PAYING, SESSION, Session, SessionStatus, SessionVerb
from checkie.db import UnitOfWork
from checkie.kernel.ids import SessionId
from checkie.payments import Attempt, Payment, PaymentStatus


class Transition(NamedTuple):
    """What is to happen to a session. With `attempt`, only if that is the attempt that it pays with."""

    session: SessionId
    verb: SessionVerb
    attempt: int | None = None


class _Deferred(NamedTuple):
    transition: Transition
    now: datetime


def advance(unit: UnitOfWork, transition: Transition, now: datetime) -> None:
    """Apply a transition before the unit commits, together with all others of the unit.

    It follows from a fact, and facts may be learned late or again. So whatever the order in which events are handled,
    the session agrees afterwards with its payment's present status, and every transition on the way is published.
    """
    unit.defer(_advance, [_Deferred(transition, now)])


async def _advance(unit: UnitOfWork, deferred: Sequence[_Deferred]) -> None:
    store, now = deferred[0].transition.session.store, deferred[-1].now
    ids = dict.fromkeys(transition.session for transition, _ in deferred)
    sessions = await sql.lock_many(unit, store, ids)
    wanted = [
        (session, verb)
        for (session, verb, attempt), _ in deferred
        if session in sessions and attempt in (None, sessions[session].attempt)
    ]
    changed = {session.id for session in outbox.advance(unit, SESSION, sessions, wanted, now)}
    found = await payments.latest_of(unit, store, [s.payment for s in sessions.values() if s.payment])
    missing = [
        (session.id, verb)
        for session in sessions.values()
        if session.payment and session.payment in found and (verb := verb_to_agree(session, *found[session.payment]))
    ]
    changed |= {session.id for session in outbox.advance(unit, SESSION, sessions, missing, now)}
    if changed:
        sql.write_many(unit, store, [sessions[session] for session in changed], now)


def verb_to_agree(session: Session, payment: Payment, attempt: Attempt) -> SessionVerb | None:
    """What has yet to happen to the session for its status to agree with its payment's present status."""
    if payment.is_paid:
        return None if session.status is SessionStatus.COMPLETED else SessionVerb.SUCCEED
    if session.status not in PAYING or session.attempt != attempt.number:
        return None
    if payment.status is PaymentStatus.FAILED:
        return SessionVerb.DECLINE if payment.attempts_left > 0 else SessionVerb.EXHAUST
    return _AGREES.get((session.status, payment.status))


_AGREES: Final = {
    (SessionStatus.PROCESSING, PaymentStatus.CANCELLED): SessionVerb.CANCEL_PAYMENT,
    (SessionStatus.AWAITING_ACTION, PaymentStatus.CANCELLED): SessionVerb.CANCEL_PAYMENT,
    (SessionStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION): SessionVerb.NEED_ACTION,
    (SessionStatus.AWAITING_ACTION, PaymentStatus.PROCESSING): SessionVerb.ACT,
}
