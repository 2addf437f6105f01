"""A consumer: handles events, each once in effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, TypeAlias

import structlog

from checkie.db import OUTAGES, Database, UnitOfWork
from checkie.outbox.event import Recorded
from checkie.outbox.inbox import record_new
from checkie.outbox.port import Bus

TRIES: Final = 5
_PAUSE_S: Final = 0.05
_ERROR_LENGTH: Final = 2000
_log = structlog.get_logger()
_DEAD: Final = """
insert into outbox.dead_letter (store, consumer, event, error, at) values ($1, $2, $3, $4, $5) on conflict do nothing
"""

Reaction: TypeAlias = Callable[[UnitOfWork, int, Sequence[Recorded], datetime], Awaitable[None]]
"""`reaction(tx, store, events, now)`: the effect of some events of one store, in `tx`. It never touches the network."""


@dataclass(slots=True)
class Consumer:
    """Runs `reactions[event name]` for every event, in order per aggregate, in one transaction a store and batch."""

    name: str
    reactions: Mapping[str, Sequence[Reaction]]
    db: Database
    bus: Bus
    batch: int = 200

    async def step(self, now: datetime) -> int:
        """Read a batch, handle it and move on. Returns how many events were read. What fails is tried one by one."""
        batch = await self.bus.read(self.name, self.batch)
        wanted = [event for event in batch.events if event.name in self.reactions]
        wanted.sort(key=lambda event: event.store)
        groups = [(store, list(events)) for store, events in groupby(wanted, key=lambda event: event.store)]
        await asyncio.gather(*(self._group(store, events, now) for store, events in groups))
        await self.bus.keep(self.name, batch.positions)
        return len(batch.events)

    async def _group(self, store: int, events: Sequence[Recorded], now: datetime) -> None:
        try:
            await self.do(store, events, now)
        except OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001 what fails is tried one by one, then kept as a dead letter
            if len(events) > 1:
                _log.warning(
                    "events_retried_one_by_one", consumer=self.name, store=store, count=len(events), error=repr(error)
                )
            for event in events:
                await self._single(event, now)

    async def _single(self, event: Recorded, now: datetime) -> None:
        failure: Exception | None = None
        for attempt in range(TRIES):
            try:
                await self.do(event.store, [event], now)
            except OUTAGES:  # the event is not at fault: it waits in its place for the database
                raise
            except Exception as error:  # noqa: BLE001 it becomes a dead letter, and those behind it go on
                failure = error
                await asyncio.sleep(_PAUSE_S * 2**attempt)
            else:
                return
        _log.error(
            "event_dead_lettered", consumer=self.name, event_name=event.name, event_id=str(event.id), exc_info=failure
        )
        await self.db.execute(_DEAD, event.store, self.name, event.id, repr(failure)[:_ERROR_LENGTH], now)

    async def do(self, store: int, events: Sequence[Recorded], now: datetime) -> None:
        """Handle some events of one store, in one transaction with their inbox rows."""
        async with self.db.transaction() as unit:
            fresh = await record_new(unit, store, self.name, [str(event.id) for event in events], now)
            todo = sorted((e for e in events if str(e.id) in fresh), key=lambda e: (e.aggregate, e.seq))
            by_reaction: dict[Reaction, list[Recorded]] = {}
            for event in todo:
                for reaction in self.reactions[event.name]:
                    by_reaction.setdefault(reaction, []).append(event)
            for reaction, theirs in by_reaction.items():
                await reaction(unit, store, theirs, now)
