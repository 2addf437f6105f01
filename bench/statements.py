"""How many SQL statements the application sends, counted by PostgreSQL: it logs every statement for a while."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from checkie.app.embedded import Server

_LINE: Final = re.compile(
    rb"^\d{4}-[^\n]* checkie_app@checkie LOG:  (?:execute [^:]*|statement): ([^\n]*(?:\n\t[^\n]*)*)", re.MULTILINE
)
_SETTLE_S: Final = 0.3


@contextmanager
def counted(server: Server) -> Iterator[Counter[str]]:
    """Count what the application sends to the demo's database in this context: by text, with transaction control."""
    log = server.folder / "pg.log"
    found: Counter[str] = Counter()
    _execute(server, "alter system set log_statement = 'all'")
    try:
        start = log.stat().st_size
        yield found
        with log.open("rb") as file:
            file.seek(start)
            found.update(" ".join(text.decode(errors="replace").split()) for text in _LINE.findall(file.read()))
    finally:
        _execute(server, "alter system reset log_statement")


def analyze(server: Server) -> None:
    """Collect statistics of the tables, as PostgreSQL does by itself within minutes.

    Until then PostgreSQL keeps plans for empty tables, which read whole indexes. That is the start of a database, not
    its normal use.
    """
    _execute(server, "analyze", database="checkie")


def commits(server: Server) -> int:
    """How many transactions of the demo's database have been committed so far, including those that only read."""
    time.sleep(1.1)  # PostgreSQL's statistics lag by up to a second
    return int(_execute(server, "select xact_commit from pg_stat_database where datname = 'checkie'"))


def _execute(server: Server, sql: str, database: str = "postgres") -> str:
    async def execute() -> str:
        connection = await asyncpg.connect(server.owner_url(database))
        try:
            value = await connection.fetchval(sql)
            await connection.execute("select pg_reload_conf()")
        finally:
            await connection.close()
        return str(value)

    value = asyncio.run(execute())
    time.sleep(_SETTLE_S)
    return value
