"""Book transfers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from checkie.db import Tx
from checkie.ledger.model import Account, AccountId, Transfer, TransferId

_MOST_REMEMBERED: Final = 100_000
_ACCOUNTS: Final = "select id, kind, owner, currency from ledger.account where store = $1"
_OPEN: Final = """
insert into ledger.account (store, id, kind, owner, currency, created_at)
select $1, *, $6 from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) on conflict do nothing
"""
# Appends only: no balance is read or locked, so sales of one store do not wait for each other.
_MOVE: Final = """
insert into ledger.transfer (store, id, kind, source, target, amount_minor, currency, subject, key, at)
select $1, *, $10 from unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::uuid[],
  $9::text[])
on conflict (store, key) do nothing
"""
_SIDES: Final = """
insert into ledger.delta (store, transfer, account, amount_minor)
select $1, * from unnest($2::uuid[], $3::uuid[], $4::bigint[])
"""
_Side: TypeAlias = tuple[str, str, str]
"""Kind, owner and currency."""


async def post(tx: Tx, store: int, transfers: Sequence[Transfer], now: datetime) -> None:
    """Book `transfers` in the caller's transaction, as writes.

    A key moves money once: with one that was booked before, the transaction is `Overtaken` and nothing of it stays.
    """
    if not transfers:
        return
    ids = await _accounts(tx, store, transfers, now)
    moves = [
        (TransferId.new(store, now).uuid, ids[_side(t.source, t)], ids[_side(t.target, t)], t.amount.minor)
        for t in transfers
    ]
    tx.write(
        _MOVE,
        store,
        [move for move, _, _, _ in moves],
        [t.kind for t in transfers],
        [source for _, source, _, _ in moves],
        [target for _, _, target, _ in moves],
        [minor for _, _, _, minor in moves],
        [t.amount.currency for t in transfers],
        [t.subject.uuid for t in transfers],
        [t.key for t in transfers],
        now,
        rows=len(transfers),
    )
    sides = [side for move, source, target, minor in moves for side in ((move, source, -minor), (move, target, minor))]
    tx.write(_SIDES, store, *map(list, zip(*sides, strict=True)))


async def _accounts(tx: Tx, store: int, transfers: Sequence[Transfer], now: datetime) -> Mapping[_Side, UUID]:
    """The accounts' ids. An account never changes, so it is looked up once; its first transfer opens it, for good."""
    remembered = tx.database.constants
    known: dict[_Side, UUID] = remembered.get((__name__, store), {})
    wanted = sorted({_side(account, t) for t in transfers for account in (t.source, t.target)})
    if any(side not in known for side in wanted):
        ids = [AccountId.new(store, now).uuid for _ in wanted]
        await tx.database.execute(_OPEN, store, ids, *map(list, zip(*wanted, strict=True)), now)
        rows = await tx.database.fetch(_ACCOUNTS, store)
        known = {(row["kind"], row["owner"], row["currency"]): row["id"] for row in rows}
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
        remembered[__name__, store] = known
    return known


def _side(account: Account, transfer: Transfer) -> _Side:
    return account.kind, account.owner, transfer.amount.currency
