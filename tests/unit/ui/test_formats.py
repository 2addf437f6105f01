"""Amounts and dates in the reader's locale."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.kernel import Money
from checkie.ui import formats
from checkie.ui.languages import LANGUAGES


@pytest.mark.parametrize(
    ("amount", "locale", "text"),
    [
        (Money(2500, "USD"), "en", "$25.00"),
        (Money(2500, "EUR"), "de", "25,00\u00a0€"),
        (Money(2500, "JPY"), "ja", "￥2,500"),
        (Money(123456789, "USD"), "fr", "1\u202f234\u202f567,89\u00a0$US"),
        (Money(1234567, "KWD"), "en", "KWD\u00a01,234.567"),
        (Money(2500, "IQD"), "en", "IQD\u00a02.500"),
    ],
)
def test_every_minor_unit_is_shown(amount: Money, locale: str, text: str) -> None:
    assert formats.money(amount, locale) == text


def test_a_currency_symbol_stays_with_its_letters_in_right_to_left_text() -> None:
    assert formats.money(Money(2500, "USD"), "ar").endswith("US$\u200e")


@given(st.integers(1, 10**12), st.sampled_from(["USD", "JPY", "KWD"]), st.sampled_from(list(LANGUAGES)))
def test_a_plain_amount_can_be_parsed(minor: int, currency: str, locale: str) -> None:
    amount = Money(minor, currency)
    assert formats.parse_amount(formats.plain(amount, locale), currency, locale) == amount


@pytest.mark.parametrize(
    ("text", "locale", "minor"),
    [
        ("25", "en", 2500),
        ("25.9", "en", 2590),
        ("25,99", "en", 2599),
        ("1,234", "en", 123400),
        ("1.234", "de", 123400),
        ("1.234,5", "de", 123450),
        (" $1,234.50 ", "en", 123450),
        ("1\u202f234,50", "fr", 123450),
        ("٢٥٫٥", "ar", 2550),
        (".5", "en", 50),
    ],
)
def test_people_type_amounts_in_many_ways(text: str, locale: str, minor: int) -> None:
    assert formats.parse_amount(text, "USD", locale) == Money(minor, "USD")


@pytest.mark.parametrize(("locale", "minor"), [("en", 1_000_000), ("de", 1000)])
def test_the_locale_decides_for_currencies_with_three_decimal_places(locale: str, minor: int) -> None:
    assert formats.parse_amount("1,000", "KWD", locale) == Money(minor, "KWD")


@pytest.mark.parametrize("text", ["", " ", "abc", "-5", "1e5", "5.9999", "1.2345", "½", "9" * 30])
def test_an_invalid_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|minor units|largest"):
        formats.parse_amount(text, "USD", "en")


def test_a_date_is_in_the_long_form() -> None:
    moment = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    assert formats.day(moment, "en_GB") == "1 March 2026"
    assert formats.day(moment, "de") == "1. März 2026"
