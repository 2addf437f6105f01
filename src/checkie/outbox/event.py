"""What an event is, in code and in a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact. Subclasses name it (`noun.verbed`) and add plain JSON fields: text, whole numbers, booleans, lists, maps.

    `version` grows when a field changes its meaning; adding a field does not change it.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    public: ClassVar[bool] = False
    """Whether merchants may subscribe to it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it was written down."""

    store: int
    id: UUID
    aggregate: UUID
    seq: int
    name: str
    body: Mapping[str, Any]
    at: datetime
    partition: int
