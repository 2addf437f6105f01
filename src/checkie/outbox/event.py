"""An event, in code and in a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, TypeVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact. Subclasses name it (`noun.verbed`) and add plain JSON fields: text, whole numbers, booleans, lists, maps.

    `version` grows when a field is renamed, removed or changes its meaning; `upcasters` then says, by version, how a
    body becomes one of the next version. A field that is only added has a default, and the version stays.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    upcasters: ClassVar[Mapping[int, Callable[[Mapping[str, Any]], Mapping[str, Any]]]] = {}
    public: ClassVar[bool] = False
    """Whether merchants may subscribe to it."""


class NewerEvent(Exception):
    """An event was written by a newer release than this one: it waits as a dead letter until this one is upgraded."""


Kind = TypeVar("Kind", bound=Event)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it is stored."""

    store: int
    id: UUID
    aggregate: UUID
    seq: int
    name: str
    version: int
    body: Mapping[str, Any]
    at: datetime
    partition: int

    def load(self, kind: type[Kind]) -> Kind:
        """The event, brought up to the version that `kind` has now.

        Fields that `kind` does not know are left out. Raises NewerEvent for a version that this release does not know.
        """
        if self.version > kind.version:
            raise NewerEvent(f"{kind.name} is of version {self.version}; this release knows {kind.version}")
        body = dict(self.body)
        for version in range(self.version, kind.version):
            body = dict(kind.upcasters[version](body))
        names = _names(kind)  # type: ignore[arg-type]  # a class is hashable
        return kind(**{name: body[name] for name in names if name in body})


@lru_cache(maxsize=256)
def _names(kind: type[Event]) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))
