"""Handle events again: dead letters once their cause is fixed, or every event for a new read model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog

from checkie.db import Database
from checkie.outbox.consumer import Consumer
from checkie.outbox.event import Recorded

_log = structlog.get_logger()
_BEFORE_ALL: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DEAD: Final = """
select store, event, at from outbox.dead_letter where consumer = $1 and (at, event) > ($2, $3)
order by at, event limit $4
"""
_EVENT: Final = """
select store, id, aggregate, seq, name, version, body, at, partition from outbox.event where store = $1 and id = $2
"""
_FORGET: Final = "delete from outbox.dead_letter where store = $1 and consumer = $2 and event = $3"


async def redrive(db: Database, consumer: Consumer, now: datetime, batch: int = 1000) -> int:
    """Handle each of a consumer's dead letters again, oldest first. Returns how many succeeded; the others stay."""
    done, at, event = 0, _BEFORE_ALL, UUID(int=0)
    while rows := await db.fetch(_DEAD, consumer.name, at, event, batch):
        for row in rows:
            done += await _again(db, consumer, row["store"], row["event"], now)
        at, event = rows[-1]["at"], rows[-1]["event"]
    return done


async def _again(db: Database, consumer: Consumer, store: int, event: UUID, now: datetime) -> bool:
    row = await db.fetchrow(_EVENT, store, event)
    if row is None:
        return False
    try:
        await consumer.do(store, [Recorded(**dict(row))], now)
    except Exception as error:  # noqa: BLE001 it stays a dead letter, and the others go on
        _log.warning("dead_letter_failed_again", consumer=consumer.name, event_id=str(event), error=repr(error))
        return False
    await db.execute(_FORGET, store, consumer.name, event)
    return True


async def replay(consumer: Consumer, now: datetime) -> int:
    """Give every event so far to a consumer with a new name, which starts at the beginning. Returns how many."""
    total = 0
    while count := await consumer.step(now):
        total += count
    return total
