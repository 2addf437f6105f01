"""Write events in the caller's unit of work."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, Final, NamedTuple

from checkie.db import UnitOfWork, partition_of
from checkie.kernel import Id
from checkie.kernel.ids import EventId
from checkie.outbox.event import Event

_INSERT: Final = """
insert into outbox.event (store, id, aggregate, seq, name, version, body, at, partition)
select $1, * from unnest($2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::smallint[], $7::jsonb[], $8::timestamptz[],
  $9::smallint[])
"""


class _Numbered(NamedTuple):
    aggregate: Id
    seq: int
    event: Event
    at: datetime


def publish(unit: UnitOfWork, aggregate: Id, *events: Event, after: int, now: datetime) -> int:
    """Record events of one aggregate in the caller's unit of work: they happen if, and only if, the change does.

    `after`: how many events the aggregate's row counts so far. Returns the new count, which the caller writes to that
    row: locked, or on condition of its version. All events of a unit are written in one statement before it commits.
    ValueError for the aggregate of another store: a unit of work writes one store's rows.
    """
    if unit.store not in (None, aggregate.store):
        raise ValueError(f"a unit of work publishes events of one store: {unit.store}, not {aggregate.store}")
    unit.store = aggregate.store
    if not events:
        return after
    unit.defer(_write, [_Numbered(aggregate, after + place, event, now) for place, event in enumerate(events, start=1)])
    return after + len(events)


async def _write(unit: UnitOfWork, items: list[_Numbered]) -> None:
    store = items[0].aggregate.store
    columns: tuple[list[Any], ...] = ([], [], [], [], [], [], [], [])
    for aggregate, seq, event, at in items:
        values = (
            EventId.new(store, at).uuid,
            aggregate.uuid,
            seq,
            event.name,
            event.version,
            {field.name: getattr(event, field.name) for field in fields(event)},
            at,
            partition_of(aggregate.number),
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    unit.add(_INSERT, store, *columns, expect=None)
