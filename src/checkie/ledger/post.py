"""Book transfers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from checkie.db import Tx
from checkie.ledger.model import AccountId, KeyReused, Transfer, TransferId

# Appends only: no balance is read or locked, so sales of one store do not wait for each other.
_POST: Final = """
with wanted as (
  select * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[],
    $10::uuid[], $11::text[])
    as w (id, kind, source_kind, source_owner, target_kind, target_owner, amount_minor, currency, subject, key)
), moved as (
  insert into ledger.transfer (store, id, kind, source, target, amount_minor, currency, subject, key, at)
  select $1, w.id, w.kind, s.id, t.id, w.amount_minor, w.currency, w.subject, w.key, $12
  from wanted w
  join ledger.account s
    on s.store = $1 and s.kind = w.source_kind and s.owner = w.source_owner and s.currency = w.currency
  join ledger.account t
    on t.store = $1 and t.kind = w.target_kind and t.owner = w.target_owner and t.currency = w.currency
  on conflict (store, key) do nothing
  returning id, source, target, amount_minor
), sides as (
  insert into ledger.delta (store, transfer, account, amount_minor)
  select $1, id, source, -amount_minor from moved union all select $1, id, target, amount_minor from moved
)
select count(*) from moved
"""
_OPEN: Final = """
insert into ledger.account (store, id, kind, owner, currency, created_at)
select $1, * , $6 from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) on conflict do nothing
"""
_SAME: Final = """
select count(*)
from unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
  as w (key, amount_minor, currency, source_kind, source_owner, target_kind, target_owner)
join ledger.transfer x on x.store = $1 and x.key = w.key and x.amount_minor = w.amount_minor and x.currency = w.currency
join ledger.account s on s.store = $1 and s.id = x.source and s.kind = w.source_kind and s.owner = w.source_owner
join ledger.account t on t.store = $1 and t.id = x.target and t.kind = w.target_kind and t.owner = w.target_owner
"""


async def post(tx: Tx, store: int, transfers: Sequence[Transfer], now: datetime) -> None:
    """Book `transfers` in the caller's transaction, each key once.

    One statement, but for a store's first in a currency. Booking the same again changes nothing; the same key for
    another movement is refused (KeyReused).
    """
    if not transfers or await _post(tx, store, transfers, now) == len(transfers):
        return
    await _open_accounts(tx, store, transfers, now)
    await _post(tx, store, transfers, now)
    same = await tx.fetchval(
        _SAME,
        store,
        [t.key for t in transfers],
        [t.amount.minor for t in transfers],
        [t.amount.currency for t in transfers],
        [t.source.kind for t in transfers],
        [t.source.owner for t in transfers],
        [t.target.kind for t in transfers],
        [t.target.owner for t in transfers],
    )
    if same != len(transfers):
        raise KeyReused


async def _post(tx: Tx, store: int, transfers: Sequence[Transfer], now: datetime) -> int:
    count: int = await tx.fetchval(
        _POST,
        store,
        [TransferId.new(store, now).uuid for _ in transfers],
        [t.kind for t in transfers],
        [t.source.kind for t in transfers],
        [t.source.owner for t in transfers],
        [t.target.kind for t in transfers],
        [t.target.owner for t in transfers],
        [t.amount.minor for t in transfers],
        [t.amount.currency for t in transfers],
        [t.subject.uuid for t in transfers],
        [t.key for t in transfers],
        now,
    )
    return count


async def _open_accounts(tx: Tx, store: int, transfers: Sequence[Transfer], now: datetime) -> None:
    sides = {(side, t.amount.currency) for t in transfers for side in (t.source, t.target)}
    wanted = sorted((side.kind, side.owner, currency) for side, currency in sides)
    kinds, owners, currencies = zip(*wanted, strict=True)
    ids = [AccountId.new(store, now).uuid for _ in wanted]
    await tx.execute(_OPEN, store, ids, list(kinds), list(owners), list(currencies), now)
