"""Cancel an attempt at its provider."""

from __future__ import annotations

from datetime import datetime

from checkie.db import Database
from checkie.payments.authorize import record
from checkie.payments.model import Attempt
from checkie.payments.port import Outcome, ProviderNotConfigured, Providers, Unknown


async def cancel(db: Database, providers: Providers, attempt: Attempt, now: datetime) -> Outcome:
    """Make sure that a live attempt can no longer succeed, and record the provider's answer.

    Approved: it was too late. Unknown: it is not certain; try again.
    """
    try:
        cards = providers.cards(attempt.provider)
    except ProviderNotConfigured:
        return Unknown(f"provider {attempt.provider} is not configured")
    outcome = await cards.cancel(attempt.id, attempt.reference)
    await record(db, attempt.id, outcome, now)
    return outcome
