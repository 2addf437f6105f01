"""A browser opens a page, or returns to a session that it holds."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from checkie import catalog, checkout, stores
from checkie.catalog import NoSuchPage, Page
from checkie.checkout import Session, Status
from checkie.db import Database
from checkie.kernel import Refusal, refuses
from checkie.kernel.ids import SessionId
from checkie.storefront.model import BuyerCookie, SessionCredential
from checkie.storefront.stage import IN_PROGRESS, Stage, stage_of
from checkie.stores import NoSuchStore, Store
from checkie.web import Services, Visitor

_SLUG: Final = re.compile(r"[a-z0-9-]{1,68}")
_OUTCOME_PAUSES_S: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.4)


@dataclass(frozen=True, slots=True)
class StorePage:
    """A page and its store."""

    store: Store
    page: Page

    @property
    def path(self) -> str:
        """The page's address below the origin."""
        return f"/{self.store.slug}/{self.page.slug}"

    def session_path(self, session: SessionId) -> str:
        """The address of that session's page."""
        return f"{self.path}/{session}"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a session's page, as anybody may have written it."""

    store: str
    page: str
    session: str


@dataclass(frozen=True, slots=True)
class NewSession:
    """A new session; none for a bot or a prefetch. `paid` is an earlier session of this browser that is paid."""

    store_page: StorePage
    credential: SessionCredential | None
    paid: SessionId | None = None


@dataclass(frozen=True, slots=True)
class HeldSession:
    """A session that this browser holds, with its status."""

    store_page: StorePage
    status: Status
    stage: Stage
    secret: str = field(repr=False)

    @property
    def session(self) -> Session:
        """The session."""
        return self.status.session


async def find_page(services: Services, store_slug: str, page_slug: str) -> StorePage:
    """The published page at this address. Refuses with NoSuchStore or NoSuchPage."""
    return StorePage(*await checkout.find_page(services, store_slug, page_slug))


async def open_or_resume(
    services: Services, store_page: StorePage, cookie: BuyerCookie, visitor: Visitor | None
) -> NewSession | HeldSession:
    """The unfinished session of the page that this browser holds; else a new one, unless `visitor` is None."""
    now, paid = services.now(), None
    for credential in cookie.credentials:
        held = await _find(services.db, store_page, credential, now)
        if held and held.stage in (Stage.FORM, *IN_PROGRESS):
            return held
        if held and held.stage is Stage.PAID:
            paid = paid or credential.session
    if visitor is None:
        return NewSession(store_page, None)
    return NewSession(store_page, await open_session(services, store_page, visitor), paid)


async def open_session(services: Services, store_page: StorePage, visitor: Visitor) -> SessionCredential:
    """A new session of the page."""
    opened = await checkout.open_session(
        services.db, store_page.store, store_page.page, visitor, public_url=services.public_url, now=services.now()
    )
    return SessionCredential(opened.session.id, opened.client_secret)


@refuses(NoSuchStore, NoSuchPage, checkout.NoSuchSession, checkout.read_status)
async def resume(services: Services, address: Address, secret: str) -> HeldSession:
    """The session at that address, even of a page that is no longer published."""
    if not _SLUG.fullmatch(address.store):
        raise NoSuchStore
    store = await stores.get_by_slug(services.db, address.store)
    try:
        session = SessionId.parse(address.session, store=store.number)
    except ValueError:
        raise checkout.NoSuchSession from None
    status = await checkout.read_status(services.db, session, secret)
    page = await catalog.get_page(services.db, status.session.page)
    if page.slug != address.page:
        raise NoSuchPage
    return HeldSession(StorePage(store, page), status, stage_of(status, services.now()), secret)


async def await_outcome(services: Services, held: HeldSession) -> HeldSession:
    """The session with the payment's outcome if that arrives within a second and a half, else as it is then.

    A buyer who returns from a provider is often quicker than its webhook, and should not see a page that changes at
    once.
    """
    for pause_s in _OUTCOME_PAUSES_S:
        if held.stage not in (Stage.STARTED, Stage.ACTION_REQUIRED):
            break
        await asyncio.sleep(pause_s)
        status = await checkout.read_status(services.db, held.session.id, held.secret)
        held = replace(held, status=status, stage=stage_of(status, services.now()))
    return held


async def _find(
    db: Database, store_page: StorePage, credential: SessionCredential, now: datetime
) -> HeldSession | None:
    if credential.session.store != store_page.store.number:
        return None
    try:
        status = await checkout.read_status(db, credential.session, credential.secret)
    except Refusal:
        return None  # an old session, or a forged cookie
    if status.session.page != store_page.page.id:
        return None
    return HeldSession(store_page, status, stage_of(status, now), credential.secret)
