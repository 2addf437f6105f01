"""Read the ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from checkie.db import Database, UnitOfWork
from checkie.kernel import Id, Money
from checkie.ledger.model import Account, Kind

_BALANCES: Final = """
select a.kind, a.owner, a.currency,
  coalesce(b.posted_minor, 0)
    + coalesce((select sum(d.amount_minor) from ledger.delta d where d.store = a.store and d.account = a.id), 0)::bigint
    as minor
from ledger.account a left join ledger.balance b on b.store = a.store and b.account = a.id
where a.store = $1 order by a.currency, a.kind, a.owner
"""
_OF_SUBJECT: Final = """
select x.kind, x.amount_minor, x.currency, s.kind as source, t.kind as target
from ledger.transfer x
join ledger.account s on s.store = x.store and s.id = x.source
join ledger.account t on t.store = x.store and t.id = x.target
where x.store = $1 and x.subject = $2 order by x.id
"""


_SUBJECTS: Final = "select distinct store, subject from ledger.transfer where kind = $1"


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of an account."""

    account: Account
    amount: Money


async def balances(db: Database | UnitOfWork, store: int) -> Sequence[Balance]:
    """The balance of each of the store's accounts, with the deltas that are not folded yet."""
    rows = await db.fetch(_BALANCES, store)
    return [Balance(Account(Kind(r["kind"]), r["owner"]), Money(r["minor"], r["currency"])) for r in rows]


async def transfers_of(db: Database | UnitOfWork, subject: Id) -> Sequence[asyncpg.Record]:
    """Every transfer of `subject`, oldest first: kind, amount_minor, currency, kinds of source and target."""
    return await db.fetch(_OF_SUBJECT, subject.store, subject.uuid)


async def subjects(db: Database, kind: str) -> Collection[UUID]:
    """The subjects of all transfers of this kind."""
    return {row["subject"] for row in await db.fetch(_SUBJECTS, kind)}
