"""All the SQL that writes or locks sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from checkie.checkout.model import NoSuchSession, Session, SessionStatus
from checkie.checkout.quote import Quote
from checkie.db import Database, UnitOfWork, WriteConflict, partition_of
from checkie.kernel.ids import OrderId, PageId, PaymentId, SessionId

_COLUMNS: Final = """id, page, secret_hash, status, version, email, quote, currency, provider, fee_bps,
  payment, order_id, attempt, return_url, seq, abandoned_s, expires_at"""
_INSERT: Final = """
insert into checkout.session (store, id, page, secret_hash, status, version, quote, total_minor, currency,
  provider, fee_bps, return_url, visitor, partition, abandoned_s, due_at, expires_at, created_at, updated_at)
values ($1, $2, $3, $4, 'OPEN', 1, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $15)
"""
_READ: Final = f"select {_COLUMNS} from checkout.session where store = $1 and id = $2"
_LOCK: Final = f"{_READ} for update"
_LOCK_MANY: Final = f"select {_COLUMNS} from checkout.session where store = $1 and id = any($2) order by id for update"
_CHANGE: Final = """
update checkout.session
set version = version + 1, email = $4, quote = $5, total_minor = $6, due_at = $7, updated_at = $8
where store = $1 and id = $2 and version = $3
"""
_PAY: Final = """
update checkout.session set status = $4, version = version + 1, payment = $5, order_id = $6, attempt = $7, seq = $8,
  due_at = expires_at, updated_at = $9
where store = $1 and id = $2 and version = $3
"""
_WRITE_MANY: Final = """
update checkout.session s
set status = w.status, version = s.version + 1, seq = w.seq, due_at = w.due_at, updated_at = $6,
  completed_at = case when w.status = 'COMPLETED' then $6 else s.completed_at end,
  abandoned_at = case when w.status = 'ABANDONED' then $6 else s.abandoned_at end
from unnest($2::uuid[], $3::text[], $4::int[], $5::timestamptz[]) as w (id, status, seq, due_at)
where s.store = $1 and s.id = w.id
"""
_DUE: Final = (
    "select store, id from checkout.session where partition = any($1) and due_at <= $2 order by due_at limit $3"
)
_CLAIM: Final = f"""
update checkout.session set due_at = $4 where store = $1 and id = $2 and due_at <= $3 returning {_COLUMNS}
"""


async def insert(db: Database, session: Session, visitor: Mapping[str, Any], now: datetime) -> None:
    """Write a new session."""
    await db.execute(
        _INSERT,
        session.id.store,
        session.id.uuid,
        session.page.uuid,
        session.secret_hash,
        session.quote.as_json(),
        session.quote.total.minor,
        session.quote.total.currency,
        session.provider,
        session.fee_bps,
        session.return_url,
        visitor,
        partition_of(session.id.number),
        session.abandoned_s,
        session.expires_at,
        now,
    )


async def get_session(db: Database | UnitOfWork, session: SessionId) -> Session:
    """The session. Refuses with NoSuchSession."""
    return _session(await db.read(_READ, session.store, session.uuid))


async def lock(unit: UnitOfWork, session: SessionId) -> Session:
    """The session, locked. Refuses with NoSuchSession."""
    return _session(await unit.fetchrow(_LOCK, session.store, session.uuid))


async def lock_many(unit: UnitOfWork, store: int, ids: Iterable[SessionId]) -> dict[SessionId, Session]:
    """Those of the store's sessions, locked in order."""
    found = [_session(row) for row in await unit.lock(_LOCK_MANY, store, [session.uuid for session in ids])]
    return {session.id: session for session in found}


async def change(db: Database, session: Session, now: datetime) -> None:
    """Write what the buyer changed. WriteConflict if the row no longer has the version of `session`."""
    count = await db.execute(
        _CHANGE,
        session.id.store,
        session.id.uuid,
        session.version,
        session.email,
        session.quote.as_json(),
        session.quote.total.minor,
        session.due_at(now),
        now,
    )
    if count != 1:
        raise WriteConflict


def write_paying(unit: UnitOfWork, session: Session, now: datetime) -> None:
    """Write that the session pays. WriteConflict when its row is not of this version any more."""
    unit.add(
        _PAY,
        session.id.store,
        session.id.uuid,
        session.version,
        session.status,
        session.payment.uuid if session.payment else None,
        session.order.uuid if session.order else None,
        session.attempt,
        session.seq,
        now,
    )


def write_many(unit: UnitOfWork, store: int, sessions: Iterable[Session], now: datetime) -> None:
    """Write status, event count and due time of locked sessions of one store."""
    changed = sorted(sessions, key=lambda session: session.id)
    unit.add(
        _WRITE_MANY,
        store,
        [session.id.uuid for session in changed],
        [session.status for session in changed],
        [session.seq for session in changed],
        [session.due_at(now) for session in changed],
        now,
        expect=len(changed),
    )


async def find_due(db: Database, partitions: Sequence[int], now: datetime, limit: int) -> Sequence[tuple[int, UUID]]:
    """Sessions that are due."""
    return [(row["store"], row["id"]) for row in await db.fetch(_DUE, list(partitions), now, limit)]


async def claim_due(db: Database, session: SessionId, now: datetime, again_at: datetime) -> Session | None:
    """Claim a due session, which is due again at `again_at` if this process dies; None if it is no longer due."""
    row = await db.fetchrow(_CLAIM, session.store, session.uuid, now, again_at)
    return None if row is None else _session(row)


def _session(row: asyncpg.Record | None) -> Session:
    if row is None:
        raise NoSuchSession
    return Session(
        id=SessionId.of(row["id"]),
        page=PageId.of(row["page"]),
        secret_hash=row["secret_hash"],
        status=SessionStatus(row["status"]),
        version=row["version"],
        email=row["email"],
        quote=Quote.of_json(row["quote"], row["currency"]),
        provider=row["provider"],
        fee_bps=row["fee_bps"],
        payment=PaymentId.of_or_none(row["payment"]),
        order=OrderId.of_or_none(row["order_id"]),
        attempt=row["attempt"],
        return_url=row["return_url"],
        seq=row["seq"],
        abandoned_s=row["abandoned_s"],
        expires_at=row["expires_at"],
    )
