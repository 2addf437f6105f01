"""Typed handlers of events: what a consumer does, stated once for each kind of event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar

from checkie.db import UnitOfWork
from checkie.outbox.event import Event, Recorded

Kind = TypeVar("Kind", bound=Event)
Handler: TypeAlias = Callable[[UnitOfWork, Any, datetime], Awaitable[None]]
"""`handler(unit, event, now)`: what follows from one event, in the unit of work that records it as done."""
Handlers: TypeAlias = Mapping[type[Event], Sequence[Handler]]


class NewerEvent(Exception):
    """An event was written by a newer release than this one: it waits as a dead letter until this one is upgraded."""


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
            event = load(kind, recorded)
            for handler in self.handlers[kind]:
                await handler(unit, event, now)

    def __hash__(self) -> int:
        return id(self)


def load(kind: type[Kind], recorded: Recorded) -> Kind:
    """The event that was written down, brought up to the version that `kind` has now.

    Fields that `kind` does not know are left out. Raises NewerEvent for a version that this release does not know.
    """
    if recorded.version > kind.version:
        raise NewerEvent(f"{kind.name} is of version {recorded.version}; this release knows {kind.version}")
    body = dict(recorded.body)
    for version in range(recorded.version, kind.version):
        body = dict(kind.upcasters[version](body))
    return kind(**{name: body[name] for name in _names(kind) if name in body})


_cache: Final[dict[type[Event], frozenset[str]]] = {}


def _names(kind: type[Event]) -> frozenset[str]:
    if kind not in _cache:
        _cache[kind] = frozenset(field.name for field in fields(kind))
    return _cache[kind]
