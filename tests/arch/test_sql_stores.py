"""A statement binds the store of every tenant table that it touches. What finds work or faults across stores is listed
and only reads; nothing writes or locks rows of two stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.statements import File, Schema, parsed, schema, schema_of
from tests.arch.tenancy import Tenancy
from tests.arch.test_sql import MIGRATIONS, QUERIES, file_of, files

FINDERS = {
    # Due work is found across stores, and then done in one transaction for each row.
    "payments/reversals/sql.py:_BY_REFERENCE": "the attempt that a provider names by its own id alone",
    "checkout/sql.py:_DUE": "sessions that are due",
    "payments/reconciling/sql.py:_DUE": "attempts that are due for a check with their provider",
    "webhooks/sql.py:_FIND": "deliveries that are due",
    "ledger/fold.py:_STORES": "stores with deltas to fold",
    "outbox/inbox.py:_OLD": "messages to prune, by store",
    "web/idempotency.py:_EXPIRED": "idempotency keys to prune, by store",
    # A consumer reads the events of its partitions, which all stores share.
    "outbox/postgres.py:_PARTS": "the parts of _READ",
    "outbox/postgres.py:_READ": "new events of the partitions that are held",
    "outbox/replay.py:_DEAD": "dead letters to try again",
    # `checkie doctor` checks all stores.
    "checkout/queries.py:_COMPLETED": "doctor: sessions that are completed",
    "checkout/queries.py:_OVERDUE": "doctor: sessions that are overdue",
    "ledger/check.py:_CACHE_OFF": "doctor: balances that differ from their entries",
    "ledger/check.py:_NOT_ZERO": "doctor: currencies that do not sum to zero",
    "ledger/check.py:_ORPHANS": "doctor: transfers without accounts",
    "ledger/queries.py:_SUBJECTS": "doctor: subjects of all transfers of a kind",
    "orders/queries.py:_PAID": "doctor: orders that are paid",
    "outbox/check.py:_DEAD": "doctor: dead letters",
    "outbox/check.py:_FOREIGN": "doctor: events of another cluster",
    "outbox/check.py:_GAPS": "doctor: gaps in the numbers of events",
    "outbox/check.py:_LATE": "doctor: events that wait too long",
    "payments/queries.py:_OVERDUE": "doctor: attempts that are overdue",
    "payments/queries.py:_REFUNDS_OFF": "doctor: attempts whose refunds do not add up to their refunded total",
    "payments/queries.py:_PAID": "doctor: payments that succeeded",
    "payments/queries.py:_PAID_UNBOOKED": "doctor: payments without a successful attempt",
}
"""Statements that only read and are bound to no store, each with what it finds. An entry that is not needed fails."""


def breaches(file: File, schema: Schema) -> Iterator[tuple[str, str]]:
    """The statements of a file that span stores, each with how."""
    for text in file.statements:
        for node in parsed(text.sql):
            if not isinstance(node, QUERIES):
                continue
            tenancy = Tenancy(schema.tenants, file.given)
            tenancy.read(node, {}, {})
            unbound = [table for table, bound in tenancy.tables if table in schema.tenants and bound is None]
            if tenancy.changes and not tenancy.is_of_one_store:
                yield text.name, f"writes or locks across stores: {', '.join(unbound) or 'by many stores'}"
            elif unbound:
                yield text.name, f"does not bind the store of {', '.join(unbound)}"


def test_every_statement_binds_the_store_or_is_a_finder_that_only_reads() -> None:
    found = [found for file in files() for found in breaches(file, schema())]
    assert [fault for fault in found if "writes" in fault[1] or fault[0] not in FINDERS] == []


def test_every_finder_is_still_needed() -> None:
    needed = {name for file in files() for name, _ in breaches(file, schema())}
    assert sorted(set(FINDERS) - needed) == []


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 from ledger.transfer",
        "select 1 from ledger.transfer where store = 1",
        "select 1 from ledger.transfer where store = $1 or id = $2",
        "select 1 from ledger.transfer where not store = $1",
        "select 1 from ledger.transfer where store >= $1",
        "select 1 from ledger.entry where id = $1",
        "select 1 from ledger.transfer x, ledger.transfer y where x.store = $1",
        "select 1 from ledger.transfer x join ledger.transfer y on y.id = x.id where x.store = $1",
        "select 1 from ledger.transfer x left join ledger.transfer y on x.store = $1 and y.store = $1",
        "select 1 from ledger.transfer x full join ledger.transfer y using (store) where x.store = $1",
        "select 1 from ledger.transfer where store = $1 and exists (select from ledger.transfer y where y.id = $2)",
        "select (select max(id) from ledger.transfer), 1 from ledger.transfer where store = $1",
        "select 1 from (select id from ledger.transfer) x",
        "with x as (select store, id from ledger.transfer) select 1 from x where store = $1",
        "select 1 from ledger.transfer where store = $1 union all select 1 from ledger.transfer",
        "select 1 from ledger.transfer t join unnest($1::uuid[]) w (id) on t.id = w.id",
        "select 1 from stores.store s join ledger.transfer t on t.store = s.number",
        "select 1 from ledger.transfer where store in (select number from stores.store)",
    ],
)
def test_a_read_across_stores_is_found(tmp_path: Path, sql: str) -> None:
    found = list(breaches(file_of(tmp_path, f"SQL = {sql!r}"), schema_of(*MIGRATIONS)))
    assert [name for name, fault in found if "does not bind" in fault] == ["ledger/queries.py:SQL"]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from ledger.transfer where id = $1",
        "delete from ledger.transfer where store = any($1)",
        "delete from ledger.transfer where store in ($1, $2)",
        "delete from ledger.transfer t using unnest($1::int[]) w (store) where t.store = w.store",
        "delete from ledger.transfer where (store, id) in (select * from unnest($1::int[], $2::uuid[]))",
        "update ledger.transfer set id = $1 from stores.store where number = $2",
        "update ledger.transfer set store = $2 where store = $1",
        "insert into ledger.transfer select $1, id from unnest($2::uuid[]) id",
        "insert into ledger.transfer (id) values ($1)",
        "insert into ledger.transfer (id, store) select *, $2 from unnest($1::uuid[])",
        "insert into ledger.transfer (store, id) select * from unnest($1::int[], $2::uuid[])",
        "insert into ledger.transfer (store, id) values ($1, $2), ($3, $4)",
        "insert into ledger.transfer (store, id) select store, id from ledger.transfer",
        "insert into ledger.transfer (store, id) select $1, id from ledger.transfer where store = $2",
        "select 1 from ledger.transfer where id = $1 for update",
        "select 1 from ledger.transfer where store = any($1) for update skip locked",
        "with gone as (delete from ledger.transfer returning store) select count(*) from gone",
        "with x as (select id from ledger.transfer for share) select 1 from x",
        "delete from ledger.transfer where store = $1 and id in (select id from ledger.transfer)",
    ],
)
def test_a_write_or_lock_across_stores_is_found(tmp_path: Path, sql: str) -> None:
    found = list(breaches(file_of(tmp_path, f"SQL = {sql!r}"), schema_of(*MIGRATIONS)))
    assert [name for name, fault in found if "writes or locks" in fault] == ["ledger/queries.py:SQL"]


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 from stores.store where number = any($1)",
        "select 1 from ledger.transfer where $1 = store and id = $2",
        "select 1 from ledger.transfer where store = $1::int",
        "select 1 from ledger.transfer where (store, id) = ($1, $2)",
        "select 1 from ledger.transfer where store = any($1)",
        "select 1 from ledger.transfer where (store, id) in (select * from unnest($1::int[], $2::uuid[]))",
        "select 1 from unnest($1::int[], $2::uuid[]) w (store, id) join ledger.transfer t on t.store = w.store",
        "select 1 from ledger.transfer x join ledger.entry y using (store, id) where x.store = $1",
        "select 1 from ledger.transfer x left join ledger.entry y on y.store = x.store where x.store = $1",
        "select 1 from ledger.transfer x, ledger.entry y where x.store = y.store and y.store = $1",
        "select (select max(id) from ledger.entry y where y.store = x.store) from ledger.transfer x where x.store = $1",
        "select 1 from (select store, id from ledger.transfer where store = $1) x join ledger.entry y using (store)",
        "select 1 from ledger.entry x, lateral (select 1 from ledger.entry where store = x.store) y where x.store = $1",
        "select 1 from ledger.transfer where store = $1 union select 1 from ledger.entry where store = $1",
        "insert into ledger.transfer (store, id) values ($1, $2) on conflict do nothing returning store",
        "insert into ledger.transfer (store, id) values ($1, $2), ($1, $3)",
        "insert into ledger.transfer (store, id) select $1, * from unnest($2::uuid[])",
        "insert into ledger.transfer (store, id) select store, id from ledger.entry where store = $1",
        "update ledger.transfer t set id = w.id from unnest($2::uuid[]) w (id) where t.store = $1 and t.id = w.id",
        """
        with x as (select store, id from ledger.transfer where store = $1 for update),
        gone as (delete from ledger.transfer t using x where t.store = x.store and t.id = x.id returning t.id)
        select count(*) from gone
        """,
    ],
)
def test_a_statement_of_one_store_passes(tmp_path: Path, sql: str) -> None:
    assert list(breaches(file_of(tmp_path, f"SQL = {sql!r}"), schema_of(*MIGRATIONS))) == []


def test_rows_that_an_earlier_statement_returned_are_of_its_store(tmp_path: Path) -> None:
    sql = "insert into ledger.transfer (store, id) select store, id from booked"
    text = f"SQL = {sql!r}\ndef post(unit): unit.add(OTHER, name='booked')"
    assert list(breaches(file_of(tmp_path, text), schema_of(*MIGRATIONS))) == []
