"""The SQL that reads and writes refunds and disputes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from checkie.db import Database, UnitOfWork, row
from checkie.kernel.ids import AttemptId, DisputeId, RefundId
from checkie.outbox import publish
from checkie.payments.model import NoSuchAttempt
from checkie.payments.reversals.model import Dispute, NoSuchDispute, NoSuchRefund, Refund
from checkie.payments.reversals.record import DisputeChange, RefundChange

# Reads across stores: a provider's id of a payment does not name one.
_BY_REFERENCE: Final = """
select id from payments.attempt
where provider_reference = $1 and provider = $2 and status in ('SUCCEEDED', 'INTEGRITY_FAILURE')
"""
_ATTEMPT_OF_REFUND: Final = "select attempt from payments.refund where store = $1 and id = $2"
_ATTEMPT_OF_DISPUTE: Final = "select attempt from payments.dispute where store = $1 and id = $2"
_REFUNDS: Final = """
select id, payment, attempt, amount_minor, currency, status, reason, provider_reference as reference, is_booked, seq,
  version
from payments.refund where store = $1 and attempt = $2 order by id
"""
_DISPUTES: Final = """
select id, payment, attempt, amount_minor, currency, status, reason, provider_reference as reference, seq, version
from payments.dispute where store = $1 and attempt = $2 order by id
"""
_CREATE_REFUND: Final = """
insert into payments.refund (store, id, payment, attempt, amount_minor, currency, status, reason, provider_reference,
  is_booked, seq, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
"""
_WRITE_REFUND: Final = """
update payments.refund set version = version + 1, amount_minor = $4, status = $5, reason = $6, provider_reference = $7,
  is_booked = $8, seq = $9, updated_at = $10
where store = $1 and id = $2 and version = $3
"""
_CREATE_DISPUTE: Final = """
insert into payments.dispute (store, id, payment, attempt, amount_minor, currency, status, reason, provider_reference,
  seq, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
"""
_WRITE_DISPUTE: Final = """
update payments.dispute set version = version + 1, status = $4, reason = $5, seq = $6, updated_at = $7
where store = $1 and id = $2 and version = $3
"""
_GUARD: Final = """
update payments.attempt set version = version + 1 where store = $1 and id = $2 and version = $3
"""


async def attempt_by_reference(db: Database, provider: str, reference: str) -> AttemptId:
    """The attempt with money that the provider knows by this id. Refuses with NoSuchAttempt."""
    record = await db.fetchrow(_BY_REFERENCE, reference, provider)
    if record is None:
        raise NoSuchAttempt
    return AttemptId.of(record["id"])


async def attempt_of_refund(db: Database, refund: RefundId) -> AttemptId:
    """The attempt whose money is refunded. Refuses with NoSuchRefund."""
    record = await db.fetchrow(_ATTEMPT_OF_REFUND, refund.store, refund.uuid)
    if record is None:
        raise NoSuchRefund
    return AttemptId.of(record["attempt"])


async def attempt_of_dispute(db: Database, dispute: DisputeId) -> AttemptId:
    """The attempt that is disputed. Refuses with NoSuchDispute."""
    record = await db.fetchrow(_ATTEMPT_OF_DISPUTE, dispute.store, dispute.uuid)
    if record is None:
        raise NoSuchDispute
    return AttemptId.of(record["attempt"])


async def refunds_of(db: Database, attempt: AttemptId) -> Sequence[Refund]:
    """The refunds of the attempt, oldest first."""
    return [row(Refund, record) for record in await db.fetch(_REFUNDS, attempt.store, attempt.uuid)]


async def disputes_of(db: Database, attempt: AttemptId) -> Sequence[Dispute]:
    """The disputes of the attempt, oldest first."""
    return [row(Dispute, record) for record in await db.fetch(_DISPUTES, attempt.store, attempt.uuid)]


def guard(unit: UnitOfWork, attempt: AttemptId, version: int) -> None:
    """Two reports about one attempt never write at once, each without having seen the other: WriteConflict."""
    unit.add(_GUARD, attempt.store, attempt.uuid, version)


def write_refund(unit: UnitOfWork, change: RefundChange, now: datetime) -> None:
    """Write a refund, new or changed, and publish its event. WriteConflict when it has another version than read."""
    refund = change.refund
    seq = publish(unit, refund.id, *([change.event] if change.event else []), after=refund.seq, now=now)
    values = (refund.status, refund.reason, refund.reference, refund.is_booked, seq, now)
    if refund.version:
        key = (refund.id.store, refund.id.uuid, refund.version)
        unit.add(_WRITE_REFUND, *key, refund.amount.minor, *values)
        return
    unit.add(
        _CREATE_REFUND,
        refund.id.store,
        refund.id.uuid,
        refund.payment.uuid,
        refund.attempt.uuid,
        refund.amount.minor,
        refund.amount.currency,
        *values,
    )


def write_dispute(unit: UnitOfWork, change: DisputeChange, now: datetime) -> None:
    """Write a dispute, new or changed, and publish its event. WriteConflict when it has another version than read."""
    dispute = change.dispute
    seq = publish(unit, dispute.id, change.event, after=dispute.seq, now=now)
    if dispute.version:
        key = (dispute.id.store, dispute.id.uuid, dispute.version)
        unit.add(_WRITE_DISPUTE, *key, dispute.status, dispute.reason, seq, now)
        return
    unit.add(
        _CREATE_DISPUTE,
        dispute.id.store,
        dispute.id.uuid,
        dispute.payment.uuid,
        dispute.attempt.uuid,
        dispute.amount.minor,
        dispute.amount.currency,
        dispute.status,
        dispute.reason,
        dispute.reference,
        seq,
        now,
    )
