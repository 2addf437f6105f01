"""Check with the provider: an unknown outcome is resolved by asking the same provider, never by trying another."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog

from checkie.db import Database
from checkie.kernel.ids import AttemptId
from checkie.payments.authorize import record
from checkie.payments.port import Cancelled, Cards, Declined, Outcome, ProviderNotConfigured, Providers
from checkie.payments.reconciling import sql
from checkie.payments.sql import Found

_log = structlog.get_logger()


async def reconcile(db: Database, providers: Providers, attempt: AttemptId, now: datetime) -> None:
    """Check one attempt with its provider if a check is due; the next check is scheduled before this one is made.

    An attempt that must not be paid any more (it was declined, or another one paid) is cancelled at the provider.
    """
    found = await sql.claim(db, attempt, now)
    if found is None:
        return
    try:
        cards = providers.cards(found.attempt.provider)
    except ProviderNotConfigured:
        _log.error("provider_not_configured", provider=found.attempt.provider, attempt=attempt)
        return
    outcome = await _outcome(cards, found)
    _log.info("attempt_checked", attempt=attempt, outcome=type(outcome).__name__)
    await record(db, attempt, outcome, now)
    if found.attempt.is_declined and isinstance(outcome, Cancelled | Declined):
        await sql.end_checks(db, found.attempt, now)


async def _outcome(cards: Cards, found: Found) -> Outcome:
    attempt = found.attempt
    if found.payment.is_paid or attempt.is_declined:
        return await cards.cancel(attempt.id, attempt.reference)
    return await cards.find(attempt.id, attempt.reference)


async def reconcile_row(db: Database, providers: Providers, row_id: UUID, now: datetime) -> None:
    """`reconcile` for the due-work loop, which works with row ids."""
    await reconcile(db, providers, AttemptId.of(row_id), now)
