"""The simulator's file: batches that are written whole or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkie.providers.simulator.batch import Batches

SCHEMA = "create table if not exists thing (name text primary key);"
PUT = "insert into thing values (?)"


@pytest.fixture
def batches(tmp_path: Path) -> Iterator[Batches]:
    made = Batches(tmp_path / "deep" / "file.sqlite", SCHEMA)
    yield made
    made.close()


def names(batches: Batches) -> list[str]:
    return [name for (name,) in batches.read("select name from thing order by name")]


async def begun(batches: Batches, name: str) -> asyncio.Task[None]:
    """Somebody who has written and waits, before the turn's end."""

    async def change() -> None:
        batches.write(PUT, (name,))
        await batches.settled()

    task = asyncio.create_task(change())
    await asyncio.sleep(0)
    assert not batches.is_settled
    return task


async def test_all_of_one_turn_is_one_transaction(batches: Batches) -> None:
    commits = []
    batches.committed = lambda: commits.append(names(batches))
    for name in ("a", "b", "c"):
        batches.write(PUT, (name,))
    assert not batches.is_settled
    await batches.settled()
    assert commits == [["a", "b", "c"]]
    assert batches.is_settled


async def test_a_statement_that_fails_takes_its_whole_batch_with_it_and_all_are_told(batches: Batches) -> None:
    rolled_back = []
    batches.rolled_back = lambda: rolled_back.append(True)
    waiting = await begun(batches, "a")
    with pytest.raises(sqlite3.IntegrityError):
        batches.write(PUT, ("a",))
    with pytest.raises(sqlite3.IntegrityError):
        await waiting
    assert names(batches) == []
    assert rolled_back == [True]


async def test_the_next_batch_is_not_touched_by_that(batches: Batches) -> None:
    batches.write(PUT, ("a",))
    with pytest.raises(UnicodeEncodeError):
        batches.write(PUT, ("\ud800",))
    with pytest.raises(UnicodeEncodeError):
        await batches.settled()
    batches.write(PUT, ("b",))
    await batches.settled()
    assert names(batches) == ["b"]


async def test_one_who_stops_waiting_takes_nothing_from_the_others(batches: Batches) -> None:
    impatient = await begun(batches, "a")
    impatient.cancel()
    patient = batches.settled()
    await patient
    assert names(batches) == ["a"]


async def test_closing_writes_what_is_open(tmp_path: Path) -> None:
    first = Batches(tmp_path / "file.sqlite", SCHEMA)
    first.write(PUT, ("a",))
    first.close()
    again = Batches(tmp_path / "file.sqlite", SCHEMA)
    assert names(again) == ["a"]
    again.close()


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    first = Batches(tmp_path / "file.sqlite", SCHEMA)
    first.write(PUT, ("a",))
    await first.settled()
    other = sqlite3.connect(tmp_path / "file.sqlite", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("select * from thing")
    other.close()
    first.close()
