"""Book transfers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from checkie.db import UnitOfWork
from checkie.kernel.ids import AccountId, TransferId
from checkie.ledger.model import Account, Transfer

_MAX_CACHED: Final = 100_000
_ACCOUNTS: Final = "select id, kind, owner, currency from ledger.account where store = $1"
_OPEN: Final = """
insert into ledger.account (store, id, kind, owner, currency, created_at)
select $1, *, $6 from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) on conflict do nothing
"""
# Appends only: no balance is read or locked, so sales of one store do not wait for each other. A key that is booked
# already is left as it is, and gets no second pair of deltas.
_BOOK: Final = """
insert into ledger.transfer (store, id, kind, source, target, amount_minor, currency, subject, key, at)
select $1, *, $10 from unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::uuid[],
  $9::text[])
on conflict (key, store) do nothing returning store, id, source, target, amount_minor
"""
_DELTAS: Final = """
insert into ledger.delta (store, transfer, account, amount_minor)
select store, id, source, -amount_minor from booked union all select store, id, target, amount_minor from booked
"""
# Each transfer is booked now or was booked before, exactly so. One that a concurrent transaction books is neither: the
# unit is undone, and finds it booked when it is retried. One key for two movements is never passed over.
_DONE: Final = """
select 1 from booked
union all
select 1 from unnest($2::text[], $3::uuid[], $4::uuid[], $5::bigint[]) as w (key, source, target, amount_minor)
join ledger.transfer x on x.store = $1 and x.key = w.key
where (x.source, x.target, x.amount_minor) = (w.source, w.target, w.amount_minor)
"""
_Side: TypeAlias = tuple[str, str, str]
"""Kind, owner and currency."""


async def post(unit: UnitOfWork, store: int, transfers: Sequence[Transfer], now: datetime) -> None:
    """Add the booking of `transfers` to the caller's unit of work.

    A key moves money once: a transfer that is booked already changes nothing. The unit raises WriteConflict if the same
    key is being booked concurrently (a retry finds it booked), or is booked with other accounts or another amount.
    ValueError for a key that comes twice.
    """
    if not transfers:
        return
    if len({t.key for t in transfers}) < len(transfers):
        raise ValueError("each transfer has a key of its own")
    ids = await _accounts(unit, store, transfers, now)
    sources = [ids[_side(t.source, t)] for t in transfers]
    targets = [ids[_side(t.target, t)] for t in transfers]
    amounts = [t.amount.minor for t in transfers]
    keys = [t.key for t in transfers]
    unit.add(
        _BOOK,
        store,
        [TransferId.new(store, now).uuid for _ in transfers],
        [t.kind for t in transfers],
        sources,
        targets,
        amounts,
        [t.amount.currency for t in transfers],
        [t.subject.uuid for t in transfers],
        keys,
        now,
        expect=None,
        name="booked",
    )
    unit.add(_DELTAS, expect=None)
    unit.add(_DONE, store, keys, sources, targets, amounts, expect=len(transfers))


async def _accounts(unit: UnitOfWork, store: int, transfers: Sequence[Transfer], now: datetime) -> Mapping[_Side, UUID]:
    """The accounts' ids. An account never changes, so it is read once. Its first transfer opens it."""
    wanted = sorted({_side(account, t) for t in transfers for account in (t.source, t.target)})
    known: dict[_Side, UUID] = unit.connections.cache.get((__name__, store), {})
    if all(side in known for side in wanted):
        return known
    rows = await unit.read_all(_ACCOUNTS, store)
    known = {(row["kind"], row["owner"], row["currency"]): row["id"] for row in rows}
    if not unit.has_begun:  # what this unit has opened itself may yet be undone
        _remember(unit, store, known)
    added: dict[_Side, UUID] = unit.added.setdefault((__name__, store), {})
    known = {**added, **known}
    missing = [side for side in wanted if side not in known]
    if not missing:
        return known
    opened = {side: AccountId.new(store, now).uuid for side in missing}
    unit.add(_OPEN, store, list(opened.values()), *map(list, zip(*missing, strict=True)), now, expect=len(missing))
    added.update(opened)
    return {**known, **opened}


def _remember(unit: UnitOfWork, store: int, known: Mapping[_Side, UUID]) -> None:
    cache = unit.connections.cache
    if len(cache) >= _MAX_CACHED:
        cache.clear()
    cache[__name__, store] = known


def _side(account: Account, transfer: Transfer) -> _Side:
    return account.kind, account.owner, transfer.amount.currency
