"""What the ledger does in the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from checkie.db import Job
from checkie.ledger.fold import fold, stores_to_fold
from checkie.web import Services

_STORES: Final = 1000


def jobs(services: Services) -> Sequence[Job]:
    """Fold the deltas of new transfers into the balances."""

    async def run(_partitions: Sequence[int]) -> int:
        stores = await stores_to_fold(services.db, _STORES)
        return sum([await fold(services.db, store, services.now()) for store in stores])

    return [Job(name="fold", run=run, min_s=5, max_s=5, is_housekeeping=True)]
