"""Call the provider and record what it says: the second and third step of intent, call, record."""

from __future__ import annotations

from datetime import datetime

import structlog

from checkie.db import Database
from checkie.payments import store
from checkie.payments.absorb import Change, absorb
from checkie.payments.port import Action, ActionNeeded, AttemptId, Cards, Intent, Outcome

_log = structlog.get_logger()


async def authorize(db: Database, cards: Cards, intent: Intent, now: datetime) -> Outcome:
    """Ask the provider to collect, with no transaction open, and record its answer.

    Safe to repeat and to run twice at once: the provider knows the attempt by its id, and an answer that is no news
    changes nothing. The usual answer (the buyer is to enter a card) costs one statement.
    """
    outcome = await cards.authorize(intent)
    if isinstance(outcome, ActionNeeded) and outcome.action is Action.CONFIRM:
        await store.note_reference(db, intent.key, outcome.reference, now)
    else:
        _log.info("authorize_answered", attempt=intent.key, outcome=type(outcome).__name__)
        await record(db, intent.key, outcome, now)
    return outcome


async def record(db: Database, attempt: AttemptId, outcome: Outcome, now: datetime) -> Change | None:
    """Take in what a provider says of an attempt: rows, bookings, events in one transaction. None if it is no news."""
    async with db.transaction() as tx:
        found = await store.lock(tx, attempt)
        change = absorb(found.payment, found.attempt, outcome)
        if change is not None:
            await store.write(tx, change, now)
    return change
