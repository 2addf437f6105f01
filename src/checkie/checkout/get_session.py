"""Retrieve a session, with its client secret."""

from __future__ import annotations

from checkie.checkout import sql
from checkie.checkout.model import NoSuchSession, Session
from checkie.db import Database, UnitOfWork
from checkie.kernel import refuses
from checkie.kernel.ids import SessionId
from checkie.web import caller


@refuses(NoSuchSession, caller.WrongSecret)
async def get_session(db: Database | UnitOfWork, session_id: SessionId, secret: str) -> Session:
    """The session, for a caller who has its client secret. One statement.

    Every request of a buyer reads its session here: an id alone opens nothing.
    """
    session = await sql.get_session(db, session_id)
    if not session.is_opened_by(secret):
        raise caller.WrongSecret
    return session
