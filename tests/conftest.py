"""What every test may ask for: a PostgreSQL, a migrated database in it, and a pool on that.

The server lives in `.cache/test-pg` and is shared by all who run tests in this checkout at the same time; the last one
stops it. Each run has a database of its own, cloned from a template that is migrated once per set of migration files.
Tests do not clean up after themselves: each works in a store of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from checkie.app import embedded
from checkie.app.compose import CONSTRAINTS
from checkie.db.migrate import MIGRATIONS, migrate
from checkie.db.pool import Database
from tests import tools

FOLDER: Final = Path(__file__).parents[1] / ".cache" / "test-pg"
FASTER: Final = {"fsync": "off", "full_page_writes": "off"}  # no test switches the power off


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(tool, install): skipped by name if the tool is not here; see tests/tools.py"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        tools.require(*mark.args)


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.Server]:
    """A running server. Databases that a test makes in it are called `{run}_something`, so that they get dropped."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "users.lock").open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        server = embedded.start(FOLDER, settings=FASTER)
        yield server
        with suppress(BlockingIOError):  # others are using it
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            embedded.stop(server)


@pytest.fixture(scope="session")
def run() -> str:
    """This run's name, for its databases."""
    return f"test_{os.getpid()}"


@pytest.fixture(scope="session")
async def clone(postgres: embedded.Server, run: str) -> AsyncIterator[str]:
    """The name of this run's own database, migrated."""
    template = f"template_{_fingerprint()}"
    connection = await asyncpg.connect(postgres.owner_url("postgres"))
    try:
        await connection.execute("select pg_advisory_lock(1)")  # a template cannot be cloned while it is migrated
        await _drop(connection, lambda name: _is_left_over(name, template))
        await migrate(postgres.owner_url(template))
        await connection.execute(f"create database {run} template {template}")
        await connection.execute("select pg_advisory_unlock(1)")
        yield run
        await _drop(connection, lambda name: f"{name}_".startswith(f"{run}_"))
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def owner_url(postgres: embedded.Server, clone: str) -> str:
    """This run's database, as its owner."""
    return postgres.owner_url(clone)


@pytest.fixture(scope="session")
def database_url(postgres: embedded.Server, clone: str) -> str:
    """This run's database, as the application."""
    return postgres.url(clone)


@pytest.fixture(scope="session")
async def db(database_url: str) -> AsyncIterator[Database]:
    """A pool on this run's database, as the application."""
    async with Database(database_url, constraints=CONSTRAINTS) as database:
        yield database


def _fingerprint() -> str:
    files = sorted(MIGRATIONS.glob("*.sql"))
    return hashlib.sha256(b"\0".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()[:12]


def _is_left_over(name: str, template: str) -> bool:
    """Whether it is a template of other migrations, or of a run that was killed."""
    match = re.match(r"test_([0-9]+)", name)
    ended = match is not None and not Path(f"/proc/{match[1]}").exists()
    return ended or (name.startswith("template_") and name != template)


async def _drop(connection: asyncpg.Connection, which: Callable[[str], bool]) -> None:
    names = await connection.fetch("select datname from pg_database where not datistemplate")
    for (name,) in names:
        if which(name):
            await connection.execute(f"drop database if exists {name} with (force)")


@pytest.fixture(scope="module")
async def own_url(postgres: embedded.Server, run: str, request: pytest.FixtureRequest) -> str:
    """A database of this test file's own, as its owner: for what looks at all stores, or plants what must not be."""
    url = postgres.owner_url(f"{run}_{Path(request.path).stem}")
    await migrate(url)
    return url


@pytest.fixture(scope="module")
async def own_db(own_url: str) -> AsyncIterator[Database]:
    """That database, as the application."""
    async with Database(own_url.replace("checkie_owner@", "checkie_app@"), size=4, constraints=CONSTRAINTS) as database:
        yield database


@pytest.fixture
async def owner(own_url: str) -> AsyncIterator[asyncpg.Connection]:
    """That database, as its owner."""
    connection = await asyncpg.connect(own_url)
    yield connection
    await connection.close()
