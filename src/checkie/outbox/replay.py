"""Do events again: dead letters once their cause is mended, or every event for a fresh read model."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog

from checkie.db import Database
from checkie.outbox.consumer import Consumer
from checkie.outbox.event import Recorded

_log = structlog.get_logger()
_DEAD: Final = "select store, event from outbox.dead_letter where consumer = $1 order by at, event limit $2"
_EVENT: Final = """
select store, id, aggregate, seq, name, body, at, partition from outbox.event where store = $1 and id = $2
"""
_FORGET: Final = "delete from outbox.dead_letter where store = $1 and consumer = $2 and event = $3"


async def redrive(db: Database, consumer: Consumer, now: datetime, limit: int = 1000) -> int:
    """Try a consumer's dead letters again, oldest first; how many went through. Those that fail again stay."""
    done = 0
    for dead in await db.fetch(_DEAD, consumer.name, limit):
        row = await db.fetchrow(_EVENT, dead["store"], dead["event"])
        if row is None:
            continue
        try:
            await consumer.do(dead["store"], [Recorded(**dict(row))], now)
        except Exception as error:  # noqa: BLE001 it stays a dead letter, and the others are tried
            _log.warning(
                "dead_letter_failed_again", consumer=consumer.name, event_id=str(dead["event"]), error=repr(error)
            )
            continue
        await db.execute(_FORGET, dead["store"], consumer.name, dead["event"])
        done += 1
    return done


async def replay(consumer: Consumer, now: datetime) -> int:
    """Run every event so far through a consumer with a name of its own, which starts at the beginning. How many."""
    total = 0
    while count := await consumer.step(now):
        total += count
    return total
