"""Receive a provider's webhook: one transaction from the inbox to the ledger and the events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog

from checkie.db import Database, WriteConflict, retry_on_conflict
from checkie.kernel import refuses
from checkie.kernel.ids import AttemptId, DisputeId, RefundId
from checkie.outbox import is_recorded, record_message
from checkie.payments import sql
from checkie.payments.apply_notice import Effect, effect_of
from checkie.payments.model import NoSuchAttempt, NotYetSucceeded
from checkie.payments.port import BadSignature, Notice, ProviderReference, Webhooks
from checkie.payments.reversals import sql as reversals
from checkie.payments.reversals.model import NoSuchDispute, NoSuchRefund

_log = structlog.get_logger()
_MAX_EVENT_LENGTH: Final = 255


@refuses(BadSignature, NoSuchAttempt, NoSuchRefund, NoSuchDispute, NotYetSucceeded, WriteConflict)
async def receive(
    db: Database, provider: Webhooks, name: str, body: bytes, headers: Mapping[str, str], now: datetime
) -> bool:
    """Verify, translate and apply a raw webhook of the provider called `name`. False when it changed nothing.

    The same event twice changes nothing. Raises BadSignature; NoSuchAttempt, NoSuchRefund, NoSuchDispute and
    NotYetSucceeded make the provider send it again later. An attempt at another provider is NoSuchAttempt.
    """
    notice = provider.translate(body, headers, now.timestamp())
    if notice is None:
        return False
    if len(notice.event) > _MAX_EVENT_LENGTH or not notice.event.isprintable():
        raise BadSignature("The event's id cannot be stored.")
    is_change = await _apply(db, name, notice, now)
    _log.info(
        "webhook_received",
        provider=name,
        provider_event=notice.event,
        subject=str(notice.subject),
        outcome=type(notice.outcome).__name__,
        is_change=is_change,
    )
    return is_change


async def _apply(db: Database, name: str, notice: Notice, now: datetime) -> bool:
    attempt = await _attempt(db, name, notice)
    inbox = (attempt.store, f"provider:{name}")

    @retry_on_conflict()
    async def decide() -> bool:
        found = await sql.read(db, attempt)
        if found.attempt.provider != name:
            raise NoSuchAttempt
        effect = await effect_of(db, found, notice, now)
        try:
            async with db.transaction() as unit:
                await effect.write(unit, found, now)
                record_message(unit, *inbox, notice.event, now)
        except WriteConflict:
            if await is_recorded(db, *inbox, notice.event):
                return False
            raise
        return effect != Effect()

    return await decide()


async def _attempt(db: Database, name: str, notice: Notice) -> AttemptId:
    """The attempt that the notice is about, whatever it names."""
    match notice.subject:
        case AttemptId():
            return notice.subject
        case RefundId():
            return await reversals.attempt_of_refund(db, notice.subject)
        case DisputeId():
            return await reversals.attempt_of_dispute(db, notice.subject)
        case ProviderReference(reference=reference):
            return await reversals.attempt_by_reference(db, name, reference)
