"""Leases: which of the processes that could do a piece of work does it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from checkie.db.pool import Database

PARTITIONS: Final = 16
"""Into how many parts the work is cut, and so how many workers can share it."""
LEASE_S: Final = 10.0

# Takes what is free or lapsed, and renews what is ours; both only up to this owner's fair share.
_CLAIM: Final = """
insert into db.lease (name, partition, owner, until)
select $1, p, $2, $4 from unnest($3::smallint[]) p
on conflict (name, partition) do update set owner = excluded.owner, until = excluded.until
  where db.lease.owner = excluded.owner or db.lease.until < $5
returning partition
"""
_SHARING: Final = "select partition, owner from db.lease where name = $1 and until >= $2"
_RELEASE: Final = "update db.lease set until = $3 where name = $1 and owner = $2 and partition = any($4)"


@dataclass(slots=True)
class Leases:
    """The partitions of one kind of work that one owner holds. Owners settle on equal shares within a lease's time."""

    db: Database
    name: str
    owner: str
    held: Sequence[int] = ()

    async def renew(self, now: datetime) -> Sequence[int]:
        """Renew, take or give up partitions so that the owners alive share evenly; what is held now."""
        taken = {row["partition"]: row["owner"] for row in await self.db.fetch(_SHARING, self.name, now)}
        owners = sorted({*taken.values(), self.owner})
        share = -(-PARTITIONS // len(owners))
        mine = [p for p in range(PARTITIONS) if taken.get(p) == self.owner]
        free = [p for p in range(PARTITIONS) if p not in taken]
        keep, surplus = (mine + free)[:share], mine[share:]
        if surplus:
            await self.db.execute(_RELEASE, self.name, self.owner, now - timedelta(seconds=1), surplus)
        until = now + timedelta(seconds=LEASE_S)
        rows = await self.db.fetch(_CLAIM, self.name, self.owner, keep, until, now)
        self.held = tuple(sorted(row["partition"] for row in rows))
        return self.held

    async def release(self, now: datetime) -> None:
        """Give everything up, so that another owner need not wait."""
        await self.db.execute(_RELEASE, self.name, self.owner, now - timedelta(seconds=1), list(self.held))
        self.held = ()


def partition_of(number: int) -> int:
    """The partition of the thing with this 128-bit number. Its low bits are random, so shares are even."""
    return number % PARTITIONS
