"""A quote is frozen and explained."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.catalog import Pricing
from checkie.checkout import Quote
from checkie.checkout.quote import AmountNotYours, AmountOutOfRange, QuantityOutOfRange
from checkie.kernel import Money
from tests import make

CHOSEN = {"pricing": Pricing.PAY_WHAT_YOU_WANT, "min": Money(100, "USD"), "max": Money(50_000, "USD")}


class TestQuote:
    @given(st.integers(1, 10))
    def test_is_the_unit_times_the_quantity(self, quantity: int) -> None:
        assert make.quote().with_quantity(quantity).total.minor == 2599 * quantity

    @pytest.mark.parametrize("quantity", [0, -1, 11, 10**9])
    def test_refuses_a_quantity_that_the_page_does_not_allow(self, quantity: int) -> None:
        with pytest.raises(QuantityOutOfRange, match="between 1 and 10") as refused:
            make.quote().with_quantity(quantity)
        assert refused.value.param == "quantity"

    @pytest.mark.parametrize("minor", [100, 2599, 50_000])
    def test_takes_the_amount_that_the_buyer_chose(self, minor: int) -> None:
        assert make.quote(**CHOSEN).with_amount(minor).unit == Money(minor, "USD")

    @pytest.mark.parametrize("minor", [99, 0, -2599, 50_001, 10**18])
    def test_refuses_an_amount_outside_what_the_page_takes(self, minor: int) -> None:
        with pytest.raises(AmountOutOfRange, match="between 100 and 50000 minor units of USD"):
            make.quote(**CHOSEN).with_amount(minor)

    def test_refuses_any_amount_where_the_price_is_fixed(self) -> None:
        with pytest.raises(AmountNotYours):
            make.quote().with_amount(2599)

    @pytest.mark.parametrize("quote", [make.quote(), make.quote(**CHOSEN, quantity=3)])
    def test_survives_the_row(self, quote: Quote) -> None:
        assert Quote.of_json(json.loads(json.dumps(quote.as_json())), "USD") == quote
