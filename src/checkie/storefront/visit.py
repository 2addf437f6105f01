"""A browser comes to a page, or back to the session that it holds."""

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
from checkie.storefront.model import Ticket, Wallet
from checkie.storefront.stage import UNDER_WAY, Stage, stage_of
from checkie.stores import NoSuchStore, Store
from checkie.web import Services, Visitor

_PATIENCE_S: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.4)
_SLUG: Final = re.compile(r"[a-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class Place:
    """A page and the store that it is of."""

    store: Store
    page: Page

    @property
    def path(self) -> str:
        """Where the page is, below the origin."""
        return f"/{self.store.slug}/{self.page.slug}"

    def session_path(self, session: SessionId) -> str:
        """Where the page of that session is."""
        return f"{self.path}/{session}"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a session's page, as texts that anybody may have written."""

    store: str
    page: str
    session: str


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new session; none for a machine, which buys nothing. `paid` is what this browser bought here before."""

    place: Place
    ticket: Ticket | None
    paid: SessionId | None = None


@dataclass(frozen=True, slots=True)
class Back:
    """A session that this browser holds, as it stands."""

    place: Place
    status: Status
    stage: Stage
    secret: str = field(repr=False)

    @property
    def session(self) -> Session:
        """The session."""
        return self.status.session


async def find_place(services: Services, store_slug: str, page_slug: str) -> Place:
    """The published page at this address. Refuses with NoSuchStore or NoSuchPage."""
    return Place(*await checkout.find_page(services, store_slug, page_slug))


async def visit(services: Services, place: Place, wallet: Wallet, visitor: Visitor | None) -> Fresh | Back:
    """The session that this browser holds for the page, if it lives; else a new one, unless `visitor` is None."""
    now, paid = services.now(), None
    for ticket in wallet.tickets:
        back = await _find(services.db, place, ticket, now)
        if back and back.stage in (Stage.FORM, *UNDER_WAY):
            return back
        if back and back.stage is Stage.PAID:
            paid = paid or ticket.session
    if visitor is None:
        return Fresh(place, None)
    return Fresh(place, await open_ticket(services, place, visitor), paid)


async def open_ticket(services: Services, place: Place, visitor: Visitor) -> Ticket:
    """A new session of the page."""
    opened = await checkout.open_session(
        services.db, place.store, place.page, visitor, public_url=services.public_url, now=services.now()
    )
    return Ticket(opened.session.id, opened.client_secret)


@refuses(NoSuchStore, NoSuchPage, checkout.NoSuchSession, checkout.read_status)
async def come_back(services: Services, address: Address, secret: str) -> Back:
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
    return Back(Place(store, page), status, stage_of(status, services.now()), secret)


async def settle(services: Services, back: Back) -> Back:
    """The same a moment later, if news is on its way. Takes a second and a half at most.

    Who comes back from a provider is often quicker than its webhook, and should not see a page that is gone at once.
    """
    for pause_s in _PATIENCE_S:
        if back.stage not in (Stage.BEGUN, Stage.ACTION):
            break
        await asyncio.sleep(pause_s)
        status = await checkout.read_status(services.db, back.session.id, back.secret)
        back = replace(back, status=status, stage=stage_of(status, services.now()))
    return back


async def _find(db: Database, place: Place, ticket: Ticket, now: datetime) -> Back | None:
    if ticket.session.store != place.store.number:
        return None
    try:
        status = await checkout.read_status(db, ticket.session, ticket.secret)
    except Refusal:
        return None  # an old ticket, or one that somebody made up
    if status.session.page != place.page.id:
        return None
    return Back(place, status, stage_of(status, now), ticket.secret)
