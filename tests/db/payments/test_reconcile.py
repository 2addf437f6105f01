"""Checks with providers on attempts that are neither paid nor final."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkie.db import Database
from checkie.kernel.ids import AttemptId
from checkie.payments import sql
from checkie.payments.reconciling.reconcile import reconcile
from checkie.payments.reconciling.sql import claim, end_checks
from tests import make
from tests.fakes import DECLINED
from tests.make import Merchant


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db)


async def checks(merchant: Merchant, attempt: AttemptId) -> tuple[int, timedelta | None]:
    """How many checks were made, and the time until the next."""
    query = "select checks, next_check_at - $3 from payments.attempt where store = $1 and id = $2"
    row = await merchant.db.fetchrow(query, attempt.store, attempt.uuid, merchant.clock())
    assert row is not None
    return row[0], row[1]


async def declined(merchant: Merchant) -> AttemptId:
    _, paying = await merchant.paying()
    merchant.fake.confirm(paying.attempt.id, DECLINED)
    await merchant.receive_webhook(paying.attempt.id)
    return paying.attempt.id


class TestACheck:
    async def test_is_not_made_before_its_time(self, merchant: Merchant) -> None:
        _, paying = await merchant.paying()
        await reconcile(merchant.db, merchant.providers, paying.attempt.id, merchant.clock.tick(seconds=4))
        assert ("find", paying.attempt.id) not in merchant.fake.calls

    async def test_schedules_the_next(self, merchant: Merchant) -> None:
        _, paying = await merchant.paying()
        await reconcile(merchant.db, merchant.providers, paying.attempt.id, merchant.clock.tick(seconds=5))
        assert await checks(merchant, paying.attempt.id) == (1, timedelta(seconds=30))
        assert ("find", paying.attempt.id) in merchant.fake.calls

    async def test_of_a_declined_attempt_cancels_it_and_is_the_last(self, merchant: Merchant) -> None:
        attempt = await declined(merchant)
        assert await checks(merchant, attempt) == (0, timedelta(0))
        await reconcile(merchant.db, merchant.providers, attempt, merchant.clock())
        assert merchant.fake.calls[-1] == ("cancel", attempt)
        assert (await checks(merchant, attempt))[1] is None

    async def test_is_still_due_when_the_attempt_has_changed_concurrently(self, merchant: Merchant) -> None:
        """The end of its checks is decided on what was read, so it is written on condition of that."""
        attempt = await declined(merchant)
        found = await claim(merchant.db, attempt, merchant.clock())
        assert found is not None
        bump = "update payments.attempt set version = version + 1 where store = $1 and id = $2"
        await merchant.db.execute(bump, attempt.store, attempt.uuid)
        await end_checks(merchant.db, found.attempt, merchant.clock())
        assert (await checks(merchant, attempt))[1] is not None
        await end_checks(merchant.db, (await sql.read(merchant.db, attempt)).attempt, merchant.clock())
        assert (await checks(merchant, attempt))[1] is None
