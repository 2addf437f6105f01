"""All the SQL that writes or locks payments and attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from checkie import ledger
from checkie.db import Database, UnitOfWork, partition_of
from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, OrderId, PaymentId, SessionId
from checkie.outbox import publish
from checkie.payments.apply_outcome import Change
from checkie.payments.model import Attempt, AttemptStatus, NoSuchAttempt, Payment, PaymentStatus, next_ask

PAYMENT_COLUMNS: Final = """p.id as payment_id, p.session, p.order_id, p.amount_minor as payment_minor, p.currency,
  p.fee_bps, p.status as payment_status, p.attempts, p.failures, p.refunded_minor as payment_refunded,
  p.failure_code as payment_code, p.failure_message as payment_message, p.seq,
  p.version as payment_version"""
ATTEMPT_COLUMNS: Final = """a.id as attempt_id, a.number, a.amount_minor as attempt_minor,
  a.currency as attempt_currency, a.provider, a.provider_reference, a.status as attempt_status, a.is_applied,
  a.refunded_minor as attempt_refunded, a.failure_code as attempt_code, a.failure_message as attempt_message,
  a.requires_3ds, a.three_ds_status, a.provider_response, a.version as attempt_version"""

_READ: Final = f"""
select {PAYMENT_COLUMNS}, {ATTEMPT_COLUMNS}
from payments.attempt a join payments.payment p on p.store = a.store and p.id = a.payment
where a.store = $1 and a.id = $2
"""
_CREATE: Final = """
insert into payments.payment (store, id, session, order_id, amount_minor, currency, fee_bps, status, attempts, failures,
  seq, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, 'PENDING', 1, 0, $8, $9, $9)
"""
_RETRY: Final = """
update payments.payment set version = version + 1, status = $4, attempts = $5, amount_minor = $6, seq = $7,
  updated_at = $8
where store = $1 and id = $2 and version = $3
"""
_TRY: Final = """
insert into payments.attempt (store, id, payment, number, amount_minor, currency, provider, status, ask_at, partition,
  created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, 'PENDING', $8, $9, $10, $10)
"""
_WRITE_PAYMENT: Final = """
update payments.payment
set version = version + 1, status = $4, failures = $5, refunded_minor = $6, failure_code = $7, failure_message = $8,
  seq = $9,
  updated_at = $10, succeeded_at = case when $4 = 'SUCCEEDED' then coalesce(succeeded_at, $10) else succeeded_at end
where store = $1 and id = $2 and version = $3
"""
_WRITE_ATTEMPT: Final = """
update payments.attempt
set version = version + 1, provider_reference = $4, status = $5, is_applied = $6, refunded_minor = $7,
  failure_code = $8, failure_message = $9,
  requires_3ds = $10, three_ds_status = $11, provider_response = $12,
  asks = case when $5 = 'UNKNOWN' and status <> 'UNKNOWN' then 0 else asks end,
  ask_at = case when $5 = 'UNKNOWN' and status <> 'UNKNOWN' then $13::timestamptz when $14 then ask_at
    when $15 then $16::timestamptz end,
  updated_at = $16
where store = $1 and id = $2 and version = $3
"""
# The status is left out, lest the planner walk the index of all that live.
_NOTE_REFERENCE: Final = """
update payments.attempt set version = version + 1, provider_reference = $3, updated_at = $4
where store = $1 and id = $2 and provider_reference is null
"""
_DUE: Final = """
select store, id from payments.attempt where partition = any($1) and ask_at <= $2 order by ask_at limit $3
"""
_CLAIM_ASK: Final = f"""
update payments.attempt a set version = a.version + 1, asks = a.asks + 1, ask_at = $4, updated_at = $3
from payments.payment p
where a.store = $1 and a.id = $2 and a.ask_at <= $3 and a.version = $5 and p.store = a.store and p.id = a.payment
returning {PAYMENT_COLUMNS}, {ATTEMPT_COLUMNS}
"""
# Another attempt paid: those that live are called off now, not when they would next be asked about.
_HURRY: Final = """
update payments.attempt set version = version + 1, ask_at = $4
where store = $1 and payment = $2 and id <> $3 and ask_at > $4
"""
_CLOSE: Final = (
    "update payments.attempt set version = version + 1, ask_at = null, updated_at = $3"
    " where store = $1 and id = $2 and status = 'FAILED'"
)
_ASKS: Final = "select asks, version from payments.attempt where store = $1 and id = $2"


@dataclass(frozen=True, slots=True)
class Found:
    """A payment and one of its attempts, as read."""

    payment: Payment
    attempt: Attempt


async def read(db: Database, attempt: AttemptId) -> Found:
    """The attempt and its payment. Refuses with NoSuchAttempt."""
    row = await db.fetchrow(_READ, attempt.store, attempt.uuid)
    if row is None:
        raise NoSuchAttempt
    return Found(payment_of(row), attempt_of(row))


def create(unit: UnitOfWork, payment: Payment, attempt: Attempt, now: datetime) -> None:
    """Write a new payment and its first attempt."""
    unit.add(
        _CREATE,
        payment.id.store,
        payment.id.uuid,
        payment.session.uuid,
        payment.order.uuid,
        payment.amount.minor,
        payment.amount.currency,
        payment.fee_bps,
        payment.seq,
        now,
    )
    _try(unit, payment, attempt, now)


def retry(unit: UnitOfWork, payment: Payment, attempt: Attempt, now: datetime) -> None:
    """Write a further attempt; `payment` as it stands with it. `WriteConflict` when its last event is another one."""
    values = (payment.version, payment.status, payment.attempts, payment.amount.minor, payment.seq)
    unit.add(_RETRY, payment.id.store, payment.id.uuid, *values, now)
    _try(unit, payment, attempt, now)


def _try(unit: UnitOfWork, payment: Payment, attempt: Attempt, now: datetime) -> None:
    unit.add(
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


async def write(unit: UnitOfWork, found: Found, change: Change, now: datetime) -> None:
    """The one place a payment and its attempt change: rows, bookings and events, in the caller's transaction.

    `WriteConflict` when either row is not as it was found.
    """
    payment, attempt = change.payment, change.attempt
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
        next_ask(0, now),
        attempt.is_live,
        attempt.is_refused,
        now,
    )
    if payment.is_paid and payment.attempts > 1:
        unit.add(_HURRY, payment.id.store, payment.id.uuid, attempt.id.uuid, now, expect=None)
    await ledger.post(unit, payment.id.store, change.transfers, now)


def note_reference(unit: UnitOfWork, attempt: AttemptId, reference: str, now: datetime) -> None:
    """Remember the provider's name for an attempt; whoever knew it first was right.

    Another call of the same attempt may have met silence meanwhile: the name is what the worker asks with.
    """
    unit.add(_NOTE_REFERENCE, attempt.store, attempt.uuid, reference, now, expect=None)


async def find_due(db: Database, partitions: Sequence[int], now: datetime, limit: int) -> Sequence[tuple[int, UUID]]:
    """Attempts whose provider is to be asked."""
    return [(row["store"], row["id"]) for row in await db.fetch(_DUE, list(partitions), now, limit)]


async def claim_ask(db: Database, attempt: AttemptId, now: datetime) -> tuple[Payment, Attempt] | None:
    """Take the next question to the provider about this attempt, and set the time of the one after; None if not due."""
    asked = await db.fetchrow(_ASKS, attempt.store, attempt.uuid)
    if asked is None:
        return None
    again_at = next_ask(asked["asks"] + 1, now)
    row = await db.fetchrow(_CLAIM_ASK, attempt.store, attempt.uuid, now, again_at, asked["version"])
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
        version=row["payment_version"],
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
        version=row["attempt_version"],
    )
