"""Amounts and dates in the reader's locale. Babel is slow, so results are cached."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, get_decimal_symbol, parse_pattern

from checkie.kernel import Money, exponent

_LTR_MARK: Final = "\u200e"
"""Keeps a currency's symbol with its letters in right-to-left text: "US$", not "$US"."""
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
    return text + _LTR_MARK if text.startswith(_RTL_MARK) and text.endswith("$") else text


@lru_cache(maxsize=1024)
def plain(amount: Money, locale: str) -> str:
    """The amount without currency or grouping, as in a form's field: "25.00", "25,00"."""
    return format_decimal(amount.decimal(), "0." + "0" * exponent(amount.currency), locale, decimal_quantization=False)


@lru_cache(maxsize=256)
def day(moment: datetime, locale: str) -> str:
    """The date of that moment in UTC, in the long form: "21 November 2026"."""
    return format_date(moment.date(), format="long", locale=locale)


def decimal_separator(locale: str) -> str:
    """The character between units and fractions."""
    return get_decimal_symbol(locale)


def parse_amount(text: str, currency: str, locale: str) -> Money:
    """The amount that a person typed: "25", "25.99", "25,99", "1 234,50", "$1,234.50", "٢٥". ValueError if none.

    The last separator is the decimal one unless three digits follow it. Where the currency has three decimal places,
    "1,000" is ambiguous, and the locale decides.
    """
    characters = text.strip().translate(_NO_SPACE)
    typed = "".join(str(int(character)) if character.isdecimal() else character for character in characters)
    typed = typed.replace("٫", ".").replace("٬", ",").strip("$€£¥")
    places = exponent(currency)
    head, separator, tail = _at_last_separator(typed)
    is_group = len(tail) == 3 and (places < 3 or separator != decimal_separator(locale))
    if not separator or is_group:
        head, tail = head + tail, ""
    whole = head.replace(",", "").replace(".", "")
    if not (whole + tail).isascii() or not (whole + tail).isdigit():
        raise ValueError(f"{text!r} is not an amount")
    return Money.parse(f"{whole or 0}.{tail or 0}", currency)


def _at_last_separator(typed: str) -> tuple[str, str, str]:
    place = max(typed.rfind("."), typed.rfind(","))
    return (typed, "", "") if place < 0 else (typed[:place], typed[place], typed[place + 1 :])


@lru_cache(maxsize=1024)
def _pattern(currency: str, locale: str) -> NumberPattern:
    """The locale's pattern with the decimal places of ISO 4217; CLDR omits those that are seldom used."""
    pattern = parse_pattern(Locale.parse(locale).currency_formats["standard"].pattern)
    pattern.frac_prec = (exponent(currency), exponent(currency))
    return pattern
