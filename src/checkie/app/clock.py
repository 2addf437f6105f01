"""The one clock. Everything below gets the time as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def system_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)  # noqa: TID251  the one place that reads the clock
