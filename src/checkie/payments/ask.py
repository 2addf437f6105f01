"""Ask providers about attempts that hang: silence is resolved by asking, never by trying elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog

from checkie.db import Database
from checkie.kernel.ids import AttemptId
from checkie.payments import sql
from checkie.payments.authorize import record
from checkie.payments.port import Cancelled, Declined, Provider

_log = structlog.get_logger()


async def ask(db: Database, providers: Mapping[str, Provider], attempt: AttemptId, now: datetime) -> None:
    """Ask about one attempt if its time has come; the next question is set before this one is asked."""
    found = await sql.claim_ask(db, attempt, now)
    if found is None:
        return
    payment, asked = found
    provider = providers.get(asked.provider)
    if provider is None:
        _log.error("provider_not_configured", provider=asked.provider, attempt=attempt)
        return
    if payment.is_paid or asked.is_refused:  # this one must not be paid any more
        outcome = await provider.cancel(attempt, asked.reference)
    else:
        outcome = await provider.find(attempt, asked.reference)
    _log.info("provider_asked", attempt=attempt, outcome=type(outcome).__name__)
    await record(db, attempt, outcome, now)
    if asked.is_refused and isinstance(outcome, Cancelled | Declined):
        await sql.close(db, attempt, now)


async def ask_row(db: Database, providers: Mapping[str, Provider], row_id: UUID, now: datetime) -> None:
    """`ask` for the due-work loop, which knows rows."""
    await ask(db, providers, AttemptId.of(row_id), now)
