"""Stripe's minor units, which are not always ISO 4217's.

Source: docs.stripe.com/currencies, "Zero-decimal", "Three-decimal" and "Special cases".
"""

from __future__ import annotations

from typing import Final

from checkie.kernel import Money, exponent

_ZERO_DECIMAL: Final = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
"""UGX is in Stripe's list too, but is listed as a special case."""
_THREE_DECIMAL: Final = frozenset("BHD JOD KWD OMR TND".split())
_THREE_DECIMAL_STEP: Final = 10
"""Card networks support two decimals, so the third has to be 0."""
_WHOLE_UNITS_IN_CENTS: Final = frozenset({"ISK", "UGX"})
"""These have no fractions, but Stripe counts them in hundredths: 5 ISK is 500."""


class Unsupported(ValueError):
    """Stripe cannot charge exactly this amount."""


def to_stripe(amount: Money) -> int:
    """`amount` in Stripe's minor units. Raises Unsupported rather than round a charge."""
    if amount.currency in _THREE_DECIMAL and amount.minor % _THREE_DECIMAL_STEP:
        raise Unsupported(f"Stripe supports {amount.currency} in steps of {_THREE_DECIMAL_STEP} minor units")
    return _scaled(amount.minor, exponent(amount.currency), _decimals(amount.currency))


def from_stripe(minor: int, currency: str) -> Money:
    """The amount of `minor` in Stripe's units of `currency` (lower case there). ValueError when there is none."""
    code = currency.upper()
    return Money(_scaled(minor, _decimals(code), exponent(code)), code)


def _decimals(currency: str) -> int:
    if currency in _ZERO_DECIMAL:
        return 0
    if currency in _THREE_DECIMAL:
        return 3
    if currency in _WHOLE_UNITS_IN_CENTS or exponent(currency) == 2:
        return 2
    raise Unsupported(f"Stripe does not support {currency}")


def _scaled(minor: int, decimals: int, wanted: int) -> int:
    scale: int = 10 ** abs(wanted - decimals)
    if wanted >= decimals:
        return minor * scale
    whole, rest = divmod(minor, scale)
    if rest:
        raise Unsupported("Stripe does not support fractions of this currency")
    return whole
