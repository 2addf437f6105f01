"""The physical limit: pgbench writes the rows of a checkout in the smallest number of transactions that can be correct.

It uses the demo's server, a database of its own with the same tables, the same role and the default durability. It
serves no HTTP, signs nothing and waits for nothing: any application that stores these rows is slower.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from checkie.app.embedded import Server, program
from checkie.db.migrate import migrate

DATABASE: Final = "bench_limit"
TRANSACTIONS: Final = 5
"""The number of transactions of a checkout."""
FEWEST_STATEMENTS: Final = Path(__file__).with_name("limit.sql")
"""One statement for each transaction."""
PLAIN_STATEMENTS: Final = Path(__file__).with_name("limit_plain.sql")
"""The same transactions with one statement for each table."""
_TPS: Final = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_DONE: Final = re.compile(r"transactions actually processed: (\d+)")
_PREPARE: Final = """
create schema bench;
grant usage on schema bench to checkie_app;
create function bench.id(number bigint, kind int) returns uuid language sql immutable parallel safe as
  $$ select (lpad(to_hex(number), 16, '0') || lpad(to_hex(kind), 16, '0'))::uuid $$;
insert into stores.store (number, id, slug, name, currency, mode, created_at)
  values (1, bench.id(0, 1), 'limit', 'Limit', 'USD', 'test', now());
insert into ledger.account (store, id, kind, owner, currency, created_at)
  values (1, bench.id(0, 1), 'CLEARING', 'simulator', 'USD', now()), (1, bench.id(0, 2), 'MERCHANT', '', 'USD', now()),
    (1, bench.id(0, 3), 'FEES', '', 'USD', now());
insert into webhooks.endpoint (store, id, url, secret_sealed, events, schedule, created_at)
  values (1, bench.id(0, 1), 'http://127.0.0.1/webhooks', '', '{*}', 'standard', now());
"""


@dataclass(frozen=True, slots=True)
class Reached:
    """How many checkouts pgbench wrote, and how many per second."""

    done: int
    per_s: float


def prepare(server: Server, clients: int) -> None:
    """Create the database with Checkie's tables, write to it for a second and collect statistics."""
    asyncio.run(migrate(server.owner_url(DATABASE)))
    asyncio.run(_execute(server.owner_url(DATABASE), _PREPARE))
    run(server, PLAIN_STATEMENTS, number=0, clients=clients, seconds=1)
    asyncio.run(_execute(server.owner_url(DATABASE), "analyze"))


def run(server: Server, script: Path, *, number: int, clients: int, seconds: int) -> Reached:
    """Write checkouts for some seconds. `number` must differ from run to run. Raises RuntimeError."""
    command = [program("pgbench"), "-h", str(server.socket), "-p", "5432", "-U", "checkie_app", "-n", "-M", "prepared"]
    command += ["-c", str(clients), "-j", "1", "-T", str(seconds), "-f", str(script)]
    command += ["-D", f"run={number}", "-D", "turn=0", DATABASE]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env={"LC_ALL": "C"})
    done, per_s = _DONE.search(ran.stdout), _TPS.search(ran.stdout)
    if ran.returncode or done is None or per_s is None:
        raise RuntimeError(f"pgbench failed: {ran.stdout[-1000:]} {ran.stderr[-2000:]}")
    return Reached(int(done[1]), float(per_s[1]))


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
