"""Typed handlers of events: what a consumer does, stated once for each kind of event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from checkie.db import UnitOfWork
from checkie.outbox.event import Event, Recorded

Handler: TypeAlias = Callable[[UnitOfWork, Any, datetime], Awaitable[None]]
"""`handler(unit, event, now)`: what follows from one event, in the unit of work that records it as done."""
Handlers: TypeAlias = Mapping[type[Event], Sequence[Handler]]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Gives each event to the handlers of its kind, in the order of the events."""

    handlers: Handlers

    @property
    def names(self) -> Sequence[str]:
        """The names of the events that it handles."""
        return [kind.name for kind in self.handlers]

    async def __call__(self, unit: UnitOfWork, _store: int, events: Sequence[Recorded], now: datetime) -> None:
        """Handle some events of one store."""
        kinds = {kind.name: kind for kind in self.handlers}
        for recorded in events:
            kind = kinds[recorded.name]
            event = recorded.load(kind)
            for handler in self.handlers[kind]:
                await handler(unit, event, now)

    def __hash__(self) -> int:
        return id(self)
