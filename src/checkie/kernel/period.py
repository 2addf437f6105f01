"""Half-open stretches of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Period:
    """Includes `start`, excludes `end`, so periods tile with no gap and no overlap."""

    start: datetime
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or (self.end and not self.start <= self.end):
            raise ValueError("a period is zoned and does not end before it starts")

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment and (self.end is None or moment < self.end)
