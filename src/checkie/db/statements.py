"""Send one statement and count it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
from prometheus_client import Counter

STATEMENTS = Counter("checkie_sql_statements", "SQL statements sent, transaction control included")


async def fetch(connection: asyncpg.Connection, sql: str, *args: object) -> Sequence[asyncpg.Record]:
    """All rows."""
    STATEMENTS.inc()
    rows: Sequence[asyncpg.Record] = await connection.fetch(sql, *args)
    return rows


async def fetchrow(connection: asyncpg.Connection, sql: str, *args: object) -> asyncpg.Record | None:
    """The first row, or None."""
    STATEMENTS.inc()
    row: asyncpg.Record | None = await connection.fetchrow(sql, *args)
    return row


async def fetchval(connection: asyncpg.Connection, sql: str, *args: object) -> Any:
    """The first column of the first row, or None."""
    STATEMENTS.inc()
    return await connection.fetchval(sql, *args)


async def execute(connection: asyncpg.Connection, sql: str, *args: object) -> int:
    """Run it; how many rows it touched."""
    STATEMENTS.inc()
    tag: str = await connection.execute(sql, *args)
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
