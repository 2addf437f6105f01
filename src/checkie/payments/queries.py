"""Read payments for other modules and for `checkie doctor`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from checkie.db import Database, UnitOfWork
from checkie.kernel.ids import AttemptId, OrderId, PaymentId, SessionId
from checkie.payments.model import Attempt, Payment
from checkie.payments.sql import COLUMNS, found

_PAID: Final = """
select id, session, order_id from payments.payment where status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED')
"""
_BY_ATTEMPTS: Final = f"""
select {COLUMNS}, p.created_at, p.succeeded_at
from payments.attempt a join payments.payment p on p.store = a.store and p.id = a.payment
where a.store = $1 and a.id = any($2)
"""
_OVERDUE: Final = """
select format('store %s, attempt %s: %s', store, id, status) as offender from payments.attempt
where (status in ('PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'UNKNOWN') and next_check_at is null)
   or (status in ('SUCCEEDED', 'CANCELLED', 'INTEGRITY_FAILURE') and next_check_at is not null)
   or next_check_at < now() - interval '10 minutes'
"""
_PAID_UNBOOKED: Final = """
select format('store %s, payment %s: %s', p.store, p.id, p.status) as offender from payments.payment p
where (p.status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED'))
  <> (exists (select from payments.attempt a where a.store = p.store and a.payment = p.id and a.is_applied))
"""
_REFUNDS_OFF: Final = """
select format('store %s, attempt %s: %s refunded, %s in refunds', a.store, a.id, a.refunded_minor, r.total) as offender
from payments.attempt a left join (
  select store, attempt, sum(amount_minor) as total from payments.refund where is_booked group by store, attempt
) r on r.store = a.store and r.attempt = a.id
where a.refunded_minor <> coalesce(r.total, 0)
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
    records = await db.read_all(_BY_ATTEMPTS, store, [one.uuid for one in attempts])
    details = [
        Details(one.payment, one.attempt, record["created_at"], record["succeeded_at"])
        for record in records
        for one in [found(record)]
    ]
    return {one.attempt.id: one for one in details}


async def paid(db: Database) -> Collection[tuple[PaymentId, SessionId | None, OrderId]]:
    """All payments that were paid, with their sessions and orders."""
    rows = await db.fetch(_PAID)
    return {(PaymentId.of(r["id"]), SessionId.of_or_none(r["session"]), OrderId.of(r["order_id"])) for r in rows}


async def check(db: Database) -> dict[str, Sequence[str]]:
    """Each invariant with the rows that violate it."""
    checks = {
        "no_attempt_stuck": _OVERDUE,
        "paid_payments_have_their_attempt": _PAID_UNBOOKED,
        "refunds_add_up": _REFUNDS_OFF,
    }
    return {name: [row["offender"] for row in await db.fetch(sql)] for name, sql in checks.items()}
