"""Check the invariants of the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from checkie.db import Database

_GAPS: Final = """
select format('store %s, aggregate %s: %s events up to %s', store, aggregate, count(*), max(seq)) as offender
from outbox.event group by store, aggregate having count(*) <> max(seq)
"""
_DEAD: Final = """
select format('store %s, event %s, consumer %s: %s', store, event, consumer, error) as offender from outbox.dead_letter
"""
# Events that a consumer has not passed half a minute after they were written. Without a position it has passed none.
_LATE: Final = """
select format('consumer %s, partition %s: %s events wait since %s',
  c.name, e.partition, count(*), min(e.at)) as offender
from unnest($1::text[]) as c (name)
cross join outbox.event e
left join outbox.position p on p.consumer = c.name and p.partition = e.partition
where (p.xid is null or (e.xid, e.id) > (p.xid, p.event)) and e.at < now() - interval '30 seconds'
group by c.name, e.partition
"""


# A dump restored into another cluster keeps transaction ids that this one has not reached; see docs/operations.md.
_FOREIGN: Final = """
select format('partition %s: %s events of another cluster', partition, count(*)) as offender
from outbox.event where xid >= pg_snapshot_xmax(pg_current_snapshot()) group by partition
"""


async def check(db: Database, consumers: Sequence[str]) -> dict[str, Sequence[str]]:
    """The violations of each invariant; empty lists if there are none."""
    return {
        "events_have_no_gap": [row["offender"] for row in await db.fetch(_GAPS)],
        "no_event_lost": [row["offender"] for row in await db.fetch(_LATE, list(consumers))],
        "events_are_of_this_cluster": [row["offender"] for row in await db.fetch(_FOREIGN)],
        "no_event_dead_lettered": [row["offender"] for row in await db.fetch(_DEAD)],
    }
