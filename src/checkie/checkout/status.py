"""The status of a session and its payment."""

from __future__ import annotations

from dataclasses import dataclass

from checkie.checkout import sql
from checkie.checkout.model import OVER, Session, SessionStatus
from checkie.db import Database
from checkie.kernel.ids import SessionId
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


async def read_status(db: Database, session_id: SessionId, secret: str | None) -> Status:
    """The session's status. A secret need not be given, but a wrong one is refused. One or two statements."""
    session = await sql.get_session(db, session_id)
    if secret is not None:
        session.authorize(secret)
    found = await find_latest(db, session.payment) if session.payment else None
    return Status(session, *(found or (None, None)))
