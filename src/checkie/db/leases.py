"""Leases: which of several processes does a piece of work now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from checkie.db.pool import Database

PARTITIONS: Final = 16
"""The number of partitions of the work, and so of the workers that can share it."""
LEASE_S: Final = 10.0

# Takes what is free or lapsed, and renews what is ours.
_CLAIM: Final = """
insert into db.lease (name, partition, owner, until)
select $1, p, $2, $4 from unnest($3::smallint[]) p
on conflict (name, partition) do update set owner = excluded.owner, until = excluded.until
  where db.lease.owner = excluded.owner or db.lease.until < $5
returning partition
"""
_SHARING: Final = "select partition, owner from db.lease where name = $1 and until >= $2"
_RELEASE: Final = "update db.lease set until = $3 where name = $1 and owner = $2 and partition = any($4)"
# Which owners are alive, with or without leases: a new one must be seen by those that hold everything.
_APPEAR: Final = """
insert into db.owner (name, owner, until) values ($1, $2, $3)
on conflict (name, owner) do update set until = excluded.until
"""
_PRESENT: Final = "select owner from db.owner where name = $1 and until >= $2 order by owner"
_VANISH: Final = "delete from db.owner where name = $1 and (owner = $2 or until < $3)"


@dataclass(slots=True)
class Leases:
    """The partitions of one kind of work that one owner holds. Within a lease's time owners hold equal shares."""

    db: Database
    name: str
    owner: str
    held: Sequence[int] = ()

    async def renew(self, now: datetime) -> Sequence[int]:
        """Renew, claim or release partitions so that the live owners share evenly. Returns what is held now."""
        until = now + timedelta(seconds=LEASE_S)
        await self.db.execute(_APPEAR, self.name, self.owner, until)
        present = [row["owner"] for row in await self.db.fetch(_PRESENT, self.name, now)]
        taken = {row["partition"]: row["owner"] for row in await self.db.fetch(_SHARING, self.name, now)}
        mine = [partition for partition in range(PARTITIONS) if taken.get(partition) == self.owner]
        free = [partition for partition in range(PARTITIONS) if partition not in taken]
        share = _share(present, self.owner)
        if mine[share:]:
            await self.db.execute(_RELEASE, self.name, self.owner, now - timedelta(seconds=1), mine[share:])
        rows = await self.db.fetch(_CLAIM, self.name, self.owner, (mine + free)[:share], until, now)
        self.held = tuple(sorted(row["partition"] for row in rows))
        return self.held

    async def release(self, now: datetime) -> None:
        """Release everything, so that another owner need not wait for the lease to end."""
        held, self.held = self.held, ()
        await self.db.execute(_RELEASE, self.name, self.owner, now - timedelta(seconds=1), list(held))
        await self.db.execute(_VANISH, self.name, self.owner, now - timedelta(days=1))


def _share(present: Sequence[str], owner: str) -> int:
    """The number of partitions of this owner: the first owners take the remainder."""
    each, rest = divmod(PARTITIONS, len(present))
    return each + (present.index(owner) < rest)


def partition_of(number: int) -> int:
    """The partition of the id with this 128-bit number. Its low bits are random, so partitions are even."""
    return number % PARTITIONS
