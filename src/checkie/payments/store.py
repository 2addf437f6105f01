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

# `xmin` is the transaction that wrote the row as it stands: whoever writes on condition that it is still the same knows
# that nobody changed the row since it was read.
_READ: Final = f"""
select {PAYMENT_COLUMNS}, {ATTEMPT_COLUMNS}, p.xmin as payment_xmin, a.xmin as attempt_xmin
from payments.attempt a join payments.payment p on p.store = a.store and p.id = a.payment
where a.store = $1 and a.id = $2
"""
_CREATE: Final = """
insert into payments.payment (store, id, session, order_id, amount_minor, currency, fee_bps, status, attempts, failures,
  seq, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, 'PENDING', 1, 0, 1, $8, $8)
"""
_RETRY: Final = """
update payments.payment set status = $3, attempts = $4, amount_minor = $5, seq = $6, updated_at = $7
where store = $1 and id = $2 and seq = $6 - 1
"""
_TRY: Final = """
insert into payments.attempt (store, id, payment, number, amount_minor, currency, provider, status, ask_at, partition,
  created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, 'PENDING', $8, $9, $10, $10)
"""
_WRITE_PAYMENT: Final = """
update payments.payment
set status = $4, failures = $5, refunded_minor = $6, failure_code = $7, failure_message = $8, seq = $9,
  updated_at = $10, succeeded_at = case when $4 = 'SUCCEEDED' then coalesce(succeeded_at, $10) else succeeded_at end
where store = $1 and id = $2 and xmin = $3
"""
_WRITE_ATTEMPT: Final = """
update payments.attempt
set provider_reference = $4, status = $5, is_applied = $6, refunded_minor = $7, failure_code = $8, failure_message = $9,
  requires_3ds = $10, three_ds_status = $11, provider_response = $12,
  asks = case when $5 = 'UNKNOWN' and status <> 'UNKNOWN' then 0 else asks end,
  ask_at = case when $5 = 'UNKNOWN' and status <> 'UNKNOWN' then $13::timestamptz when $14 then ask_at
    when $15 then $16::timestamptz end,
  updated_at = $16
where store = $1 and id = $2 and xmin = $3
"""
# The status is left out, lest the planner walk the index of all that live.
_NOTE_REFERENCE: Final = """
update payments.attempt set provider_reference = $3, updated_at = $4
where store = $1 and id = $2 and provider_reference is null
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
_HURRY: Final = """
update payments.attempt set ask_at = $4 where store = $1 and payment = $2 and id <> $3 and ask_at > $4
"""
_CLOSE: Final = (
    "update payments.attempt set ask_at = null, updated_at = $3 where store = $1 and id = $2 and status = 'FAILED'"
)
_ASKS: Final = "select asks from payments.attempt where store = $1 and id = $2"


@dataclass(frozen=True, slots=True)
class Found:
    """A payment and one of its attempts, as read. The marks change when somebody writes the row."""

    payment: Payment
    attempt: Attempt
    payment_mark: int
    attempt_mark: int


async def read(db: Database, attempt: AttemptId) -> Found:
    """The attempt and its payment. Refuses with NoSuchAttempt."""
    row = await db.fetchrow(_READ, attempt.store, attempt.uuid)
    if row is None:
        raise NoSuchAttempt
    return Found(payment_of(row), attempt_of(row), row["payment_xmin"], row["attempt_xmin"])


def create(tx: Tx, payment: Payment, attempt: Attempt, now: datetime) -> None:
    """Write a new payment and its first attempt."""
    tx.write(
        _CREATE,
        payment.id.store,
        payment.id.uuid,
        payment.session.uuid,
        payment.order.uuid,
        payment.amount.minor,
        payment.amount.currency,
        payment.fee_bps,
        now,
    )
    _try(tx, payment, attempt, now)


def retry(tx: Tx, payment: Payment, attempt: Attempt, now: datetime) -> None:
    """Write a further attempt; `payment` as it stands with it. `Overtaken` when its last event is another one."""
    values = (payment.status, payment.attempts, payment.amount.minor, payment.seq)
    tx.write(_RETRY, payment.id.store, payment.id.uuid, *values, now, rows=1)
    _try(tx, payment, attempt, now)


def _try(tx: Tx, payment: Payment, attempt: Attempt, now: datetime) -> None:
    tx.write(
        _TRY,
        attempt.id.store,
        attempt.id.uuid,
        payment.id.uuid,
        attempt.number,
        attempt.amount.minor,
        attempt.amount.currency,
        attempt.provider,
        next_ask(0, now),
        partition_of(attempt.id.number),
        now,
    )


async def write(tx: Tx, found: Found, change: Change, now: datetime) -> None:
    """The one place a payment and its attempt change: rows, bookings and events, in the caller's transaction.

    `Overtaken` when either row is not as it was found.
    """
    payment, attempt = change.payment, change.attempt
    tx.write(
        _WRITE_PAYMENT,
        payment.id.store,
        payment.id.uuid,
        found.payment_mark,
        payment.status,
        payment.failures,
        payment.refunded_minor,
        payment.failure_code,
        payment.failure_message,
        payment.seq,
        now,
        rows=1,
    )
    tx.write(
        _WRITE_ATTEMPT,
        attempt.id.store,
        attempt.id.uuid,
        found.attempt_mark,
        attempt.reference,
        attempt.status,
        attempt.is_applied,
        attempt.refunded_minor,
        attempt.failure_code,
        attempt.failure_message,
        attempt.requires_3ds,
        attempt.three_ds_status,
        attempt.facts,
        next_ask(0, now),
        attempt.is_live,
        attempt.is_refused,
        now,
        rows=1,
    )
    if payment.is_paid and payment.attempts > 1:
        tx.write(_HURRY, payment.id.store, payment.id.uuid, attempt.id.uuid, now)
    await ledger.post(tx, payment.id.store, change.transfers, now)
    first = payment.seq - len(change.news) + 1
    publish(tx, [Draft(payment.id, first + place, event) for place, event in enumerate(change.news)], now)


def note_reference(tx: Tx, attempt: AttemptId, reference: str, now: datetime) -> None:
    """Remember the provider's name for an attempt; whoever knew it first was right.

    Another call of the same attempt may have met silence meanwhile: the name is what the worker asks with.
    """
    tx.write(_NOTE_REFERENCE, attempt.store, attempt.uuid, reference, now)


async def find_due(db: Database, partitions: Sequence[int], now: datetime, limit: int) -> Sequence[tuple[int, UUID]]:
    """Attempts whose provider is to be asked."""
    return [(row["store"], row["id"]) for row in await db.fetch(_DUE, list(partitions), now, limit)]


async def claim_ask(db: Database, attempt: AttemptId, now: datetime) -> tuple[Payment, Attempt] | None:
    """Take the next question to the provider about this attempt, and set the time of the one after; None if not due."""
    asks: int | None = await db.fetchval(_ASKS, attempt.store, attempt.uuid)
    if asks is None:
        return None
    row = await db.fetchrow(_CLAIM_ASK, attempt.store, attempt.uuid, now, next_ask(asks + 1, now), asks)
    return None if row is None else (payment_of(row), attempt_of(row))


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
