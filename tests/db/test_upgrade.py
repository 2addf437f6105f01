"""The data of an earlier release after the migrations that follow it."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from checkie.app.embedded import Server
from checkie.catalog import Pricing
from checkie.checkout import Quote
from checkie.db.migrate import MIGRATIONS, migrate
from checkie.kernel import Money
from checkie.kernel.ids import RefundId, StoreId

LAST_OF_BEFORE: Final = "202611211805_event_version.sql"
BEFORE: Final = """
insert into stores.store (number, id, slug, name, currency, fee_bps, support_email, created_at)
select n, gen_random_uuid(), slug, initcap(slug), 'EUR', 100, 'a@b.example', now()
from (values (1, 'toys'), (2, 'books'), (3, 'books-test'), (4, 'demo')) as s (n, slug);
select setval(pg_get_serial_sequence('stores.store', 'number'), 4);

insert into catalog.page (store, id, slug, title, status, pricing, currency, price_minor, min_minor, max_minor,
  quantity_max, provider, session_expires_s, session_abandoned_s, created_at, updated_at)
select store, gen_random_uuid(), provider, 'A page', 'PUBLISHED', 'FIXED', 'EUR', 5, 5, 5, 1, provider, 300, 60,
  now(), now()
from (values (1, 'stripe'), (2, 'stripe'), (4, 'stripe'), (4, 'simulator')) as p (store, provider);

insert into payments.payment (store, id, session, order_id, amount_minor, currency, fee_bps, status, attempts, failures,
  refunded_minor, seq, created_at, updated_at)
select 1, id, gen_random_uuid(), gen_random_uuid(), 2599, 'EUR', 100, 'PARTIALLY_REFUNDED', 1, 0, 500, 3, now(), now()
from (values ('00000000-0000-8000-8000-000000000001'::uuid)) as p (id);
insert into payments.attempt (store, id, payment, number, amount_minor, currency, provider, status, is_applied,
  refunded_minor, asks, ask_at, partition, created_at, updated_at)
select 1, gen_random_uuid(), '00000000-0000-8000-8000-000000000001', number, 2599, 'EUR', 'stripe', status,
  refunded > 0, refunded, 2, case when status = 'FAILED' then now() end, 0, now(), now()
from (values (1, 'FAILED', 0), (2, 'SUCCEEDED', 500)) as a (number, status, refunded);

insert into checkout.session (store, id, page, secret_hash, status, version, quote, total_minor, currency, provider,
  fee_bps, return_url, visitor, partition, abandoned_s, expires_at, created_at, updated_at)
select 1, gen_random_uuid(), gen_random_uuid(), '', 'OPEN', 1, quote, 700, 'EUR', 'stripe', 100, '', '{}', 0, 60,
  now(), now(), now()
from (values ('{"title": "Support us", "unit_minor": 700, "quantity": 1, "pricing": "PAY_WHAT_YOU_WANT",
  "least_minor": 100, "most_minor": 1000, "quantity_max": 3}'::jsonb)) as q (quote);
insert into orders."order" (store, id, session, customer, payment, email, status, quote, total_minor, currency, seq,
  created_at, updated_at)
select store, gen_random_uuid(), id, gen_random_uuid(), gen_random_uuid(), 'a@b.example', 'PENDING', quote, 700, 'EUR',
  1, now(), now()
from checkout.session;
"""
_numbers = itertools.count(1)


@pytest.fixture
async def upgraded(postgres: Server, run: str, tmp_path: Path) -> AsyncIterator[asyncpg.Connection]:
    """A database with data of the earlier release, migrated."""
    url = postgres.owner_url(f"{run}_upgrade_{next(_numbers)}")
    for file in sorted(MIGRATIONS.glob("*.sql")):
        if file.name <= LAST_OF_BEFORE:
            shutil.copy(file, tmp_path)
    await migrate(url, tmp_path)
    connection = await asyncpg.connect(url)
    await connection.execute(BEFORE)
    await migrate(url)
    yield connection
    await connection.close()


async def rows(connection: asyncpg.Connection, sql: str) -> Sequence[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(sql)]


class TestStores:
    async def test_that_use_the_simulator_are_test_stores_and_others_live(self, upgraded: asyncpg.Connection) -> None:
        found = await rows(upgraded, "select slug, mode from stores.store where number <= 4 order by number")
        assert found == [("toys", "live"), ("books", "live"), ("books-test", "live"), ("demo", "test")]

    async def test_that_are_live_have_a_twin_with_their_settings(self, upgraded: asyncpg.Connection) -> None:
        sql = """
        select l.slug, t.slug, t.mode, t.twin = l.number and l.twin = t.number,
          (l.name, l.currency, l.locale, l.fee_bps, l.support_email)
            = (t.name, t.currency, t.locale, t.fee_bps, t.support_email)
        from stores.store l join stores.store t on t.number = l.twin where l.mode = 'live' order by l.number
        """
        assert await rows(upgraded, sql) == [
            ("toys", "toys-test", "test", True, True),
            ("books", "books-2-test", "test", True, True),  # `books-test` was taken
            ("books-test", "books-test-test", "test", True, True),
        ]

    async def test_of_their_own_have_ids_like_any_other(self, upgraded: asyncpg.Connection) -> None:
        for number, uuid in await rows(upgraded, "select number, id from stores.store where number > 4"):
            assert StoreId.parse(StoreId.of(uuid)).store == number


class TestQuotes:
    @pytest.mark.parametrize("table", ["checkout.session", 'orders."order"'])
    async def test_keep_their_price_and_its_limits(self, upgraded: asyncpg.Connection, table: str) -> None:
        body = json.loads(await upgraded.fetchval(f"select quote from {table}"))
        euro = partial(Money, currency="EUR")
        quote = Quote("Support us", euro(700), 1, Pricing.PAY_WHAT_YOU_WANT, euro(100), euro(1000), 3)
        assert Quote.of_json(body, "EUR") == quote
        assert quote.as_json() == body


class TestPayments:
    async def test_have_a_refund_for_what_was_refunded(self, upgraded: asyncpg.Connection) -> None:
        sql = """
        select r.id, a.number, r.amount_minor, r.currency, r.status, r.provider_reference, r.is_booked
        from payments.refund r join payments.attempt a on a.store = r.store and a.id = r.attempt
        """
        ((uuid, *refund),) = await rows(upgraded, sql)
        assert refund == [2, 500, "EUR", "SUCCEEDED", None, True]
        assert RefundId.parse(RefundId.of(uuid)).store == 1

    async def test_keep_the_time_of_their_next_check(self, upgraded: asyncpg.Connection) -> None:
        sql = "select number, checks, next_check_at is not null from payments.attempt order by number"
        assert await rows(upgraded, sql) == [(1, 2, True), (2, 2, False)]

    async def test_and_their_refunds_and_disputes_are_never_deleted(self, upgraded: asyncpg.Connection) -> None:
        sql = """
        select table_name, string_agg(privilege_type, ' ' order by privilege_type)
        from information_schema.role_table_grants
        where grantee = 'checkie_app' and table_schema = 'payments' group by table_name order by table_name
        """
        tables = ("attempt", "dispute", "payment", "refund")
        assert await rows(upgraded, sql) == [(table, "INSERT SELECT UPDATE") for table in tables]
