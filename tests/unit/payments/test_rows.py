"""Values are read from rows by the types of their fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pytest

from checkie.db import row
from checkie.kernel import Money
from checkie.kernel.ids import PaymentId, SessionId
from tests.make import START, STORE

PAYMENT, SESSION = PaymentId.new(STORE, START), SessionId.new(STORE, START)


class Colour(StrEnum):
    """An enum, as text in a row."""

    RED = "RED"


@dataclass(frozen=True, slots=True)
class Thing:
    """One field of each kind."""

    id: PaymentId
    session: SessionId | None
    price: Money
    discount: Money | None
    colour: Colour
    shade: Colour | None
    note: str | None


FULL = {
    "id": PAYMENT.uuid,
    "session": SESSION.uuid,
    "price_minor": 2599,
    "discount_minor": 100,
    "currency": "USD",
    "colour": "RED",
    "shade": "RED",
    "note": "text",
}
BARE = {**FULL, "session": None, "discount_minor": None, "shade": None, "note": None}


class TestRow:
    def test_reads_ids_amounts_and_enums(self) -> None:
        money = Money(2599, "USD"), Money(100, "USD")
        assert row(Thing, FULL) == Thing(PAYMENT, SESSION, *money, Colour.RED, Colour.RED, "text")

    def test_reads_what_is_null_as_none(self) -> None:
        assert row(Thing, BARE) == Thing(PAYMENT, None, Money(2599, "USD"), None, Colour.RED, None, None)

    def test_reads_the_columns_behind_a_prefix(self) -> None:
        prefixed = {f"thing_{name}": value for name, value in FULL.items()}
        assert row(Thing, {**BARE, **prefixed}, "thing_") == row(Thing, FULL)

    def test_needs_every_column(self) -> None:
        with pytest.raises(KeyError):
            row(Thing, {name: value for name, value in FULL.items() if name != "note"})
