"""Call an attempt off at its provider."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from checkie.db import Database
from checkie.payments.authorize import record
from checkie.payments.model import Attempt
from checkie.payments.port import Outcome, Provider, Unknown


async def cancel(db: Database, providers: Mapping[str, Provider], attempt: Attempt, now: datetime) -> Outcome:
    """Make sure a live attempt can no longer succeed, and record the answer.

    Approved: it was too late. Unknown: ask again.
    """
    provider = providers.get(attempt.provider)
    if provider is None:
        return Unknown(f"provider {attempt.provider} is not configured")
    outcome = await provider.cancel(attempt.id, attempt.reference)
    await record(db, attempt.id, outcome, now)
    return outcome
