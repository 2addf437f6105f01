"""What webhooks do in the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from checkie.db import Job
from checkie.web import Services
from checkie.webhooks.deliver import deliver_due
from checkie.webhooks.post import Poster

_BATCH: Final = 100
_COPIES: Final = 4
"""A call takes as long as its slowest endpoint, so several run side by side."""


def jobs(services: Services) -> Sequence[Job]:
    """Deliver what is due."""
    poster = services.get(Poster)

    async def run(partitions: Sequence[int]) -> int:
        return await deliver_due(
            services.db, services.keyring, poster, partitions=partitions, now=services.now, limit=_BATCH
        )

    return [Job(name="deliver", run=run, min_s=0.05, max_s=0.4, copies=_COPIES)]
