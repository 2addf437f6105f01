"""Call the provider and record what it says: the second and third step of intent, call, record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import structlog

from checkie.db import Database, Tx, undisturbed
from checkie.payments import store
from checkie.payments.absorb import Change, absorb
from checkie.payments.port import Action, ActionNeeded, AttemptId, Cards, Intent, Outcome

_log = structlog.get_logger()

Also: TypeAlias = Callable[[Tx, Outcome], None]
"""What else is written in the transaction that records an outcome."""


async def authorize(db: Database, cards: Cards, intent: Intent, now: datetime, also: Also | None = None) -> Outcome:
    """Ask the provider to collect, with no transaction open, and record its answer.

    Safe to repeat and to run twice at once: the provider knows the attempt by its id, and an answer that is no news
    changes nothing. The usual answer (the buyer is to enter a card) costs one statement.
    """
    outcome = await cards.authorize(intent)
    if isinstance(outcome, ActionNeeded) and outcome.action is Action.CONFIRM:
        async with db.transaction() as tx:
            store.note_reference(tx, intent.key, outcome.reference, now)
            if also:
                also(tx, outcome)
    else:
        _log.info("authorize_answered", attempt=intent.key, outcome=type(outcome).__name__)
        await record(db, intent.key, outcome, now, also)
    return outcome


async def record(
    db: Database, attempt: AttemptId, outcome: Outcome, now: datetime, also: Also | None = None
) -> Change | None:
    """Take in what a provider says of an attempt: rows, bookings, events in one transaction. None if it is no news."""

    async def decide() -> Change | None:
        found = await store.read(db, attempt)
        change = absorb(found.payment, found.attempt, outcome)
        async with db.transaction() as tx:
            if change is not None:
                await store.write(tx, found, change, now)
            if also:
                also(tx, outcome)
        return change

    return await undisturbed(decide)
