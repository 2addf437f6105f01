"""A sale in a store with many sales reads no more rows than one in a store with few."""

from __future__ import annotations

import asyncpg

from checkie import webhooks
from checkie.db import Database
from tests import make
from tests.make import START, Merchant

SALES = 5000
SOME = 5
NOWHERE = "http://127.0.0.1:9/"  # the guard lets nothing pass there
READ = """
select coalesce(sum(idx_tup_read + idx_tup_fetch), 0) from pg_stat_user_indexes where schemaname not in ('db', 'outbox')
"""
CLONED = {
    "checkout.session": "id",
    'orders."order"': "id session",
    "payments.payment": "id session",
    "payments.attempt": "id payment",
    "customers.customer": "id email_key",
    "webhooks.event": "id",
    "webhooks.delivery": "id event",
    "ledger.transfer": "id key",
}
"""The tables that grow with sales, and what is of its own in each row."""
COLUMNS = """
select string_agg(case when attname::text = any($2) then 'gen_random_uuid()' when attname = 'store' then $3
  else format('%I', attname) end, ', ' order by attnum)
from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped
"""


async def make_merchant(db: Database) -> Merchant:
    found = await make.merchant(db)
    async with db.transaction() as unit:
        await webhooks.create_endpoint(
            unit, make.KEYRING, store=found.store.number, now=START, url=NOWHERE, events=["*"]
        )
    return found


async def sell(merchant: Merchant) -> None:
    opened, paying = await merchant.paying()
    merchant.fake.confirm(paying.attempt.id)
    assert await merchant.receive_webhook(paying.attempt.id)
    await merchant.status(opened)
    await merchant.drain()


async def read_by_one(owner: asyncpg.Connection, merchant: Merchant) -> float:
    """How many rows a sale reads in indexes and tables."""
    before = await counted(owner, merchant.db)
    for _ in range(SOME):
        await sell(merchant)
    return float(await counted(owner, merchant.db) - before) / SOME


async def counted(owner: asyncpg.Connection, db: Database) -> int:
    for connection in (db, owner):
        await connection.fetchval("select pg_stat_force_next_flush()")
        await connection.fetchval("select 1")
    await owner.execute("select pg_stat_clear_snapshot()")
    found: int = await owner.fetchval(READ)
    return found


async def sell_much(owner: asyncpg.Connection, store: int) -> None:
    """As if the store had made thousands of such sales, its first over and over, and as many others one each."""
    await owner.execute("set session_replication_role = replica")  # the clones point nowhere
    for table, own in CLONED.items():
        one = f"(select * from {table} where store = {store} limit 1)"
        for seller in ("store", "1000000 + other"):
            columns = await owner.fetchval(COLUMNS, table, own.split(), seller)
            rows = f"select {columns} from {one} as sold, generate_series(1, {SALES}) as other"
            await owner.execute(f"insert into {table} {rows}")


async def test_a_sale_reads_no_more_rows_after_many_sales(own_db: Database, owner: asyncpg.Connection) -> None:
    async with Database(own_db.url, size=1) as db:  # each connection counts by itself
        merchant = await make_merchant(db)
        await sell(merchant)
        early = await read_by_one(owner, merchant)
        await sell_much(owner, merchant.store.number)
        await owner.execute("analyze")
        late = await read_by_one(owner, merchant)
    print(f"rows read by an early sale: {early}, by a late one: {late}")
    assert 0 < late < SALES / 10
