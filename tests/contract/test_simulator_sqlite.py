"""The simulator's file: batches that are written completely or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkie.providers.simulator.bank.sqlite import SqliteFile

SCHEMA = "create table if not exists thing (name text primary key);"
INSERT = "insert into thing values (?)"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteFile]:
    opened = SqliteFile(tmp_path / "deep" / "file.sqlite", SCHEMA)
    yield opened
    opened.close()


def names(file: SqliteFile) -> list[str]:
    return [name for (name,) in file.read("select name from thing order by name")]


async def started(file: SqliteFile, name: str) -> asyncio.Task[None]:
    """A task that has written and waits for the commit, before the end of the turn."""

    async def change() -> None:
        file.write(INSERT, (name,))
        await file.committed()

    task = asyncio.create_task(change())
    await asyncio.sleep(0)
    assert file.has_pending_writes
    return task


async def test_the_writes_of_one_turn_are_one_transaction(file: SqliteFile) -> None:
    commits = []
    file.on_commit = lambda: commits.append(names(file))
    for name in ("a", "b", "c"):
        file.write(INSERT, (name,))
    assert file.has_pending_writes
    await file.committed()
    assert commits == [["a", "b", "c"]]
    assert not file.has_pending_writes


async def test_a_statement_that_fails_rolls_back_its_batch_for_every_waiter(file: SqliteFile) -> None:
    rollbacks = []
    file.on_rollback = lambda: rollbacks.append(True)
    waiting = await started(file, "a")
    with pytest.raises(sqlite3.IntegrityError):
        file.write(INSERT, ("a",))
    with pytest.raises(sqlite3.IntegrityError):
        await waiting
    assert names(file) == []
    assert rollbacks == [True]


async def test_a_rollback_does_not_affect_the_next_batch(file: SqliteFile) -> None:
    file.write(INSERT, ("a",))
    with pytest.raises(UnicodeEncodeError):
        file.write(INSERT, ("\ud800",))
    with pytest.raises(UnicodeEncodeError):
        await file.committed()
    file.write(INSERT, ("b",))
    await file.committed()
    assert names(file) == ["b"]


async def test_a_waiter_that_is_cancelled_does_not_affect_the_others(file: SqliteFile) -> None:
    cancelled = await started(file, "a")
    cancelled.cancel()
    await file.committed()
    assert names(file) == ["a"]


async def test_close_commits_the_open_batch(tmp_path: Path) -> None:
    first = SqliteFile(tmp_path / "file.sqlite", SCHEMA)
    first.write(INSERT, ("a",))
    first.close()
    second = SqliteFile(tmp_path / "file.sqlite", SCHEMA)
    assert names(second) == ["a"]
    second.close()


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    first = SqliteFile(tmp_path / "file.sqlite", SCHEMA)
    first.write(INSERT, ("a",))
    await first.committed()
    other = sqlite3.connect(tmp_path / "file.sqlite", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("select * from thing")
    other.close()
    first.close()
