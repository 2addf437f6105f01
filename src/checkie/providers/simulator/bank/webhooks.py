"""When a webhook is tried again. Pure."""

from __future__ import annotations

from typing import Final

from checkie.providers.simulator.bank.database import DueEvent

RETRY_AFTER_S: Final = (0.2, 1, 5, 30, 120, 600, 1800, 3600, 7200)
"""The delay after the first failure, the second, and so on; the last repeats."""
GIVE_UP_AFTER_S: Final = 3 * 86_400


def retry_at(event: DueEvent, now_s: float) -> float | None:
    """When to try again after a failure now. None once the event is three days old."""
    if now_s - event.created_at > GIVE_UP_AFTER_S:
        return None
    return now_s + RETRY_AFTER_S[min(event.tries, len(RETRY_AFTER_S) - 1)]
