"""Amounts and dates as the reader writes them. Babel is slow, so what it says is remembered."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, get_decimal_symbol, parse_pattern

from checkie.kernel import Money, exponent, from_decimal

_MARK: Final = "\u200e"
"""Keeps a currency's sign with its letters in right-to-left text: "US$", not "$US"."""
_LETTER_BEFORE_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")
_RTL_MARK: Final = "\u200f"
_NO_SPACE: Final = str.maketrans("", "", " \t\u00a0\u202f'’")


@lru_cache(maxsize=8192)
def money(amount: Money, locale: str) -> str:
    """The amount with its currency, with every minor unit: "$25.00", "25,00 €"."""
    text: str = _pattern(amount.currency, locale).apply(
        amount.decimal(), Locale.parse(locale), currency=amount.currency, currency_digits=False
    )
    text = _LETTER_BEFORE_DIGIT.sub("\u00a0", text)  # as CLDR wants it; Babel leaves it out
    return text + _MARK if text.startswith(_RTL_MARK) and text.endswith("$") else text


@lru_cache(maxsize=1024)
def plain(amount: Money, locale: str) -> str:
    """The amount without currency or grouping, as it is typed: "25.00", "25,00"."""
    return format_decimal(amount.decimal(), "0." + "0" * exponent(amount.currency), locale, decimal_quantization=False)


@lru_cache(maxsize=256)
def day(moment: datetime, locale: str) -> str:
    """The day of that moment, in UTC, in words: "21 November 2026"."""
    return format_date(moment.date(), format="long", locale=locale)


def decimal_mark(locale: str) -> str:
    """What stands between units and fractions."""
    return get_decimal_symbol(locale)


def parse_amount(text: str, currency: str, locale: str) -> Money:
    """What a person typed: "25", "25.99", "25,99", "1 234,50", "$1,234.50", "٢٥". ValueError when it is no amount.

    The last mark is the decimal one if no more digits follow than the currency has; with the one exception of
    currencies of three, where "1,000" is ambiguous and the reader's locale decides.
    """
    typed = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in text.strip().translate(_NO_SPACE))
    typed = typed.replace("٫", ".").replace("٬", ",").strip("$€£¥")
    places = exponent(currency)
    head, mark, tail = _at_last_mark(typed)
    is_group = len(tail) == 3 and (places < 3 or mark != decimal_mark(locale))
    if not mark or is_group:
        head, tail = head + tail, ""
    whole = head.replace(",", "").replace(".", "")
    if not (whole + tail).isascii() or not (whole + tail).isdigit():
        raise ValueError(f"{text!r} is not an amount")
    return from_decimal(f"{whole or 0}.{tail or 0}", currency)


def _at_last_mark(typed: str) -> tuple[str, str, str]:
    place = max(typed.rfind("."), typed.rfind(","))
    return (typed, "", "") if place < 0 else (typed[:place], typed[place], typed[place + 1 :])


@lru_cache(maxsize=1024)
def _pattern(currency: str, locale: str) -> NumberPattern:
    """The locale's pattern with as many places as ISO 4217 says; CLDR leaves out those that people seldom use."""
    pattern = parse_pattern(Locale.parse(locale).currency_formats["standard"].pattern)
    pattern.frac_prec = (exponent(currency), exponent(currency))
    return pattern
