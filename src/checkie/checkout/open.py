"""Open a session for a page."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checkie.catalog import Page
from checkie.checkout import sql
from checkie.checkout.model import Session, SessionStatus, hash_secret
from checkie.checkout.quote import quote_page
from checkie.db import Database
from checkie.kernel import refuses
from checkie.kernel.ids import SessionId
from checkie.stores import ProviderNotAllowed, Store
from checkie.web import Visitor


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session and its client secret, which is returned once and stored as a hash."""

    session: Session
    client_secret: str = field(repr=False)


@refuses(ProviderNotAllowed)
async def open_session(
    db: Database, store: Store, page: Page, visitor: Visitor, *, public_url: str, now: datetime
) -> Opened:
    """A new session with a frozen quote. One statement."""
    store.check_provider(page.provider)
    secret = secrets.token_urlsafe(32)
    session_id = SessionId.new(page.store, now)
    session = Session(
        id=session_id,
        page=page.id,
        secret_hash=hash_secret(secret),
        status=SessionStatus.OPEN,
        version=1,
        email=None,
        quote=quote_page(page),
        provider=page.provider,
        fee_bps=store.fee_bps,
        payment=None,
        order=None,
        attempt=0,
        return_url=f"{public_url}/{store.slug}/{page.slug}/{session_id}",
        seq=0,
        abandoned_s=page.session_abandoned_s,
        expires_at=now + timedelta(seconds=page.session_expires_s),
    )
    await sql.insert(db, session, visitor.as_json(), now)
    return Opened(session, secret)
