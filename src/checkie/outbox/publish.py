"""Write events in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from checkie.db import Tx, partition_of
from checkie.kernel import Id
from checkie.outbox.event import Event, EventId

_INSERT: Final = """
insert into outbox.event (store, id, aggregate, seq, name, body, at, partition)
select $1, * from unnest($2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::jsonb[], $7::timestamptz[], $8::smallint[])
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event about to be written: `seq` is the aggregate's own count of its events, this one included."""

    aggregate: Id
    seq: int
    event: Event


def publish(tx: Tx, drafts: Sequence[Draft], now: datetime) -> None:
    """Record events of one store in the caller's transaction: they happen if, and only if, the change does.

    Written just before the commit, all that the transaction published together. The caller holds the lock on each
    aggregate's row, where it counts `seq`, or writes that row on condition that it is as it was read.
    """
    tx.defer(_write, [(draft, now) for draft in drafts])


def _write(tx: Tx, items: list[tuple[Draft, datetime]]) -> None:
    if not items:
        return
    store = items[0][0].aggregate.store
    columns: tuple[list[Any], ...] = ([], [], [], [], [], [], [])
    for draft, now in items:
        values = (
            EventId.new(store, now).uuid,
            draft.aggregate.uuid,
            draft.seq,
            draft.event.name,
            {field.name: getattr(draft.event, field.name) for field in fields(draft.event)},
            now,
            partition_of(draft.aggregate.number),
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    tx.write(_INSERT, store, *columns)
