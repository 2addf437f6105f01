"""The clock. Modules below `app` receive the time as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def system_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)  # noqa: TID251  the only place that reads the clock
