"""Any sequence of bookings, repetitions and folds, against PostgreSQL: nothing is created or lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from checkie import ledger
from checkie.db import Database, WriteConflict
from checkie.kernel import Money
from checkie.kernel.ids import PaymentId
from checkie.ledger import Account, Kind, Transfer
from checkie.ledger.fold import fold
from tests import make
from tests.make import START

T = TypeVar("T")
ACCOUNTS: Final = (
    Account(Kind.CLEARING, "fake"),
    Account(Kind.CLEARING, "other"),
    Account(Kind.MERCHANT),
    Account(Kind.FEES),
    Account(Kind.UNAPPLIED),
)
MINOR: Final = st.integers(1, 10**9)


class Book(RuleBasedStateMachine):
    """The ledger of one store beside a list of what was booked."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.db = self.run(Database(self.url, size=4).open())
        self.store = self.run(make.store(self.db)).number
        self.booked: dict[str, Transfer] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.db.close())
        self.runner.close()

    def post(self, *transfers: Transfer) -> None:
        async def post() -> None:
            async with self.db.transaction() as unit:
                await ledger.post(unit, self.store, transfers, START)

        self.run(post())

    @rule(
        sides=st.permutations(ACCOUNTS).map(lambda shuffled: shuffled[:2]),
        minors=st.lists(MINOR, min_size=1, max_size=3),
        currency=st.sampled_from(["USD", "EUR"]),
    )
    def book(self, sides: list[Account], minors: list[int], currency: str) -> None:
        subject = PaymentId.new(self.store, START)
        fresh = [
            Transfer("payment", sides[0], sides[1], Money(minor, currency), subject, f"{subject}:{place}")
            for place, minor in enumerate(minors)
        ]
        self.post(*fresh)
        self.booked.update({transfer.key: transfer for transfer in fresh})

    @precondition(lambda self: self.booked)
    @rule(data=st.data())
    def book_again(self, data: st.DataObject) -> None:
        self.post(self.booked[data.draw(st.sampled_from(sorted(self.booked)))])

    @precondition(lambda self: self.booked)
    @rule(data=st.data())
    def book_something_else_under_a_known_key(self, data: st.DataObject) -> None:
        known = self.booked[data.draw(st.sampled_from(sorted(self.booked)))]
        other = Transfer(
            "x", known.source, known.target, known.amount + Money(1, known.amount.currency), known.subject, known.key
        )
        with pytest.raises(WriteConflict):
            self.post(other)

    @rule()
    def fold(self) -> None:
        self.run(fold(self.db, self.store, START))

    @invariant()
    def balances_are_the_sums_of_what_was_booked(self) -> None:
        wanted: Counter[tuple[Account, str]] = Counter()
        for transfer in self.booked.values():
            wanted[transfer.source, transfer.amount.currency] -= transfer.amount.minor
            wanted[transfer.target, transfer.amount.currency] += transfer.amount.minor
        found = {
            (balance.account, balance.amount.currency): balance.amount.minor
            for balance in self.run(ledger.balances(self.db, self.store))
        }
        assert found == dict(wanted)

    @invariant()
    def every_currency_sums_to_zero(self) -> None:
        sums: Counter[str] = Counter()
        for balance in self.run(ledger.balances(self.db, self.store)):
            sums[balance.amount.currency] += balance.amount.minor
        assert not any(sums.values())


def test_nothing_is_created_or_lost(database_url: str) -> None:
    Book.url = database_url
    run_state_machine_as_test(
        Book,
        settings=settings(
            max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
