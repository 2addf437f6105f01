"""An event, in code and in a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
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
