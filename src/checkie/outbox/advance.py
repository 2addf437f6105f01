"""Apply transitions to rows: the one way a status changes."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

import structlog
from prometheus_client import Counter

from checkie.db import UnitOfWork
from checkie.kernel import Id, Lifecycle
from checkie.outbox.event import Event
from checkie.outbox.publish import publish

IGNORED: Final = Counter(
    "checkie_transitions_ignored", "Transitions that a status did not allow", ["lifecycle", "state", "verb"]
)
_log = structlog.get_logger()
State_co = TypeVar("State_co", bound=StrEnum, covariant=True)
State = TypeVar("State", bound=StrEnum)
Verb = TypeVar("Verb", bound=StrEnum)
Key = TypeVar("Key", bound=Id)


class Stateful(Protocol[State_co]):
    """A row with a lifecycle: a frozen dataclass."""

    @property
    def id(self) -> Id:
        """Its id, which is the aggregate of its events."""
        ...

    @property
    def status(self) -> State_co:
        """Its status."""
        ...

    @property
    def seq(self) -> int:
        """How many events it has published."""
        ...

    def event(self, kind: type[Any], verb: Any) -> Event:
        """The event of `kind` that this row publishes when `verb` has happened to it."""
        ...


Row = TypeVar("Row", bound=Stateful[Any])


def advance(
    unit: UnitOfWork,
    lifecycle: Lifecycle[State, Verb, Any],
    rows: MutableMapping[Key, Row],
    transitions: Iterable[tuple[Key, Verb]],
    now: datetime,
) -> Sequence[Row]:
    """Apply `transitions` in order to `rows`, which the caller has locked, and publish their events.

    Returns the rows that changed, for the caller to write; `rows` holds them too. A transition that the table lacks
    follows from a fact that is already known, so it is ignored: counted and logged.
    """
    changed: dict[Key, Row] = {}
    for key, verb in transitions:
        row = rows[key]
        if not lifecycle.allows(row.status, verb):
            IGNORED.labels(lifecycle.name, row.status, verb).inc()
            _log.info("transition_ignored", lifecycle=lifecycle.name, id=str(key), state=row.status, verb=verb)
            continue
        rows[key] = changed[key] = apply(unit, lifecycle, row, verb, now)
    return list(changed.values())


def apply(unit: UnitOfWork, lifecycle: Lifecycle[State, Verb, Any], row: Row, verb: Verb, now: datetime) -> Row:
    """The row after `verb`, whose event is published. Refuses what the table lacks.

    The caller has locked the row, or writes it on condition of its version.
    """
    row, kind = lifecycle.step(row, verb)
    if kind is None:
        return row
    before: Any = row
    counted: Row = replace(before, seq=publish(unit, row.id, row.event(kind, verb), after=row.seq, now=now))
    return counted
