"""The doctor finds inconsistent rows, and nothing else. In a database of its own, because the rows are committed."""

from __future__ import annotations

from typing import Final

import asyncpg
import pytest

from checkie.app import doctor
from checkie.checkout.open import Opened
from checkie.db import Database
from tests import make
from tests.make import Clock, Merchant

PLANTED: Final = {
    "a completed session that nobody paid": (
        "update checkout.session set status = 'COMPLETED', due_at = null where store = $1 and status = 'OPEN'",
        {"completed_sessions_are_paid"},
    ),
    "a paid session that is not completed": (
        "update checkout.session set status = 'EXPIRED' where store = $1 and status = 'COMPLETED'",
        {"completed_sessions_are_paid"},
    ),
    "an order that is completed without money": (
        """
        insert into orders."order"
        select store, gen_random_uuid(), gen_random_uuid(), customer, gen_random_uuid(), email, status, quote,
          total_minor, currency, seq, created_at, updated_at, completed_at from orders."order" where store = $1
        """,
        {"completed_orders_are_paid"},
    ),
    "a paid order that is not completed": (
        "update orders.\"order\" set status = 'PENDING' where store = $1",
        {"completed_orders_are_paid"},
    ),
    "a payment that is paid and not booked": (
        "update ledger.transfer set kind = 'lost' where store = $1 and kind = 'payment'",
        {"paid_payments_are_booked"},
    ),
    "a payment that is booked and not paid": (
        "update payments.payment set status = 'FAILED' where store = $1",
        {
            "paid_payments_are_booked",
            "completed_orders_are_paid",
            "completed_sessions_are_paid",
            "paid_payments_have_their_attempt",
        },
    ),
    "a paid payment whose attempt is not applied": (
        "update payments.attempt set is_applied = false where store = $1",
        {"paid_payments_have_their_attempt"},
    ),
    "an attempt that nobody will check": (
        "update payments.attempt set status = 'UNKNOWN', next_check_at = null where store = $1",
        {"no_attempt_stuck"},
    ),
    "a session that nobody will look at": (
        "update checkout.session set due_at = null where store = $1 and status = 'OPEN'",
        {"no_session_stuck"},
    ),
    "an event that is missing": (
        "delete from outbox.event where store = $1 and name = 'payment.created'",
        {"events_have_no_gap"},
    ),
    "a balance that is off": (
        "update ledger.delta set amount_minor = amount_minor * 2 where store = $1",
        {"ledger_cached_equals_recomputed"},
    ),
    "a transfer to nowhere": (
        "update ledger.transfer set target = gen_random_uuid() where store = $1 and kind = 'fee'",
        {"ledger_transfers_have_accounts", "ledger_cached_equals_recomputed"},
    ),
    "an event that a consumer gave up": (
        """
        insert into outbox.dead_letter select store, 'progress', id, 'RuntimeError()', at from outbox.event
        where store = $1 and name = 'payment.created'
        """,
        {"no_event_dead_lettered"},
    ),
    "an event that a consumer has not read": (
        """
        insert into outbox.event (store, id, aggregate, seq, name, body, at, partition)
        select store, gen_random_uuid(), gen_random_uuid(), 1, 'session.expired', '{"order": null}',
          at - interval '1 hour', partition
        from outbox.event where store = $1 and name = 'payment.created'
        """,
        {"no_event_lost"},
    ),
}


@pytest.fixture
async def merchant(own_db: Database) -> Merchant:
    """A store that sold one, and has another buyer in front of an open session."""
    found = await make.merchant(
        own_db, clock=Clock(await own_db.fetchval("select now()"))
    )  # the doctor asks the server
    _, paying = await found.paying()
    found.fake.confirm(paying.attempt.id)
    await found.receive_webhook(paying.attempt.id)
    await found.open()
    await found.drain()
    return found


async def offended(db: Database) -> dict[str, set[str]]:
    found = await doctor.examine(db, between_s=0)
    return {name: set(offenders) for name, offenders in found.items() if offenders}


class TestDoctor:
    async def test_finds_nothing_in_consistent_data(self, own_db: Database, merchant: Merchant) -> None:
        before = await offended(own_db)
        fresh: Opened = await merchant.open()
        await merchant.drain()
        assert fresh.session.id.store == merchant.store.number
        assert await offended(own_db) == before

    @pytest.mark.parametrize("what", PLANTED)
    async def test_finds(self, own_db: Database, owner: asyncpg.Connection, merchant: Merchant, what: str) -> None:
        before = await offended(own_db)
        sql, wanted = PLANTED[what]
        await owner.execute(sql, merchant.store.number)
        after = await offended(own_db)
        new = {name for name, offenders in after.items() if offenders - before.get(name, set())}
        assert new == wanted

    async def test_names_the_inconsistent_rows(
        self, own_db: Database, owner: asyncpg.Connection, merchant: Merchant
    ) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        sql = "update checkout.session set status = 'EXPIRED' where store = $1 and id = $2"
        await owner.execute(sql, merchant.store.number, opened.session.id.uuid)
        assert opened.session.id in (await offended(own_db))["completed_sessions_are_paid"]

    async def test_does_not_report_what_is_only_in_flight(self, own_db: Database, merchant: Merchant) -> None:
        """A payment is paid some milliseconds before its event is read and its session is completed."""
        _, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        before = await doctor._look(own_db)
        assert str(paying.payment.session) in before["completed_sessions_are_paid"]
        await merchant.drain()
        assert str(paying.payment.session) not in (await doctor._look(own_db))["completed_sessions_are_paid"]


class TestReport:
    def test_lists_the_checks_that_passed_and_those_that_failed(self) -> None:
        text = doctor.report({"no_event_lost": [], "no_attempt_stuck": ["store 1, attempt 2: UNKNOWN"]})
        assert text.splitlines() == [
            "ok   no event lost",
            "FAIL no attempt stuck",
            "     no_attempt_stuck: store 1, attempt 2: UNKNOWN",
        ]
