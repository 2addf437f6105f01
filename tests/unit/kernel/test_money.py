"""Money is exact."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.kernel import Money, exponent

AMOUNTS = st.integers(-(10**12), 10**12)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any)


class TestSplit:
    @given(AMOUNTS, WEIGHTS)
    def test_loses_nothing(self, minor: int, weights: list[int]) -> None:
        shares = Money(minor, "EUR").split(weights)
        assert sum(share.minor for share in shares) == minor
        assert len(shares) == len(weights)

    @given(AMOUNTS, WEIGHTS)
    def test_gives_each_its_part_within_one_unit(self, minor: int, weights: list[int]) -> None:
        whole = sum(weights)
        for share, weight in zip(Money(minor, "EUR").split(weights), weights, strict=True):
            assert abs(share.minor * whole - minor * weight) < whole

    @given(AMOUNTS, WEIGHTS)
    def test_gives_nothing_for_a_weight_of_zero(self, minor: int, weights: list[int]) -> None:
        shares = Money(minor, "EUR").split(weights)
        assert not any(share for share, weight in zip(shares, weights, strict=True) if weight == 0)

    @pytest.mark.parametrize("weights", [[0], [0, 0], [2, -1], []])
    def test_needs_weights_that_are_not_negative_and_not_all_zero(self, weights: list[int]) -> None:
        with pytest.raises(ValueError, match="weights"):
            Money(100, "EUR").split(weights)


class TestShare:
    @pytest.mark.parametrize(
        ("minor", "bps", "share"),
        [
            (2500, 290, 73),  # 72.5 goes up
            (2499, 290, 72),  # 72.471
            (100, 50, 1),  # 0.5 goes up
            (100, 49, 0),
            (1, 290, 0),
            (0, 290, 0),
            (12345, 0, 0),
            (12345, 10_000, 12345),
            (-100, 50, 0),  # -0.5 goes up, too
        ],
    )
    def test_is_rounded_half_up(self, minor: int, bps: int, share: int) -> None:
        assert Money(minor, "USD").share(bps) == Money(share, "USD")

    @given(st.integers(0, 10**12), st.integers(0, 10_000))
    def test_is_within_half_a_unit_and_never_more_than_the_whole(self, minor: int, bps: int) -> None:
        share = Money(minor, "USD").share(bps).minor
        assert abs(share * 10_000 - minor * bps) <= 5_000
        assert 0 <= share <= minor


class TestArithmetic:
    @given(AMOUNTS, AMOUNTS)
    def test_adds_and_subtracts_exactly(self, one: int, other: int) -> None:
        assert (Money(one, "JPY") + Money(other, "JPY")) - Money(other, "JPY") == Money(one, "JPY")

    def test_multiplies(self) -> None:
        assert Money(2599, "USD") * 3 == Money(7797, "USD")

    def test_compares(self) -> None:
        small, large = Money(1, "USD"), Money(2, "USD")
        assert small < large
        assert small <= small  # noqa: PLR0124 that it equals itself is the point
        assert large > small
        assert large >= small
        assert not large < small
        assert bool(small)
        assert not Money(0, "USD")

    def test_never_mixes_currencies(self) -> None:
        dollars, euros = Money(100, "USD"), Money(100, "EUR")
        for mixed in (
            lambda: dollars + euros,
            lambda: dollars - euros,
            lambda: dollars < euros,
            lambda: dollars <= euros,
        ):
            with pytest.raises(ValueError, match="do not add up"):
                mixed()
        assert dollars != euros

    def test_has_a_largest_amount(self) -> None:
        assert Money(Money.MAX_MINOR, "USD").minor == Money.MAX_MINOR
        for beyond in (Money.MAX_MINOR + 1, -Money.MAX_MINOR - 1):
            with pytest.raises(ValueError, match="largest"):
                Money(beyond, "USD")
        with pytest.raises(ValueError, match="largest"):
            Money(Money.MAX_MINOR, "USD") + Money(1, "USD")


class TestCurrency:
    @pytest.mark.parametrize(
        ("currency", "places"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0), ("USDT", 6), ("CHF", 2)]
    )
    def test_has_its_decimal_places(self, currency: str, places: int) -> None:
        assert exponent(currency) == places

    @pytest.mark.parametrize("currency", ["usd", "US", "XXX", "", "USD ", "DOLLAR", "\u0405\u0415\u041a"])
    def test_that_does_not_exist_is_refused(self, currency: str) -> None:
        with pytest.raises(ValueError, match="currency code"):
            Money(1, currency)


class TestDecimalAmounts:
    @pytest.mark.parametrize(
        ("text", "currency", "minor"),
        [
            ("25.99", "USD", 2599),
            ("25", "USD", 2500),
            ("25.9", "USD", 2590),
            ("0.01", "USD", 1),
            ("500", "JPY", 500),
            ("1.234", "KWD", 1234),
            ("0.000001", "USDT", 1),
            ("25.990", "USD", 2599),
            ("-3.50", "EUR", -350),
        ],
    )
    def test_what_was_typed_is_parsed_exactly(self, text: str, currency: str, minor: int) -> None:
        assert Money.parse(text, currency) == Money(minor, currency)

    @pytest.mark.parametrize(
        ("text", "currency"),
        [
            ("", "USD"),
            ("ten", "USD"),
            ("1,50", "USD"),
            ("1.2.3", "USD"),
            ("NaN", "USD"),
            ("sNaN", "USD"),
            ("Infinity", "USD"),
            ("-Infinity", "USD"),
            ("0.001", "USD"),
            ("0.5", "JPY"),
            ("0.0000001", "USDT"),
            ("1" + "0" * 20, "USD"),
            ("1e30", "USD"),
            ("1e999999", "USD"),
            ("1e-9999999", "USD"),
            ("1.0000000000000000000000000000000001", "USD"),
        ],
    )
    def test_what_is_not_an_amount_or_too_precise_is_refused(self, text: str, currency: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            Money.parse(text, currency)

    @given(AMOUNTS, st.sampled_from(["USD", "JPY", "KWD", "USDT"]))
    def test_what_is_shown_can_be_typed(self, minor: int, currency: str) -> None:
        money = Money(minor, currency)
        assert Money.parse(str(money.decimal()), currency) == money

    def test_is_shown_in_whole_units(self) -> None:
        assert Money(2599, "USD").decimal() == Decimal("25.99")
        assert Money(2599, "USD").as_json() == {"amount": 2599, "currency": "USD"}
