"""The status of a session and its payment."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checkie.checkout.get_session import get_session
from checkie.checkout.model import OVER, Session, SessionStatus
from checkie.checkout.quote import Quote
from checkie.db import Database
from checkie.kernel import refuses
from checkie.kernel.ids import SessionId
from checkie.orders import queries as orders
from checkie.payments import Attempt, Payment, find_latest

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Status:
    """A session with its payment and latest attempt, if it has started to pay."""

    session: Session
    payment: Payment | None
    attempt: Attempt | None

    @property
    def attempts_left(self) -> int:
        """How many attempts the buyer has left."""
        if self.session.status in (*OVER, SessionStatus.COMPLETED):
            return 0
        return self.payment.attempts_left if self.payment else _TRIES


@refuses(get_session)
async def read_status(db: Database, session_id: SessionId, secret: str) -> Status:
    """The status of the session with this client secret. One or two statements."""
    return await status_of(db, await get_session(db, session_id, secret))


async def status_of(db: Database, session: Session) -> Status:
    """The status of a session that the caller is known to be allowed to see."""
    found = await find_latest(db, session.payment) if session.payment else None
    if found and found[0].is_paid and found[0].amount != session.quote.total:
        session = await _as_paid(db, session, found[0])
    return Status(session, *(found or (None, None)))


async def _as_paid(db: Database, session: Session, payment: Payment) -> Session:
    """The session with what was paid: its buyer changed it before an earlier attempt succeeded late."""
    order = (await orders.list_by_ids(db, session.id.store, [payment.order])).get(payment.order)
    return replace(session, quote=Quote.of_json(order.quote, order.total.currency)) if order else session
