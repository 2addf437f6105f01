"""Take in a provider's webhook: one transaction from the inbox to the ledger and the events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog

from checkie.db import Database, WriteConflict, retry_on_conflict
from checkie.kernel import refuses
from checkie.outbox import is_recorded, record_message
from checkie.payments import sql
from checkie.payments.apply_outcome import Change, apply_outcome
from checkie.payments.model import NoSuchAttempt, NotYetSucceeded
from checkie.payments.port import BadSignature, Notice, Webhooks

_log = structlog.get_logger()
_LONGEST_EVENT: Final = 255


@refuses(BadSignature, NoSuchAttempt, NotYetSucceeded, WriteConflict)
async def receive(
    db: Database, provider: Webhooks, name: str, body: bytes, headers: Mapping[str, str], now: datetime
) -> bool:
    """Verify, translate and absorb a raw webhook of the provider called `name`. False when it was old or no news.

    The same event twice changes nothing. Raises BadSignature; NoSuchAttempt and NotYetSucceeded make the provider try
    again later. An attempt of another provider is none of this one's: NoSuchAttempt.
    """
    notice = provider.translate(body, headers, now.timestamp())
    if notice is None:
        return False
    if len(notice.event) > _LONGEST_EVENT or not notice.event.isprintable():
        raise BadSignature("The event's id is not one that could be kept.")
    change = await _absorb(db, name, notice, now)
    _log.info(
        "webhook_absorbed",
        provider=name,
        provider_event=notice.event,
        attempt=notice.key,
        outcome=type(notice.outcome).__name__,
        is_news=change is not None,
    )
    return change is not None


async def _absorb(db: Database, name: str, notice: Notice, now: datetime) -> Change | None:
    inbox = (notice.key.store, f"provider:{name}")

    @retry_on_conflict()
    async def decide() -> Change | None:
        found = await sql.read(db, notice.key)
        if found.attempt.provider != name:
            raise NoSuchAttempt
        change = apply_outcome(found.payment, found.attempt, notice.outcome)
        try:
            async with db.transaction() as unit:
                if change is not None:
                    await sql.write(unit, found, change, now)
                record_message(unit, *inbox, notice.event, now)
        except WriteConflict:
            if await is_recorded(db, *inbox, notice.event):
                return None
            raise
        return change

    return await decide()
