"""What the outbox does in the background."""

from __future__ import annotations

from collections.abc import Sequence

from checkie.db import Job
from checkie.outbox.inbox import prune_inbox
from checkie.web import Services


def jobs(services: Services) -> Sequence[Job]:
    """Delete messages of the inbox that can no longer be repeated."""

    async def run(_partitions: Sequence[int]) -> int:
        return await prune_inbox(services.db, services.now())

    return [Job(name="prune_inbox", run=run, min_s=0.5, max_s=60, is_housekeeping=True)]
