"""Call the provider and record its answer: the second and third step of intent, call, record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import structlog

from checkie.db import Database, UnitOfWork, retry_on_conflict
from checkie.kernel.ids import AttemptId
from checkie.payments import sql
from checkie.payments.apply_outcome import Change, apply_outcome
from checkie.payments.port import Action, ActionNeeded, Cards, Intent, Outcome

_log = structlog.get_logger()

OutcomeHook: TypeAlias = Callable[[UnitOfWork, Outcome], None]
"""Adds writes to the transaction that records an outcome."""


async def authorize(
    db: Database, cards: Cards, intent: Intent, now: datetime, hook: OutcomeHook | None = None
) -> Outcome:
    """Ask the provider to collect, with no transaction open, and record its answer.

    Safe to repeat, also concurrently: the provider knows the attempt by its id, and an answer that is known already
    changes nothing. The usual answer (the buyer is to enter a card) costs one statement.
    """
    outcome = await cards.authorize(intent)
    if isinstance(outcome, ActionNeeded) and outcome.action is Action.CONFIRM:
        async with db.transaction() as unit:
            sql.set_reference(unit, intent.key, outcome.reference, now)
            if hook:
                hook(unit, outcome)
    else:
        _log.info("authorize_answered", attempt=intent.key, outcome=type(outcome).__name__)
        await record(db, intent.key, outcome, now, hook)
    return outcome


async def record(
    db: Database, attempt: AttemptId, outcome: Outcome, now: datetime, hook: OutcomeHook | None = None
) -> Change | None:
    """Record an outcome of an attempt: rows, bookings and events in one transaction. None if it changes nothing."""

    @retry_on_conflict()
    async def decide() -> Change | None:
        found = await sql.read(db, attempt)
        change = apply_outcome(found.payment, found.attempt, outcome)
        async with db.transaction() as unit:
            if change is not None:
                await sql.write(unit, found, change, now)
            if hook:
                hook(unit, outcome)
        return change

    return await decide()
