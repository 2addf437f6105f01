"""What a provider's notice changes: in the payment and its attempt, and in the refunds and disputes of the attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from checkie.db import Database, UnitOfWork
from checkie.kernel.ids import DisputeId, RefundId
from checkie.payments import sql
from checkie.payments.apply_outcome import Change, apply_outcome
from checkie.payments.model import NotYetSucceeded
from checkie.payments.port import DisputeReport, Notice, Refunded, RefundReport
from checkie.payments.reversals import sql as reversals
from checkie.payments.reversals.record import (
    DisputeChange,
    Origin,
    RefundChange,
    book_refunds,
    record_dispute,
    record_refund,
)
from checkie.payments.sql import Found


@dataclass(frozen=True, slots=True)
class Effect:
    """All that a notice changes; by default nothing."""

    change: Change | None = None
    refunds: Sequence[RefundChange] = ()
    dispute: DisputeChange | None = None

    async def write(self, unit: UnitOfWork, found: Found, now: datetime) -> None:
        """Write it in the caller's transaction. `WriteConflict` when a row is not as it was found."""
        if self.change is not None:
            await sql.write(unit, found, self.change, now)
        elif self.refunds or self.dispute:
            reversals.guard(unit, found.attempt.id, found.attempt.version)
        for refund in self.refunds:
            reversals.write_refund(unit, refund, now)
        if self.dispute is not None:
            reversals.write_dispute(unit, self.dispute, now)


async def effect_of(db: Database, found: Found, notice: Notice, now: datetime) -> Effect:
    """What the notice changes in what was found. Refuses with NotYetSucceeded (see there)."""
    outcome = notice.outcome
    if isinstance(outcome, Refunded):
        return await _of_refunded(db, found, outcome, now)
    if not isinstance(outcome, RefundReport | DisputeReport):
        return Effect(apply_outcome(found.payment, found.attempt, outcome))
    if not found.attempt.has_money:
        raise NotYetSucceeded
    origin, store = Origin(found.payment.id, found.attempt.id), found.attempt.id.store
    if isinstance(outcome, RefundReport):
        refunds = await reversals.refunds_of(db, found.attempt.id)
        changes = record_refund(refunds, outcome, notice.subject, origin, RefundId.new(store, now))
        return Effect(refunds=tuple(changes))
    disputes = await reversals.disputes_of(db, found.attempt.id)
    return Effect(dispute=record_dispute(disputes, outcome, notice.subject, origin, DisputeId.new(store, now)))


async def _of_refunded(db: Database, found: Found, outcome: Refunded, now: datetime) -> Effect:
    change = apply_outcome(found.payment, found.attempt, outcome)
    if change is None:
        return Effect()
    refunds = await reversals.refunds_of(db, found.attempt.id)
    (booked,) = change.transfers
    origin, new = Origin(found.payment.id, found.attempt.id), RefundId.new(found.attempt.id.store, now)
    return Effect(change, tuple(book_refunds(refunds, booked.amount, origin, new)))
