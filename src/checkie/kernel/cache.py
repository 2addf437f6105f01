"""A cache for a short time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class Cache(Generic[Key, Value]):
    """Keeps values for `ttl`: for what is read often and rarely changed. It is emptied when it holds `max_size`."""

    ttl: timedelta
    max_size: int = 10_000
    _kept: dict[Key, tuple[datetime, Value]] = field(default_factory=dict, repr=False)

    def find(self, key: Key, now: datetime) -> Value | None:
        """The value of `key`, unless it has expired."""
        kept = self._kept.get(key)
        return kept[1] if kept and now - kept[0] < self.ttl else None

    def keep(self, key: Key, value: Value, now: datetime) -> None:
        """Keep `value`, as read at `now`."""
        if len(self._kept) >= self.max_size:
            self._kept.clear()
        self._kept[key] = (now, value)
