"""Read payments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from checkie.db import Database, UnitOfWork
from checkie.kernel.ids import AttemptId, OrderId, PaymentId, SessionId
from checkie.payments.model import Attempt, Payment
from checkie.payments.sql import ATTEMPT_COLUMNS, PAYMENT_COLUMNS, attempt_of, payment_of

_LATEST: Final = f"""
select {PAYMENT_COLUMNS}, {ATTEMPT_COLUMNS}
from payments.payment p join payments.attempt a on a.store = p.store and a.payment = p.id and a.number = p.attempts
where p.store = $1 and p.id = any($2)
"""
_BY_ATTEMPTS: Final = f"""
select {PAYMENT_COLUMNS}, {ATTEMPT_COLUMNS}, p.created_at, p.succeeded_at
from payments.attempt a join payments.payment p on p.store = a.store and p.id = a.payment
where a.store = $1 and a.id = any($2)
"""
_PAID: Final = """
select id, session, order_id from payments.payment where status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED')
"""
_OVERDUE: Final = """
select format('store %s, attempt %s: %s', store, id, status) as offender from payments.attempt
where (status in ('PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'UNKNOWN') and ask_at is null)
   or (status in ('SUCCEEDED', 'CANCELLED', 'INTEGRITY_FAILURE') and ask_at is not null)
   or ask_at < now() - interval '10 minutes'
"""
_PAID_UNBOOKED: Final = """
select format('store %s, payment %s: %s', p.store, p.id, p.status) as offender from payments.payment p
where (p.status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED'))
  <> (exists (select from payments.attempt a where a.store = p.store and a.payment = p.id and a.is_applied))
"""


@dataclass(frozen=True, slots=True)
class Details:
    """A payment, one of its attempts, and when it was created and paid."""

    payment: Payment
    attempt: Attempt
    created_at: datetime
    succeeded_at: datetime | None


async def list_by_attempts(
    db: Database | UnitOfWork, store: int, attempts: Collection[AttemptId]
) -> Mapping[AttemptId, Details]:
    """The payments of these attempts of the store, by attempt; unknown attempts are left out."""
    found = await db.read_all(_BY_ATTEMPTS, store, [one.uuid for one in attempts])
    details = [Details(payment_of(one), attempt_of(one), one["created_at"], one["succeeded_at"]) for one in found]
    return {one.attempt.id: one for one in details}


async def latest_of(
    db: Database | UnitOfWork, store: int, ids: Sequence[PaymentId]
) -> Mapping[PaymentId, tuple[Payment, Attempt]]:
    """Those of the store's payments, each with its latest attempt. One statement."""
    rows = await db.read_all(_LATEST, store, [payment.uuid for payment in ids])
    found = [(payment_of(row), attempt_of(row)) for row in rows]
    return {payment.id: (payment, attempt) for payment, attempt in found}


async def find_latest(db: Database | UnitOfWork, payment: PaymentId | None) -> tuple[Payment, Attempt] | None:
    """The payment and its latest attempt, if there is one."""
    if payment is None:
        return None
    return (await latest_of(db, payment.store, [payment])).get(payment)


async def paid(db: Database) -> Collection[tuple[PaymentId, SessionId, OrderId]]:
    """All payments whose money arrived, with their sessions and orders."""
    rows = await db.fetch(_PAID)
    return {(PaymentId.of(r["id"]), SessionId.of(r["session"]), OrderId.of(r["order_id"])) for r in rows}


async def check(db: Database) -> dict[str, Sequence[str]]:
    """Each invariant with what offends against it: empty lists when all is well."""
    checks = {"no_attempt_stuck": _OVERDUE, "paid_payments_have_their_attempt": _PAID_UNBOOKED}
    return {name: [row["offender"] for row in await db.fetch(sql)] for name, sql in checks.items()}
