"""The worker ends a session at the moment at which its buyer acts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Self

import pytest

from checkie.checkout.expire import expire_row
from checkie.db import Database, UnitOfWork
from checkie.payments.port import Action, ActionNeeded
from tests import make
from tests.make import Merchant


class Interrupted(Database):
    """Runs `meanwhile` once, before its first transaction begins."""

    meanwhile: Callable[[], Awaitable[object]] | None

    @classmethod
    def by(cls, meanwhile: Callable[[], Awaitable[object]], url: str) -> Self:
        made = cls(url)
        made.meanwhile = meanwhile
        return made

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        async with super().transaction() as unit:
            yield unit


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db, session_expires_s=3600, session_abandoned_s=600)


async def test_a_session_that_starts_to_pay_while_it_expires_is_not_ended(merchant: Merchant) -> None:
    opened = await merchant.open()
    ends_at = opened.session.expires_at
    merchant.clock.now = ends_at - timedelta(milliseconds=1)
    async with Interrupted.by(lambda: merchant.pay(opened), merchant.db.url) as db:
        await expire_row(db, merchant.providers, opened.session.id.uuid, ends_at)
    await merchant.drain()
    assert (await merchant.status(opened)).session.status == "PROCESSING"
    assert await merchant.attempts(opened) == ["PENDING"]
    assert await merchant.order(opened) == "PENDING"


async def test_a_buyer_who_is_at_3d_secure_by_then_has_not_abandoned_the_session(merchant: Merchant) -> None:
    opened = await merchant.open()

    async def meanwhile() -> None:
        paying = await merchant.pay(opened)
        await merchant.receive_webhook(
            paying.attempt.id, ActionNeeded("fake_1", Action.AUTHENTICATE, client_secret="s")
        )
        await merchant.drain()

    left_at = merchant.clock.tick(seconds=600)
    async with Interrupted.by(meanwhile, merchant.db.url) as db:
        await expire_row(db, merchant.providers, opened.session.id.uuid, left_at)
    assert (await merchant.status(opened)).session.status == "AWAITING_ACTION"
