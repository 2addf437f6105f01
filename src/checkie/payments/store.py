"""All the SQL that writes or locks payments and attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from checkie import ledger
from checkie.db import Database, Tx, partition_of
from checkie.kernel import Money
from checkie.outbox import Draft, publish
from checkie.payments.absorb import Change
from checkie.payments.model import (
    Attempt,
    AttemptStatus,
    NoSuchAttempt,
    OrderId,
    Payment,
    PaymentStatus,
    SessionId,
    next_ask,
)
from checkie.payments.port import AttemptId, PaymentId

PAYMENT_COLUMNS: Final = """p.id as payment_id, p.session, p.order_id, p.amount_minor as payment_minor, p.currency,
  p.fee_bps, p.status as payment_status, p.attempts, p.failures, p.refunded_minor as payment_refunded,
  p.failure_code as payment_code, p.failure_message as payment_message, p.seq"""
ATTEMPT_COLUMNS: Final = """a.id as attempt_id, a.number, a.amount_minor as attempt_minor,
  a.currency as attempt_currency, a.provider, a.provider_reference, a.status as attempt_status, a.is_applied,
  a.refunded_minor as attempt_refunded, a.failure_code as attempt_code, a.failure_message as attempt_message,
  a.requires_3ds, a.three_ds_status, a.provider_response"""

_LOCK: Final = f"""
select {PAYMENT_COLUMNS}, {ATTEMPT_COLUMNS}
from payments.attempt a join payments.payment p on p.store = a.store and p.id = a.payment
where a.store = $1 and a.id = $2 for update
"""
_LOCK_PAYMENT: Final = f"select {PAYMENT_COLUMNS} from payments.payment p where p.store = $1 and p.id = $2 for update"
_CREATE: Final = """
with made as (
  insert into payments.payment (store, id, session, order_id, amount_minor, currency, fee_bps, status, attempts,
    failures, seq, created_at, updated_at)
  values ($1, $2, $3, $4, $5, $6, $7, 'PENDING', 1, 0, 1, $11, $11)
)
insert into payments.attempt (store, id, payment, number, amount_minor, currency, provider, status, ask_at, partition,
  created_at, updated_at)
values ($1, $8, $2, 1, $5, $6, $9, 'PENDING', $12, $10, $11, $11)
"""
_RETRY: Final = """
with changed as (
  update payments.payment set status = $11, attempts = $4, amount_minor = $5, seq = $12, updated_at = $10
  where store = $1 and id = $3
)
insert into payments.attempt (store, id, payment, number, amount_minor, currency, provider, status, ask_at, partition,
  created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, 'PENDING', $8, $9, $10, $10)
"""
_WRITE: Final = """
with changed as (
  update payments.payment
  set status = $3, failures = $4, refunded_minor = $5, failure_code = $6, failure_message = $7, seq = $8,
    updated_at = $20, succeeded_at = case when $3 = 'SUCCEEDED' then coalesce(succeeded_at, $20) else succeeded_at end
  where store = $1 and id = $2
)
update payments.attempt
set provider_reference = $10, status = $11, is_applied = $12, refunded_minor = $13, failure_code = $14,
  failure_message = $15, requires_3ds = $16, three_ds_status = $17, provider_response = $18,
  asks = case when $11 = 'UNKNOWN' and status <> 'UNKNOWN' then 0 else asks end,
  ask_at = case when $11 = 'UNKNOWN' and status <> 'UNKNOWN' then $22::timestamptz when $19 then ask_at
    when $21 then $20::timestamptz end,
  updated_at = $20
where store = $1 and id = $9
"""
_NOTE_REFERENCE: Final = """
update payments.attempt set provider_reference = $3, updated_at = $4
where store = $1 and id = $2 and provider_reference is null and status in ('PENDING', 'UNKNOWN')
"""
_DUE: Final = """
select store, id from payments.attempt where partition = any($1) and ask_at <= $2 order by ask_at limit $3
"""
_CLAIM_ASK: Final = f"""
update payments.attempt a set asks = a.asks + 1, ask_at = $4, updated_at = $3
from payments.payment p
where a.store = $1 and a.id = $2 and a.ask_at <= $3 and a.asks = $5 and p.store = a.store and p.id = a.payment
returning {PAYMENT_COLUMNS}, {ATTEMPT_COLUMNS}
"""
# Another attempt paid: those that live are called off now, not when they would next be asked about.
_HURRY: Final = "update payments.attempt set ask_at = $3 where store = $1 and payment = $2 and ask_at > $3"
_CLOSE: Final = (
    "update payments.attempt set ask_at = null, updated_at = $3 where store = $1 and id = $2 and status = 'FAILED'"
)
_ASKS: Final = "select asks from payments.attempt where store = $1 and id = $2"


@dataclass(frozen=True, slots=True)
class Locked:
    """A payment and one of its attempts, as read."""

    payment: Payment
    attempt: Attempt


async def lock(tx: Tx, attempt: AttemptId) -> Locked:
    """Lock the attempt and its payment. Refuses with NoSuchAttempt."""
    row = await tx.fetchrow(_LOCK, attempt.store, attempt.uuid)
    if row is None:
        raise NoSuchAttempt
    return Locked(payment_of(row), attempt_of(row))


async def lock_payment(tx: Tx, payment: PaymentId) -> Payment | None:
    """Lock the payment alone."""
    row = await tx.fetchrow(_LOCK_PAYMENT, payment.store, payment.uuid)
    return None if row is None else payment_of(row)


async def create(tx: Tx, payment: Payment, attempt: Attempt, now: datetime) -> None:
    """Write a new payment and its first attempt."""
    await tx.execute(
        _CREATE,
        payment.id.store,
        payment.id.uuid,
        payment.session.uuid,
        payment.order.uuid,
        payment.amount.minor,
        payment.amount.currency,
        payment.fee_bps,
        attempt.id.uuid,
        attempt.provider,
        partition_of(attempt.id.number),
        now,
        next_ask(0, now),
    )


async def retry(tx: Tx, payment: Payment, attempt: Attempt, now: datetime) -> None:
    """Write a further attempt; `payment` as it stands with it."""
    await tx.execute(
        _RETRY,
        payment.id.store,
        attempt.id.uuid,
        payment.id.uuid,
        attempt.number,
        attempt.amount.minor,
        attempt.amount.currency,
        attempt.provider,
        next_ask(0, now),
        partition_of(attempt.id.number),
        now,
        payment.status,
        payment.seq,
    )


async def write(tx: Tx, change: Change, now: datetime) -> None:
    """The one place a payment and its attempt change: rows, bookings and events, in the caller's transaction."""
    payment, attempt = change.payment, change.attempt
    await tx.execute(
        _WRITE,
        payment.id.store,
        payment.id.uuid,
        payment.status,
        payment.failures,
        payment.refunded_minor,
        payment.failure_code,
        payment.failure_message,
        payment.seq,
        attempt.id.uuid,
        attempt.reference,
        attempt.status,
        attempt.is_applied,
        attempt.refunded_minor,
        attempt.failure_code,
        attempt.failure_message,
        attempt.requires_3ds,
        attempt.three_ds_status,
        attempt.facts,
        attempt.is_live,
        now,
        attempt.is_refused,
        next_ask(0, now),
    )
    if payment.is_paid and payment.attempts > 1:
        await tx.execute(_HURRY, payment.id.store, payment.id.uuid, now)
    await ledger.post(tx, payment.id.store, change.transfers, now)
    first = payment.seq - len(change.news) + 1
    publish(tx, [Draft(payment.id, first + place, event) for place, event in enumerate(change.news)], now)


async def note_reference(db: Database, attempt: AttemptId, reference: str, now: datetime) -> None:
    """Remember the provider's name for a fresh attempt; whoever knew it first was right.

    Another call of the same attempt may have met silence meanwhile: the name is what the worker asks with.
    """
    await db.execute(_NOTE_REFERENCE, attempt.store, attempt.uuid, reference, now)


async def find_due(db: Database, partitions: Sequence[int], now: datetime, limit: int) -> Sequence[tuple[int, UUID]]:
    """Attempts whose provider is to be asked."""
    return [(row["store"], row["id"]) for row in await db.fetch(_DUE, list(partitions), now, limit)]


async def claim_ask(db: Database, attempt: AttemptId, now: datetime) -> Locked | None:
    """Take the next question to the provider about this attempt, and set the time of the one after; None if not due."""
    asks: int | None = await db.fetchval(_ASKS, attempt.store, attempt.uuid)
    if asks is None:
        return None
    row = await db.fetchrow(_CLAIM_ASK, attempt.store, attempt.uuid, now, next_ask(asks + 1, now), asks)
    return None if row is None else Locked(payment_of(row), attempt_of(row))


async def close(db: Database, attempt: AttemptId, now: datetime) -> None:
    """The provider's twin of a refused attempt can no longer be paid: there is nothing left to ask."""
    await db.execute(_CLOSE, attempt.store, attempt.uuid, now)


def payment_of(row: asyncpg.Record) -> Payment:
    """The payment in a row that holds PAYMENT_COLUMNS."""
    return Payment(
        id=PaymentId.of(row["payment_id"]),
        session=SessionId.of(row["session"]),
        order=OrderId.of(row["order_id"]),
        amount=Money(row["payment_minor"], row["currency"]),
        fee_bps=row["fee_bps"],
        status=PaymentStatus(row["payment_status"]),
        attempts=row["attempts"],
        failures=row["failures"],
        refunded_minor=row["payment_refunded"],
        failure_code=row["payment_code"],
        failure_message=row["payment_message"],
        seq=row["seq"],
    )


def attempt_of(row: asyncpg.Record) -> Attempt:
    """The attempt in a row that holds ATTEMPT_COLUMNS."""
    return Attempt(
        id=AttemptId.of(row["attempt_id"]),
        number=row["number"],
        amount=Money(row["attempt_minor"], row["attempt_currency"]),
        provider=row["provider"],
        reference=row["provider_reference"],
        status=AttemptStatus(row["attempt_status"]),
        is_applied=row["is_applied"],
        refunded_minor=row["attempt_refunded"],
        failure_code=row["attempt_code"],
        failure_message=row["attempt_message"],
        requires_3ds=row["requires_3ds"],
        three_ds_status=row["three_ds_status"],
        facts=row["provider_response"],
    )
