"""Take in a provider's webhook: one transaction from the inbox to the ledger and the events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog

from checkie.db import Database
from checkie.outbox import first_time
from checkie.payments import store
from checkie.payments.absorb import absorb
from checkie.payments.model import NoSuchAttempt
from checkie.payments.port import BadSignature, Webhooks

_log = structlog.get_logger()
_LONGEST_EVENT: Final = 255


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
    async with db.transaction() as tx:
        found = await store.lock(tx, notice.key)
        if found.attempt.provider != name:
            raise NoSuchAttempt
        change = absorb(found.payment, found.attempt, notice.outcome)
        if not await first_time(tx, notice.key.store, f"provider:{name}", [notice.event], now):
            return False
        if change is not None:
            await store.write(tx, change, now)
    _log.info(
        "webhook_absorbed",
        provider=name,
        provider_event=notice.event,
        payment=found.payment.id,
        attempt=notice.key,
        outcome=type(notice.outcome).__name__,
        is_news=change is not None,
    )
    return change is not None
