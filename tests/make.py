"""Factories: what a test needs, valid by default; name by keyword what is to differ.

Tests that use a database make a store of their own (`make.store`, `make.merchant`) and never clean up.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final

from checkie import catalog, checkout, ledger, stores, webhooks
from checkie.app.worker import Worker
from checkie.catalog import NewPage, Pricing
from checkie.checkout import Session, SessionStatus
from checkie.checkout.open import Opened
from checkie.checkout.pay import PaymentStarted
from checkie.checkout.quote import Quote
from checkie.db import Database
from checkie.db.statements import STATEMENTS
from checkie.kernel import Keyring, Money
from checkie.kernel.ids import AttemptId, OrderId, PageId, PaymentId, SessionId
from checkie.payments import Attempt, AttemptStatus, Payment, PaymentStatus
from checkie.payments.port import Outcome, Providers
from checkie.payments.receive import receive
from checkie.stores import StoreMode
from checkie.web import Services, Visitor
from tests.fakes import FakeProvider, Reported, Subject

START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRICE: Final = Money(2599, "USD")
KEYRING: Final = Keyring("k1", {"k1": b"k" * 32})
STORE: Final = 7
"""The store of what is made without a database."""
_numbers = itertools.count(1)
_DRAINS: Final = 500
AHEAD: Final = "select exists (select from outbox.event where xid >= pg_snapshot_xmin(pg_current_snapshot()))"
"""Whether there are events that cannot be read yet, because an older transaction is still open."""


@dataclass
class Clock:
    """The time, set by the test: `clock()` is now, `clock.tick(minutes=5)` lets time pass."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def tick(self, **wait: float) -> datetime:
        self.now += timedelta(**wait)
        return self.now


def services(db: Database, clock: Clock | None = None, **different: Any) -> Services:
    """The services of a process over this database."""
    plain: dict[str, Any] = {
        "db": db,
        "now": clock or Clock(),
        "keyring": KEYRING,
        "public_url": "http://shop.example",
    }
    return Services(**{**plain, **different})


def statements() -> float:
    """How many SQL statements this process has sent."""
    (metric,) = STATEMENTS.collect()
    return metric.samples[0].value


def payment(**different: Any) -> Payment:
    """A payment with one attempt that nothing has happened to yet."""
    plain: dict[str, Any] = {
        "id": PaymentId.new(STORE, START),
        "session": SessionId.new(STORE, START),
        "order": OrderId.new(STORE, START),
        "amount": PRICE,
        "fee_bps": 290,
        "status": PaymentStatus.PENDING,
        "attempts": 1,
        "failures": 0,
        "refunded_minor": 0,
        "failure_code": None,
        "failure_message": None,
        "seq": 1,
        "version": 1,
    }
    return Payment(**{**plain, **different})


def attempt(**different: Any) -> Attempt:
    """A first attempt that nothing has happened to yet."""
    plain: dict[str, Any] = {
        "id": AttemptId.new(STORE, START),
        "number": 1,
        "amount": PRICE,
        "provider": "fake",
        "reference": None,
        "status": AttemptStatus.PENDING,
        "is_applied": False,
        "refunded_minor": 0,
        "failure_code": None,
        "failure_message": None,
        "requires_3ds": False,
        "three_ds_status": None,
        "facts": {},
        "version": 1,
    }
    return Attempt(**{**plain, **different})


def quote(**different: Any) -> Quote:
    """One of something with a fixed price."""
    plain: dict[str, Any] = {
        "title": "Field notes",
        "unit": PRICE,
        "quantity": 1,
        "pricing": Pricing.FIXED,
        "min": PRICE,
        "max": PRICE,
        "quantity_max": 10,
    }
    return Quote(**{**plain, **different})


def session(**different: Any) -> Session:
    """An open session with an email address."""
    plain: dict[str, Any] = {
        "id": SessionId.new(STORE, START),
        "page": PageId.new(STORE, START),
        "secret_hash": b"\0" * 32,
        "status": SessionStatus.OPEN,
        "version": 1,
        "email": "buyer@shop.example",
        "quote": quote(),
        "provider": "fake",
        "fee_bps": 290,
        "payment": None,
        "order": None,
        "attempt": 0,
        "return_url": "http://shop.example/thanks",
        "seq": 0,
        "abandoned_s": 21_600,
        "expires_at": START + timedelta(days=1),
    }
    return Session(**{**plain, **different})


def new_store(**different: Any) -> stores.NewStore:
    """The settings of a test store."""
    slug = f"shop-{next(_numbers)}"
    plain: dict[str, Any] = {"slug": slug, "name": slug.title(), "currency": "USD", "mode": StoreMode.TEST}
    return stores.NewStore(**{**plain, **different})


async def store(db: Database, **different: Any) -> stores.Store:
    """A store of the test's own."""
    async with db.transaction() as unit:
        return await stores.create(unit, new_store(**different), START)


async def page(db: Database, number: int, **different: Any) -> catalog.Page:
    """A published page of a store."""
    plain: dict[str, Any] = {
        "slug": f"page-{next(_numbers)}",
        "title": "Field notes",
        "price": PRICE,
        "provider": "fake",
    }
    async with db.transaction() as unit:
        return await catalog.create_page(unit, number, NewPage(**{**plain, **different}), START)


@asynccontextmanager
async def worker(db: Database, providers: Providers, clock: Clock) -> AsyncIterator[Worker]:
    """A worker that posts webhooks to this machine only."""
    poster = webhooks.Poster(webhooks.Guard([ip_network("127.0.0.0/8")]), timeout_s=1)
    try:
        yield Worker(services(db, clock, parts=(providers, poster)))
    finally:
        await poster.aclose()


async def drain(db: Database, providers: Providers, clock: Clock) -> None:
    """Let a worker of its own do all that can be done now.

    Leases that another test's worker kept, perhaps by another clock, are deleted. Events are readable once
    every older transaction of the whole server has ended, of other runs and of autovacuum too: that is waited for.
    """
    await db.execute("delete from db.lease where starts_with(name, 'worker')")
    async with worker(db, providers, clock) as draining:
        for _ in range(_DRAINS):
            blocked = await db.fetchval(AHEAD)
            await draining.drain()
            if not blocked and not await db.fetchval(AHEAD):
                break
            await asyncio.sleep(0.01)
    await db.execute("delete from db.lease where starts_with(name, 'worker')")


@dataclass
class Merchant:
    """A store with one page, its clock, its provider, and what its buyers and our worker do."""

    db: Database
    store: stores.Store
    page: catalog.Page
    fake: FakeProvider = field(default_factory=FakeProvider)
    clock: Clock = field(default_factory=Clock)

    @property
    def providers(self) -> Providers:
        return Providers({self.fake.name: self.fake})

    async def open(self, email: str | None = "buyer@shop.example") -> Opened:
        """A session, with an email address unless that is None."""
        opened = await checkout.open_session(
            self.db, self.store, self.page, Visitor(), public_url="http://shop.example", now=self.clock()
        )
        if email is not None:
            await self.change(opened, email=email)
        return opened

    async def change(self, opened: Opened, *, if_version: int | None = None, **changes: Any) -> Session:
        wanted = checkout.Changes(**changes)
        session = await checkout.get_session(self.db, opened.session.id, opened.client_secret)
        return await checkout.change(self.db, self.providers, session, wanted, if_version=if_version, now=self.clock())

    async def pay(self, opened: Opened, *, hosted: bool = False) -> PaymentStarted:
        pay = checkout.pay_hosted if hosted else checkout.pay
        return await pay(self.db, self.providers, opened.session.id, opened.client_secret, self.clock())

    async def paying(self) -> tuple[Opened, PaymentStarted]:
        """A session whose buyer is about to enter a card."""
        opened = await self.open()
        return opened, await self.pay(opened)

    async def receive_webhook(
        self, key: Subject, outcome: Outcome | Reported | None = None, *, event: str | None = None
    ) -> bool:
        """The provider's webhook arrives: the status of the attempt there now, or `outcome`."""
        body, headers = self.fake.webhook(key, self.clock(), outcome, event=event)
        return await receive(self.db, self.fake, self.fake.name, body, headers, self.clock())

    async def drain(self) -> None:
        await drain(self.db, self.providers, self.clock)

    async def status(self, opened: Opened) -> checkout.Status:
        return await checkout.read_status(self.db, opened.session.id, opened.client_secret)

    async def attempts(self, opened: Opened) -> list[str]:
        """The states of the session's attempts, in order."""
        sql = """
        select a.status from payments.attempt a join payments.payment p on p.store = a.store and p.id = a.payment
        where p.store = $1 and p.session = $2 order by a.number
        """
        return [row["status"] for row in await self.db.fetch(sql, self.store.number, opened.session.id.uuid)]

    async def order(self, opened: Opened) -> str | None:
        """The state of the session's order."""
        sql = 'select status from orders."order" where store = $1 and session = $2'
        found: str | None = await self.db.fetchval(sql, self.store.number, opened.session.id.uuid)
        return found

    async def events(self, aggregate: Any) -> list[str]:
        """The names of an aggregate's events, in order."""
        sql = "select name from outbox.event where store = $1 and aggregate = $2 order by seq"
        return [row["name"] for row in await self.db.fetch(sql, self.store.number, aggregate.uuid)]

    async def balances(self) -> dict[str, int]:
        """What each kind of account holds."""
        found = await ledger.balances(self.db, self.store.number)
        return {balance.account.kind: balance.amount.minor for balance in found if balance.amount}


async def merchant(db: Database, *, fee_bps: int = 290, clock: Clock | None = None, **page_facts: Any) -> Merchant:
    """A store with one page that sells through a fake provider."""
    found = await store(db, fee_bps=fee_bps)
    return Merchant(db, found, await page(db, found.number, **page_facts), clock=clock or Clock())
