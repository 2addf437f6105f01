"""The SQL that reads and writes a payment and its attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from checkie import ledger
from checkie.db import Database, UnitOfWork, partition_of, row
from checkie.kernel.ids import AttemptId, PaymentId
from checkie.outbox import publish
from checkie.payments.apply_outcome import Change
from checkie.payments.model import Attempt, NoSuchAttempt, Payment, next_check_at

COLUMNS: Final = """p.id as payment_id, p.order_id as payment_order, p.session as payment_session,
  p.amount_minor as payment_amount_minor, p.currency as payment_currency, p.fee_bps as payment_fee_bps,
  p.status as payment_status, p.attempts as payment_attempts, p.failures as payment_failures,
  p.refunded_minor as payment_refunded_minor, p.failure_code as payment_failure_code,
  p.failure_message as payment_failure_message, p.seq as payment_seq, p.version as payment_version,
  a.id as attempt_id, a.number as attempt_number, a.amount_minor as attempt_amount_minor,
  a.currency as attempt_currency, a.provider as attempt_provider, a.provider_reference as attempt_reference,
  a.status as attempt_status, a.is_applied as attempt_is_applied, a.refunded_minor as attempt_refunded_minor,
  a.failure_code as attempt_failure_code, a.failure_message as attempt_failure_message,
  a.requires_3ds as attempt_requires_3ds, a.three_ds_status as attempt_three_ds_status,
  a.provider_response as attempt_facts, a.version as attempt_version"""
"""A payment and one of its attempts, as `found` reads them."""

_READ: Final = f"""
select {COLUMNS}
from payments.attempt a join payments.payment p on p.store = a.store and p.id = a.payment
where a.store = $1 and a.id = $2
"""
_LATEST: Final = f"""
select {COLUMNS}
from payments.payment p join payments.attempt a on a.store = p.store and a.payment = p.id and a.number = p.attempts
where p.store = $1 and p.id = any($2)
"""
_CREATE: Final = """
insert into payments.payment (store, id, order_id, session, amount_minor, currency, fee_bps, status, attempts, failures,
  seq, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, 'PENDING', 1, 0, $8, $9, $9)
"""
_RETRY: Final = """
update payments.payment set version = version + 1, status = $4, attempts = $5, amount_minor = $6, seq = $7,
  updated_at = $8
where store = $1 and id = $2 and version = $3
"""
_CREATE_ATTEMPT: Final = """
insert into payments.attempt (store, id, payment, number, amount_minor, currency, provider, status, next_check_at,
  partition, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, 'PENDING', $8, $9, $10, $10)
"""
_WRITE_PAYMENT: Final = """
update payments.payment
set version = version + 1, status = $4, failures = $5, refunded_minor = $6, failure_code = $7, failure_message = $8,
  seq = $9, updated_at = $10,
  succeeded_at = case when $4 = 'SUCCEEDED' then coalesce(succeeded_at, $10) else succeeded_at end
where store = $1 and id = $2 and version = $3
"""
# A live attempt keeps its next check; checks start over when the provider does not answer. A declined one is cancelled
# at the provider now. All others are final: there is nothing to check.
_WRITE_ATTEMPT: Final = """
update payments.attempt
set version = version + 1, provider_reference = $4, status = $5, is_applied = $6, refunded_minor = $7,
  failure_code = $8, failure_message = $9, requires_3ds = $10, three_ds_status = $11, provider_response = $12,
  checks = case when $5 = 'UNKNOWN' and status <> 'UNKNOWN' then 0 else checks end,
  next_check_at = case when $5 = 'UNKNOWN' and status <> 'UNKNOWN' then $13::timestamptz when $14 then next_check_at
    when $15 then $16::timestamptz end,
  updated_at = $16
where store = $1 and id = $2 and version = $3
"""
# Names no status, or the planner would read the index of all live attempts.
_SET_REFERENCE: Final = """
update payments.attempt set version = version + 1, provider_reference = $3, updated_at = $4
where store = $1 and id = $2 and provider_reference is null
"""
# Another attempt paid: those that are still checked are cancelled now, not when they would be checked next.
_CHECK_OTHERS_NOW: Final = """
update payments.attempt set version = version + 1, next_check_at = $4
where store = $1 and payment = $2 and id <> $3 and next_check_at > $4
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A payment and one of its attempts, as read."""

    payment: Payment
    attempt: Attempt


async def read(db: Database, attempt: AttemptId) -> Found:
    """The attempt and its payment. Refuses with NoSuchAttempt."""
    record = await db.fetchrow(_READ, attempt.store, attempt.uuid)
    if record is None:
        raise NoSuchAttempt
    return found(record)


async def latest_of(
    db: Database | UnitOfWork, store: int, ids: Sequence[PaymentId]
) -> Mapping[PaymentId, tuple[Payment, Attempt]]:
    """Those of the store's payments, each with its latest attempt. One statement."""
    records = await db.read_all(_LATEST, store, [payment.uuid for payment in ids])
    latest = [found(record) for record in records]
    return {one.payment.id: (one.payment, one.attempt) for one in latest}


async def find_latest(db: Database | UnitOfWork, payment: PaymentId) -> tuple[Payment, Attempt] | None:
    """The payment and its latest attempt."""
    return (await latest_of(db, payment.store, [payment])).get(payment)


def found(record: asyncpg.Record) -> Found:
    """What a row of COLUMNS holds."""
    return Found(row(Payment, record, "payment_"), row(Attempt, record, "attempt_"))


def create(unit: UnitOfWork, payment: Payment, attempt: Attempt, now: datetime) -> None:
    """Write a new payment and its first attempt."""
    unit.add(
        _CREATE,
        payment.id.store,
        payment.id.uuid,
        payment.order.uuid,
        payment.session and payment.session.uuid,
        payment.amount.minor,
        payment.amount.currency,
        payment.fee_bps,
        payment.seq,
        now,
    )
    _create_attempt(unit, payment, attempt, now)


def retry(unit: UnitOfWork, payment: Payment, attempt: Attempt, now: datetime) -> None:
    """Write a further attempt, and the payment as it is with it. `WriteConflict` when its version is another."""
    values = (payment.version, payment.status, payment.attempts, payment.amount.minor, payment.seq)
    unit.add(_RETRY, payment.id.store, payment.id.uuid, *values, now)
    _create_attempt(unit, payment, attempt, now)


def _create_attempt(unit: UnitOfWork, payment: Payment, attempt: Attempt, now: datetime) -> None:
    unit.add(
        _CREATE_ATTEMPT,
        attempt.id.store,
        attempt.id.uuid,
        payment.id.uuid,
        attempt.number,
        attempt.amount.minor,
        attempt.amount.currency,
        attempt.provider,
        next_check_at(0, now),
        partition_of(attempt.id.number),
        now,
    )


async def write(unit: UnitOfWork, found: Found, change: Change, now: datetime) -> None:
    """The one place that changes a payment and its attempt: rows, bookings and events, in the caller's transaction.

    `WriteConflict` when either row has another version than it was found with.
    """
    _write_payment(unit, found, change, now)
    _write_attempt(unit, found, change.attempt, now)
    payment = change.payment
    if payment.is_paid and payment.attempts > 1:
        unit.add(_CHECK_OTHERS_NOW, payment.id.store, payment.id.uuid, change.attempt.id.uuid, now, expect=None)
    await ledger.post(unit, payment.id.store, change.transfers, now)


def _write_payment(unit: UnitOfWork, found: Found, change: Change, now: datetime) -> None:
    payment = change.payment
    unit.add(
        _WRITE_PAYMENT,
        payment.id.store,
        payment.id.uuid,
        found.payment.version,
        payment.status,
        payment.failures,
        payment.refunded_minor,
        payment.failure_code,
        payment.failure_message,
        publish(unit, payment.id, *change.events, after=payment.seq, now=now),
        now,
    )


def _write_attempt(unit: UnitOfWork, found: Found, attempt: Attempt, now: datetime) -> None:
    unit.add(
        _WRITE_ATTEMPT,
        attempt.id.store,
        attempt.id.uuid,
        found.attempt.version,
        attempt.reference,
        attempt.status,
        attempt.is_applied,
        attempt.refunded_minor,
        attempt.failure_code,
        attempt.failure_message,
        attempt.requires_3ds,
        attempt.three_ds_status,
        attempt.facts,
        next_check_at(0, now),
        attempt.is_live,
        attempt.is_declined,
        now,
    )


def set_reference(unit: UnitOfWork, attempt: AttemptId, reference: str, now: datetime) -> None:
    """Record the provider's id of an attempt, unless one is recorded.

    A concurrent call of the same attempt may have got no answer: the worker checks with this id.
    """
    unit.add(_SET_REFERENCE, attempt.store, attempt.uuid, reference, now, expect=None)
