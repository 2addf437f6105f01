"""What payments do in the background."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from checkie.db import Job, due_rows
from checkie.payments.port import Providers
from checkie.payments.reconciling.reconcile import reconcile_row
from checkie.payments.reconciling.sql import find_due
from checkie.web import Services


def jobs(services: Services) -> Sequence[Job]:
    """Check attempts that are due with their providers."""
    providers = services.get(Providers)

    async def check(row_id: UUID, now: datetime) -> None:
        await reconcile_row(services.db, providers, row_id, now)

    return [due_rows("check_attempt", services.db, services.now, find_due, check)]
