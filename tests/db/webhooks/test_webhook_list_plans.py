"""However long a list is, an index leads to the part that is wanted, and no more rows are read than are returned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from checkie import webhooks
from checkie.db import Database
from checkie.webhooks import queries
from tests.db.webhooks.conftest import add_merchant

LIMIT = 10
URL = "https://shop.example/hook"
EVENTS = 2000
MEASURE = "analyze webhooks.delivery, webhooks.event"
MIDDLE = """
select id from webhooks.delivery where store = $1 and endpoint = $2 order by event offset $3 limit 1
"""
IDS = "select id from webhooks.event where store = $1 limit $2"


async def test_deliveries_are_found_by_index_even_with_outdated_statistics(
    own_db: Database, owner: asyncpg.Connection, poster: webhooks.Poster
) -> None:
    merchant = await add_merchant(own_db, poster)
    endpoint, _ = await merchant.endpoint(URL)
    for _ in range(2):
        await merchant.endpoint(URL)
    await merchant.enqueue()
    await owner.execute(MEASURE)
    await merchant.enqueue(*(merchant.item() for _ in range(EVENTS)))
    middle = await own_db.fetchval(MIDDLE, merchant.store, endpoint.id.uuid, EVENTS // 2)
    for _ in range(2):
        for way, cursor in (("after", middle), ("before", middle), ("after", None)):
            plan = await explain(
                own_db, getattr(queries._DELIVERIES, way), merchant.store, endpoint.id.uuid, cursor, LIMIT + 1
            )
            assert "Sort" not in {step["Node Type"] for step in plan}
            found = 0 if cursor is None else 1
            assert rows_read(plan) == found + LIMIT + 1  # the cursor's row, and each delivery
        ids = await own_db.fetch(IDS, merchant.store, LIMIT)
        plan = await explain(own_db, queries._EVENTS, merchant.store, [row["id"] for row in ids])
        assert rows_read(plan) == LIMIT
        await owner.execute(MEASURE)


@pytest.mark.parametrize("way", ["after", "before"])
async def test_endpoints_are_found(own_db: Database, poster: webhooks.Poster, way: str) -> None:
    merchant = await add_merchant(own_db, poster)
    made = [(await merchant.endpoint(URL))[0].id.uuid for _ in range(100)]
    plan = await explain(merchant.db, getattr(queries._ENDPOINTS, way), merchant.store, sorted(made)[50], LIMIT + 1)
    assert "Sort" not in {step["Node Type"] for step in plan}
    assert rows_read(plan) == 1 + LIMIT + 1


async def explain(db: Database, sql: str, *args: object) -> list[dict[str, Any]]:
    """The steps of a plan that was made for any arguments, on the application's connection."""
    given = ", ".join(map(literal, args))
    async with db.transaction() as unit:
        await unit.execute(f"prepare part as {sql}")
        plan = await unit.fetchval(f"explain (analyze, format json) execute part ({given})")
        await unit.execute("deallocate part")
    return list(walk(json.loads(plan)[0]["Plan"]))


def literal(arg: object) -> str:
    if isinstance(arg, list):
        return f"array[{', '.join(map(literal, arg))}]::uuid[]"
    return "null" if arg is None else f"'{arg}'"


def walk(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for part in step.get("Plans", ()):
        yield from walk(part)


def rows_read(plan: list[dict[str, Any]]) -> int:
    """How many rows its scans came across, including those that were filtered out."""
    scans = [step for step in plan if "Scan" in step["Node Type"] and step["Node Type"] != "Bitmap Index Scan"]
    return sum((step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"] for step in scans)
