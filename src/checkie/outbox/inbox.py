"""The inbox: which messages were handled already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from checkie.db import Database, UnitOfWork

_RECEIVE: Final = """
insert into outbox.inbox (store, consumer, message, at) select $1, $2, message, $4 from unnest($3::text[]) message
on conflict do nothing returning message
"""


_TAKE: Final = "insert into outbox.inbox (store, consumer, message, at) values ($1, $2, $3, $4) on conflict do nothing"
_KNOWN: Final = "select 1 as one from outbox.inbox where store = $1 and consumer = $2 and message = $3"
_OLD: Final = """
select store, array_agg(consumer) as consumers, array_agg(message) as messages
from (select store, consumer, message from outbox.inbox where at < $1 order by at limit $2) old group by store
"""
_PRUNE: Final = """
delete from outbox.inbox i using unnest($2::text[], $3::text[]) as old (consumer, message)
where i.store = $1 and i.consumer = old.consumer and i.message = old.message and i.at < $4
"""
KEPT: Final = timedelta(days=30)
"""Longer than any provider repeats a webhook or a consumer can lag."""


async def record_new(unit: UnitOfWork, store: int, consumer: str, messages: Sequence[str], now: datetime) -> set[str]:
    """Which of `messages` this consumer has not handled; they count as handled when the caller's unit of work commits.

    A concurrent transaction with the same message waits here until the other ends.
    """
    rows = await unit.fetch(_RECEIVE, store, consumer, sorted(messages), now)
    return {row["message"] for row in rows}


def record_message(unit: UnitOfWork, store: int, consumer: str, message: str, now: datetime) -> None:
    """The same for one message, as a write: the unit of work raises WriteConflict if it was handled already."""
    unit.add(_TAKE, store, consumer, message, now)


async def is_recorded(db: Database, store: int, consumer: str, message: str) -> bool:
    """Whether this consumer has handled the message."""
    return await db.read(_KNOWN, store, consumer, message) is not None


async def prune_inbox(db: Database, now: datetime, limit: int = 5000) -> int:
    """Delete messages that can no longer be repeated, one statement a store. Returns how many."""
    before = now - KEPT
    old = await db.fetch(_OLD, before, limit)
    return sum([await db.execute(_PRUNE, *row, before) for row in old])
