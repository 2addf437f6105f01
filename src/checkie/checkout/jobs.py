"""What checkout does in the background."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from checkie.checkout.expire import expire_row
from checkie.checkout.sql import find_due
from checkie.db import Job, due_rows
from checkie.payments.port import Providers
from checkie.web import Services


def jobs(services: Services) -> Sequence[Job]:
    """End sessions that are due."""
    providers = services.get(Providers)

    async def end(row_id: UUID, now: datetime) -> None:
        await expire_row(services.db, providers, row_id, now)

    return [due_rows("end_session", services.db, services.now, find_due, end)]
