"""The one place a session changes state on account of its payment or its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from checkie.checkout import sql
from checkie.checkout.events import SessionEvent, SessionExpired
from checkie.checkout.model import PAYING, SESSION, Session, SessionStatus
from checkie.db import UnitOfWork
from checkie.kernel.ids import SessionId
from checkie.outbox import publish
from checkie.payments import Attempt, Payment, PaymentStatus


@dataclass(frozen=True, slots=True)
class Move:
    """What is to happen to a session. With `attempt`, only while that is the attempt it is paying with."""

    session: SessionId
    verb: str
    attempt: int | None = None

    @classmethod
    def after(cls, payment: Payment, attempt: Attempt) -> Move | None:
        """What follows for the session from how its payment stands; None while that is open."""
        if payment.session is None:
            return None
        if payment.is_paid:
            return cls(payment.session, "succeed")
        if payment.status is PaymentStatus.FAILED:
            return cls(payment.session, "decline" if payment.attempts_left > 0 else "exhaust", attempt.number)
        if payment.status is PaymentStatus.CANCELLED:
            return cls(payment.session, "withdraw", attempt.number)
        return None


async def advance(unit: UnitOfWork, number: int, moves: Sequence[Move], now: datetime) -> None:
    """Lock, decide, write and publish, for sessions of one store in the caller's transaction: three statements in all.

    The moves follow from facts (a payment succeeded, time passed), so one that the table lacks, or that tells of an
    earlier attempt, is old news and changes nothing.
    """
    stands = dict(await sql.lock_many(unit, number, [move.session.uuid for move in moves]))
    changed: dict[SessionId, Session] = {}
    for move in moves:
        session = stands.get(move.session.uuid)
        moved = session and step(session, move)
        if moved is None or session is None:
            continue
        if moved.seq > session.seq:
            publish(unit, moved.id, _news(moved, move.verb), after=session.seq, now=now)
        stands[move.session.uuid] = changed[move.session] = moved
    if changed:
        await sql.write_many(unit, number, [(s, _due_at(s, now)) for _, s in sorted(changed.items())], now)


def step(session: Session, move: Move) -> Session | None:
    """The session after `move`; None when the move is old news."""
    verb = move.verb
    if move.attempt is not None and move.attempt != session.attempt:
        return None
    if verb == "succeed" and session.status not in PAYING:
        verb = "succeed_late"
    if not SESSION.allows(session.status, verb):
        return None
    status, event = SESSION.move(session.status, verb)
    return replace(session, status=status, seq=session.seq + (event is not None))


def _due_at(session: Session, now: datetime) -> datetime | None:
    if session.status is SessionStatus.OPEN:
        return session.due_at(now)
    return session.expires_at if session.status in PAYING else None


def _news(session: Session, verb: str) -> SessionEvent:
    event = _EVENTS[session.status]
    facts: dict[str, str | None] = {
        "session": session.id,
        "page": session.page,
        "payment": session.payment,
        "order": session.order,
        "email": session.email,
    }
    if event is SessionExpired:
        facts["reason"] = "ATTEMPTS" if verb == "exhaust" else "TIME"
    return event(**facts)  # type: ignore[arg-type]  # the facts are those of the event's class


_EVENTS: Final = {status: event for status, event in SESSION.moves.values() if event is not None}
