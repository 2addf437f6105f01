"""Exact amounts: whole minor units of one currency, one rounding function, lossless splits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import ClassVar, Final, Self

_MAX_SHOWN: Final = 40
_TYPED: Final = re.compile(r"[+-]?[0-9]{1,16}(?:\.[0-9]{1,8})?")  # Decimal itself takes exponents, NaN and any length

# ISO 4217 (2024-06) where the exponent is not 2, and USDT as TRC-20 defines it.
_EXPONENTS: Final = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    "USDT": 6,
}
_TWO: Final = frozenset(
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC"
    " CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD"
    " KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO"
    " NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL"
    " THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG".split()
)


def exponent(currency: str) -> int:
    """How many decimal places `currency` has (ISO 4217; USDT has 6). ValueError for a code that is none."""
    if currency in _TWO:
        return 2
    if currency not in _EXPONENTS:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code")
    return _EXPONENTS[currency]


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount: a whole number of minor units of one currency (2599 USD is $25.99)."""

    MAX_MINOR: ClassVar[int] = 10**15
    """The largest amount: far below bigint's 9.2e18, so sums of thousands of them cannot overflow."""
    minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)
        if abs(self.minor) > self.MAX_MINOR:
            raise ValueError(f"{self.minor} is beyond the largest amount, {self.MAX_MINOR}")

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.minor * times, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    @classmethod
    def parse(cls, text: str, currency: str) -> Self:
        """The exact amount that a person typed ("25.99"). ValueError for anything else, or for too many decimals."""
        if not _TYPED.fullmatch(text):
            raise ValueError(f"{text[:_MAX_SHOWN]!r} is not an amount")
        scaled = Decimal(text).scaleb(exponent(currency))
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{text!r} is not a whole number of minor units of {currency}")
        return cls(int(scaled), currency)

    def share(self, bps: int) -> Money:
        """`bps` hundredths of a percent of this amount, rounded half up: the one rounding function."""
        return Money((self.minor * bps * 2 + 10_000) // 20_000, self.currency)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Shares in proportion to `weights`. They always sum to `self`: each is the gap between two cuts."""
        whole = sum(weights)
        if whole <= 0 or min(weights) < 0:
            raise ValueError("weights are not negative and not all zero")
        cuts = [self.minor * edge // whole for edge in accumulate(weights, initial=0)]
        return [Money(right - left, self.currency) for left, right in pairwise(cuts)]

    def decimal(self) -> Decimal:
        """The amount in whole units, for people: 2599 USD is Decimal('25.99')."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def as_json(self) -> dict[str, int | str]:
        """The wire form: `{"amount": 2599, "currency": "USD"}`."""
        return {"amount": self.minor, "currency": self.currency}

    def _same(self, other: Money) -> int:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other.minor
