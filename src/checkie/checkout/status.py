"""The status of a session and its payment."""

from __future__ import annotations

from dataclasses import dataclass

from checkie.checkout.get_session import get_session
from checkie.checkout.model import OVER, Session, SessionStatus
from checkie.db import Database
from checkie.kernel import refuses
from checkie.kernel.ids import SessionId
from checkie.payments import Attempt, Payment, latest_of

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Status:
    """A session with its payment and latest attempt, if it has begun to pay."""

    session: Session
    payment: Payment | None
    attempt: Attempt | None

    @property
    def attempts_left(self) -> int:
        """How often the buyer may still try."""
        if self.session.status in (*OVER, SessionStatus.COMPLETED):
            return 0
        return self.payment.attempts_left if self.payment else _TRIES


@refuses(get_session)
async def read_status(db: Database, session_id: SessionId, secret: str) -> Status:
    """The status of the session with this client secret. One or two statements."""
    session = await get_session(db, session_id, secret)
    found = await latest_of(db, session_id) if session.payment else None
    return Status(session, *(found or (None, None)))
