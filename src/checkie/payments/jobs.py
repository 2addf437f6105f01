"""What payments do in the background."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from checkie.db import Database, Due
from checkie.payments.port import Providers
from checkie.payments.reconciling.reconcile import reconcile_row
from checkie.payments.reconciling.sql import find_due


def jobs(db: Database, providers: Providers) -> Sequence[Due]:
    """The work of payments that becomes due: checks with providers."""

    async def check(_: int, row_id: UUID, now: datetime) -> None:
        await reconcile_row(db, providers, row_id, now)

    return [Due("check_attempt", find_due, check)]
