"""What was found a moment ago."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class Cache(Generic[Key, Value]):
    """Remembers values for `ttl`: for what everybody reads and hardly anybody changes. Too many, and it forgets all."""

    ttl: timedelta
    max_size: int = 10_000
    _kept: dict[Key, tuple[datetime, Value]] = field(default_factory=dict, repr=False)

    def find(self, key: Key, now: datetime) -> Value | None:
        """What was kept under `key`, unless that is too long ago."""
        kept = self._kept.get(key)
        return kept[1] if kept and now - kept[0] < self.ttl else None

    def keep(self, key: Key, value: Value, now: datetime) -> None:
        """Remember `value`, as found at `now`."""
        if len(self._kept) >= self.max_size:
            self._kept.clear()
        self._kept[key] = (now, value)
