"""However many events there are, a consumer reads what it may take, by an index, in one statement."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from checkie.db import PARTITIONS, Database, Leases
from checkie.db.statements import STATEMENTS
from checkie.outbox import PostgresBus, postgres

EVENTS: Final = 16_000
LIMIT: Final = 10
FILL: Final = """
insert into outbox.event (store, id, aggregate, seq, name, body, at, partition)
select 1, gen_random_uuid(), gen_random_uuid(), 1, 'made.up', '{}', now(), n % $1 from generate_series(1, $2) n
"""
LAST: Final = """
select distinct on (partition) partition, xid::text as xid, id from outbox.event order by partition, xid desc, id desc
"""
START: Final = [(partition, "0", UUID(int=0)) for partition in range(PARTITIONS)]


@pytest.fixture(scope="module")
async def filled(own_db: Database) -> Database:
    await own_db.execute(FILL, PARTITIONS, EVENTS)
    return own_db


async def steps(db: Database, positions: Sequence[tuple[int, str, UUID]]) -> list[dict[str, Any]]:
    """The plan of one read behind `positions`, as the application's connections make it."""
    kinds = ("smallint", "text", "uuid")
    columns = zip(*positions, strict=True)
    given = ", ".join(
        f"'{{{','.join(map(str, column))}}}'::{kind}[]" for column, kind in zip(columns, kinds, strict=True)
    )
    async with db.transaction() as unit:
        await unit.execute(f"prepare part as {postgres._READ}")
        plan = await unit.fetchval(f"explain (analyze, format json) execute part ({given}, {LIMIT})")
        await unit.execute("deallocate part")
    return list(walk(json.loads(plan)[0]["Plan"]))


def walk(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for part in step.get("Plans", ()):
        yield from walk(part)


def rows_read(plan: Sequence[dict[str, Any]]) -> int:
    """How many rows of the table its scans read, those that were filtered out too."""
    scans = [step for step in plan if step.get("Relation Name") == "event"]
    assert {step["Node Type"] for step in scans} == {"Index Scan"}
    return sum((step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"] for step in scans)


class TestARead:
    async def test_of_a_backlog_takes_the_limit_of_each_partition(
        self, filled: Database, owner: asyncpg.Connection
    ) -> None:
        for _ in range(2):  # whatever the table was like when it was measured
            assert rows_read(await steps(filled, START)) == LIMIT * PARTITIONS
            await owner.execute("analyze outbox.event")

    async def test_of_some_partitions_reads_those_alone(self, filled: Database) -> None:
        assert rows_read(await steps(filled, START[3:5])) == LIMIT * 2

    async def test_where_nothing_is_new_reads_no_row(self, filled: Database) -> None:
        last = [tuple(row) for row in await filled.fetch(LAST)]
        assert rows_read(await steps(filled, last)) == 0

    async def test_where_nothing_is_new_is_one_statement(self, filled: Database) -> None:
        bus = PostgresBus(filled, Leases(filled, "plans", "me", range(PARTITIONS)))
        while (batch := await bus.read("plans", EVENTS)).events:
            await bus.keep("plans", batch.positions)
        before = STATEMENTS._value.get()
        assert not (await bus.read("plans", EVENTS)).events
        assert STATEMENTS._value.get() - before == 1
