"""The bus: how events reach consumers. PostgreSQL and Kafka pass one contract suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from checkie.outbox.event import Recorded


@dataclass(frozen=True, slots=True)
class Position:
    """How far a consumer has read one partition. The meaning of `mark` is private to the adapter."""

    partition: int
    mark: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in order, and the positions to keep once all of them are handled."""

    events: Sequence[Recorded]
    positions: Sequence[Position]


class Bus(Protocol):
    """Reads events for a consumer group, at least once, in order per aggregate."""

    async def read(self, consumer: str, limit: int) -> Batch:
        """The next events of the partitions that this process holds; empty when there are none.

        A batch never contains an event without the earlier, unhandled ones of its aggregate.
        """
        ...

    async def keep(self, consumer: str, positions: Sequence[Position]) -> None:
        """Move on: these positions are not read again."""
        ...
