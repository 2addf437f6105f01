"""The test cards, and the validation of card details. Pure.

The numbers and their results follow Stripe's test cards (docs.stripe.com/testing), so the ones that developers know
work here; `faults.py` explains the cards of our own range. Every other number that passes the Luhn check is declined
with `card_declined` and a message about test mode: no real card ever works.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Challenge(StrEnum):
    """When a card requires 3-D Secure."""

    BY_AMOUNT = "by_amount"
    """For amounts over 100 whole units."""
    ALWAYS = "always"
    LOOKUP_FAILS = "lookup_fails"
    """Always, but the issuer's lookup fails: no page is shown and the card is declined."""
    LOOKUP_FAILS_BY_AMOUNT = "lookup_fails_by_amount"
    """For amounts over 100 whole units, and then the issuer's lookup fails."""


@dataclass(frozen=True, slots=True)
class Card:
    """A test card. `decline` is its decline code (after 3-D Secure if that is required), None when it succeeds."""

    number: str
    brand: str
    description: str
    decline: str | None = None
    challenge: Challenge = Challenge.BY_AMOUNT
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class CardDetails:
    """What a buyer entered, digits only in `number`. Never stored, and not shown by `repr`."""

    number: str = field(repr=False)
    exp_month: int | None
    exp_year: int | None
    cvc: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CardError:
    """One invalid field of the card details: the decline code, and the field (number, exp or cvc)."""

    code: str
    field: str


_ALWAYS, _LOOKUP_FAILS = Challenge.ALWAYS, Challenge.LOOKUP_FAILS
_NUMBER_DIGITS: Final = range(12, 20)
_MAX_YEARS_AHEAD: Final = 50
_EXPIRY: Final = re.compile(r"(\d{1,2})[/.]?(\d{4}|\d{2})", re.ASCII)

_TABLE: Final = (
    Card("4242424242424242", "visa", "Succeeds"),
    Card("4000056655665556", "visa", "Succeeds (debit)"),
    Card("5555555555554444", "mastercard", "Succeeds"),
    Card("2223003122003222", "mastercard", "Succeeds (2-series)"),
    Card("378282246310005", "amex", "Succeeds"),
    Card("6011111111111117", "discover", "Succeeds"),
    Card("3056930009020004", "diners", "Succeeds"),
    Card("3566002020360505", "jcb", "Succeeds"),
    Card("6200000000000005", "unionpay", "Succeeds"),
    Card("4000000000000002", "visa", "Declined", "card_declined"),
    Card("4000000000009995", "visa", "Declined: insufficient funds", "insufficient_funds"),
    Card("4000000000009987", "visa", "Declined: lost card", "lost_card"),
    Card("4000000000009979", "visa", "Declined: stolen card", "stolen_card"),
    Card("4000000000000069", "visa", "Declined: expired card", "expired_card"),
    Card("4000000000000127", "visa", "Declined: incorrect security code", "incorrect_cvc"),
    Card("4000000000000101", "visa", "Declined: the security code fails the check", "incorrect_cvc"),
    Card("4000000000000119", "visa", "Declined: processing error", "processing_error"),
    Card("4000000000006975", "visa", "Declined: velocity limit exceeded", "card_velocity_exceeded"),
    Card("4000000000000341", "visa", "Can be saved; declined when charged", "card_declined"),
    Card("4100000000000019", "visa", "Blocked as fraudulent", "fraudulent"),
    Card("4000000000004954", "visa", "Blocked: highest risk", "fraudulent"),
    Card("4000000000009235", "visa", "Succeeds at elevated risk"),
    Card("4000000000000036", "visa", "Succeeds; the postal code would fail the check"),
    Card("4000000000000028", "visa", "Succeeds; the address line would fail the check"),
    Card("4000000000000010", "visa", "Succeeds; the address would fail both checks"),
    Card("4000000000000044", "visa", "Succeeds; address checks are unavailable"),
    Card("4000002500003155", "visa", "3-D Secure, then succeeds", challenge=_ALWAYS),
    Card("4000002760003184", "visa", "3-D Secure on every payment, then succeeds", challenge=_ALWAYS),
    Card("4000003800000446", "visa", "3-D Secure for on-session payments, then succeeds", challenge=_ALWAYS),
    Card("4000000000003220", "visa", "3-D Secure required, then succeeds", challenge=_ALWAYS),
    Card("4000008400001629", "visa", "3-D Secure required, then declined", "card_declined", _ALWAYS),
    Card("4000008260003178", "visa", "3-D Secure, then declined: insufficient funds", "insufficient_funds", _ALWAYS),
    Card("4000008400001280", "visa", "3-D Secure required, but its lookup fails", "card_declined", _LOOKUP_FAILS),
    Card("4000000000003055", "visa", "3-D Secure optional: succeeds"),
    Card(
        "4000000000003097", "visa", "3-D Secure optional: its lookup fails", challenge=Challenge.LOOKUP_FAILS_BY_AMOUNT
    ),
    Card("4000000000000259", "visa", "Succeeds (disputed later as fraudulent)"),
    Card("4000000000002685", "visa", "Succeeds (disputed later as not received)"),
    Card("4000000000001976", "visa", "Succeeds (inquiry later)"),
    Card("4000000000005423", "visa", "Succeeds (early fraud warning later)"),
    Card("4000000404000079", "visa", "Succeeds (several disputes later)"),
    Card("4000000000007726", "visa", "Succeeds (refunds are pending, then succeed)"),
    Card("4000000000005126", "visa", "Succeeds (refunds succeed, then fail)"),
    Card("4000000000000077", "visa", "Succeeds; funds available immediately"),
    Card("4000003720000278", "visa", "Succeeds; funds available immediately (international)"),
    Card("4000099000000012", "visa", "Charged; the response is late", fault="confirm_hangs"),
    Card("4000099000000020", "visa", "Charged; the response is a 500", fault="confirm_fails"),
    Card("4000099000000038", "visa", "Each webhook is sent three times at once", fault="webhook_duplicated"),
    Card("4000099000000046", "visa", "Webhooks are sent in the wrong order", fault="webhooks_reordered"),
    Card("4000099000000053", "visa", "Webhooks are sent late", fault="webhook_late"),
    Card("4000099000000061", "visa", "Webhooks are never sent", fault="webhook_lost"),
    Card("4000099000000079", "visa", "The amount received is one unit off", fault="wrong_amount"),
    Card("4000099000000087", "visa", "The amount is received in another currency", fault="wrong_currency"),
    Card("4000099000000095", "visa", "Declined, then succeeds", fault="late_success"),
    Card("4000099000000103", "visa", "Processing, then succeeds", fault="slow_bank"),
)
CARDS: Final = {card.number: card for card in _TABLE}
"""Every test card by its number."""

NOT_A_TEST_CARD: Final = "not_a_test_card"
MESSAGES: Final = {
    "card_declined": "The card was declined. Use another card.",
    "insufficient_funds": "The card has insufficient funds. Use another card.",
    "lost_card": "The card was declined. Use another card.",
    "stolen_card": "The card was declined. Use another card.",
    "fraudulent": "The card was declined. Use another card.",
    "expired_card": "The card has expired. Use another card.",
    "incorrect_cvc": "The security code is incorrect. Check it, or use another card.",
    "processing_error": "An error occurred while processing the card. Try again later.",
    "card_velocity_exceeded": "The card has been used too many times recently. Use another card.",
    "incorrect_number": "The card number is incorrect. Check it and try again.",
    "invalid_expiry_month": "The expiry month is invalid. Check it and try again.",
    "invalid_expiry_year": "The expiry year is invalid. Check it and try again.",
    "invalid_cvc": "The security code is invalid. Check it and try again.",
    "authentication_failed": "The bank could not authenticate you. Try again, or use another card.",
    NOT_A_TEST_CARD: "This is test mode. Only test cards work, for example 4242 4242 4242 4242.",
}


def card_of(number: str) -> Card:
    """The test card of that number. Any other number is declined: test mode refuses real cards."""
    return CARDS.get(number) or Card(number, brand_of(number), "Not a test card", NOT_A_TEST_CARD)


def code_and_message(decline: str) -> tuple[str, str]:
    """A decline's code on the wire, and its message for the buyer."""
    return ("card_declined" if decline == NOT_A_TEST_CARD else decline), MESSAGES[decline]


def ascii_digits(text: str) -> str:
    """`text` without spaces and dashes, and with digits of any script (Arabic, for example) as 0 to 9."""
    characters = [character for character in text if character not in " -\u00a0\u2013"]
    return "".join(str(int(character)) if character.isdecimal() else character for character in characters)


def validate(details: CardDetails, *, year: int, month: int) -> list[CardError]:
    """The invalid fields, as of that month: at most one error per field, the number's first."""
    errors = []
    number = details.number
    if len(number) not in _NUMBER_DIGITS or not number.isdecimal() or not passes_luhn(number):
        errors.append(CardError("incorrect_number", "number"))
    if code := _expiry_error(details.exp_month, details.exp_year, year, month):
        errors.append(CardError(code, "exp"))
    max_digits = 4 if brand_of(number) == "amex" else 3
    if not (3 <= len(details.cvc) <= max_digits and details.cvc.isdecimal()):
        errors.append(CardError("invalid_cvc", "cvc"))
    return errors


def _expiry_error(exp_month: int | None, exp_year: int | None, year: int, month: int) -> str | None:
    if exp_month is None or not 1 <= exp_month <= 12:
        return "invalid_expiry_month"
    if exp_year is None:
        return "invalid_expiry_year"
    full_year = exp_year + 2000 if 0 <= exp_year < 100 else exp_year
    if not year <= full_year <= year + _MAX_YEARS_AHEAD:
        return "invalid_expiry_year"
    return "invalid_expiry_month" if (full_year, exp_month) < (year, month) else None


def parse_expiry(text: str) -> tuple[int | None, int | None]:
    """Month and year as people type them: 12/34, 12 / 2034, 1234. (None, None) for anything else."""
    found = _EXPIRY.fullmatch(ascii_digits(text))
    return (int(found[1]), int(found[2])) if found else (None, None)


def passes_luhn(number: str) -> bool:
    """The check digit of ISO/IEC 7812-1."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def brand_of(number: str) -> str:
    """The brand by the first digits; `unknown` for any other."""
    head = int(number[:4].ljust(4, "0")) if number[:4].isdecimal() else 0
    brands = (
        ("visa", 4000 <= head < 5000),
        ("mastercard", 5100 <= head < 5600 or 2221 <= head < 2721),
        ("amex", head // 100 in (34, 37)),
        ("discover", head == 6011 or 6440 <= head < 6600),
        ("diners", head // 100 in (36, 38, 39) or 3000 <= head < 3060),
        ("jcb", 3528 <= head < 3590),
        ("unionpay", head // 100 == 62),
    )
    return next((brand for brand, fits in brands if fits), "unknown")
