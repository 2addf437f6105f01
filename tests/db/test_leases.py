"""Leases share work between live processes."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from checkie.db import PARTITIONS, Database, Leases
from checkie.db.leases import LEASE_S
from tests.make import Clock

LAPSE_S = LEASE_S + 1
_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    """A kind of work of this test alone."""
    return f"work-{next(_numbers)}"


def owners(db: Database, name: str, count: int) -> list[Leases]:
    return [Leases(db, name, f"owner-{number}") for number in range(count)]


async def settle(leases: list[Leases], clock: Clock) -> None:
    """Everybody renews, as they do every three seconds, for about a lease's time."""
    for _ in range(4):
        clock.tick(seconds=3)
        for lease in leases:
            await lease.renew(clock())


def shares(leases: list[Leases]) -> list[int]:
    return sorted(len(lease.held) for lease in leases)


def held_once(leases: list[Leases]) -> bool:
    """Whether every partition is held by exactly one."""
    return sorted(partition for lease in leases for partition in lease.held) == list(range(PARTITIONS))


async def holds(db: Database, name: str, partition: int, lease: Leases) -> bool:
    """Whether the table agrees."""
    sql = "select owner from db.lease where name = $1 and partition = $2"
    return bool(await db.fetchval(sql, name, partition) == lease.owner)


class TestOneOwner:
    async def test_takes_everything_and_keeps_it(self, db: Database, name: str) -> None:
        (one,), clock = owners(db, name, 1), Clock()
        assert await one.renew(clock()) == tuple(range(PARTITIONS))
        assert await one.renew(clock.tick(seconds=3)) == tuple(range(PARTITIONS))
        assert await one.renew(clock.tick(days=30)) == tuple(range(PARTITIONS))

    async def test_does_not_share_with_another_kind_of_work(self, db: Database, name: str) -> None:
        clock = Clock()
        here, there = Leases(db, name, "here"), Leases(db, f"{name}-other", "there")
        assert await here.renew(clock()) == await there.renew(clock()) == tuple(range(PARTITIONS))


class TestSeveralOwners:
    @pytest.mark.parametrize("count", [2, 3, 4, 5, 16])
    async def test_who_start_together_share_evenly(self, db: Database, name: str, count: int) -> None:
        leases = owners(db, name, count)
        await settle(leases, Clock())
        assert held_once(leases)
        assert max(shares(leases)) - min(shares(leases)) <= 1

    async def test_a_new_owner_gets_a_share_from_one_who_has_all(self, db: Database, name: str) -> None:
        (first, second), clock = owners(db, name, 2), Clock()
        await first.renew(clock())
        await settle([first, second], clock)
        assert held_once([first, second])
        assert shares([first, second]) == [8, 8]

    async def test_nobody_holds_what_another_holds(self, db: Database, name: str) -> None:
        leases, clock = owners(db, name, 3), Clock()
        sql = "select count(distinct owner) from db.lease where name = $1 and partition = $2 and until >= $3"
        for _ in range(6):
            for lease in leases:
                for partition in await lease.renew(clock.tick(seconds=1)):
                    assert await db.fetchval(sql, name, partition, clock()) == 1
                    others = [other for other in leases if other is not lease and partition in other.held]
                    assert not others or not await holds(db, name, partition, others[0])

    async def test_one_who_stops_releases_its_share_immediately(self, db: Database, name: str) -> None:
        leases, clock = owners(db, name, 2), Clock()
        await settle(leases, clock)
        first, second = leases
        await first.release(clock())
        assert first.held == ()
        await second.renew(clock())
        await second.renew(clock.tick(seconds=3))
        assert second.held == tuple(range(PARTITIONS))


class TestALapsedLease:
    async def test_is_taken_by_another(self, db: Database, name: str) -> None:
        (dead, alive), clock = owners(db, name, 2), Clock()
        await dead.renew(clock())
        await alive.renew(clock.tick(seconds=LEASE_S - 1))
        assert not set(alive.held) & set(dead.held)
        await alive.renew(clock.tick(seconds=LAPSE_S))
        assert alive.held == tuple(range(PARTITIONS))

    async def test_is_not_renewed_by_its_old_owner_once_another_has_it(self, db: Database, name: str) -> None:
        (slow, quick), clock = owners(db, name, 2), Clock()
        await slow.renew(clock())
        await quick.renew(clock.tick(seconds=LAPSE_S))
        held = set(await slow.renew(clock.tick(seconds=1)))
        assert not held & set(quick.held)

    async def test_lasts_as_long_as_promised(self, db: Database, name: str) -> None:
        (one,), clock = owners(db, name, 1), Clock()
        await one.renew(clock())
        until = await db.fetchval("select min(until) from db.lease where name = $1", name)
        assert until == clock() + timedelta(seconds=LEASE_S)
