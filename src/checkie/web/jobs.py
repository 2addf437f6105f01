"""What the HTTP edge does in the background."""

from __future__ import annotations

from collections.abc import Sequence

from checkie.db import Job
from checkie.web.idempotency import prune
from checkie.web.parts import Services


def jobs(services: Services) -> Sequence[Job]:
    """Delete idempotency keys that have expired."""

    async def run(_partitions: Sequence[int]) -> int:
        return await prune(services.db, services.now())

    return [Job(name="prune_idempotency_keys", run=run, min_s=0.5, max_s=60, is_housekeeping=True)]
