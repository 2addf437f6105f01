"""What the page says of a decline or a refusal: plain words, and what to do. The catalogues translate them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


def N_(text: str) -> str:  # noqa: N802  the mark that gettext's tools look for
    """Marks a text for translation, which happens when it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class DeclineMessage:
    """What happened, and what the buyer can do about it."""

    what: str
    advice: str


_ANOTHER_CARD: Final = N_("Try another card, or ask your bank.")
_DECLINED: Final = DeclineMessage(N_("Your bank declined the payment."), _ANOTHER_CARD)
_NUMBER: Final = DeclineMessage(N_("The card number is not right."), N_("Check the number and try again."))
_EXPIRY: Final = DeclineMessage(N_("The expiry date is not right."), N_("Check the date on your card and try again."))
_CVC: Final = DeclineMessage(
    N_("The security code does not fit the card."), N_("Check the 3 or 4 digits on your card and try again.")
)
_UNSUPPORTED: Final = DeclineMessage(N_("This card cannot be used for this payment."), N_("Try another card."))
_LATER: Final = DeclineMessage(
    N_("The bank could not process the payment just now."), N_("Wait a minute, or try another card.")
)

DECLINES: Final[Mapping[str, DeclineMessage]] = {
    "insufficient_funds": DeclineMessage(N_("There is not enough money on this card."), N_("Try another card.")),
    "expired_card": DeclineMessage(N_("This card has expired."), N_("Try a card that is still valid.")),
    "incorrect_cvc": _CVC,
    "invalid_cvc": _CVC,
    "incorrect_number": _NUMBER,
    "invalid_number": _NUMBER,
    "invalid_expiry_month": _EXPIRY,
    "invalid_expiry_year": _EXPIRY,
    "processing_error": _LATER,
    "try_again_later": _LATER,
    "issuer_not_available": _LATER,
    "card_velocity_exceeded": DeclineMessage(
        N_("This card has been used too often in a short time."), N_("Wait a while, or try another card.")
    ),
    "withdrawal_count_limit_exceeded": DeclineMessage(
        N_("The payment is over the limit of this card."), N_("Try another card, or ask your bank.")
    ),
    "authentication_failed": DeclineMessage(
        N_("Your bank could not confirm that it was you."), N_("Try again, or use another card.")
    ),
    "payment_intent_authentication_failure": DeclineMessage(
        N_("Your bank could not confirm that it was you."), N_("Try again, or use another card.")
    ),
    "card_not_supported": _UNSUPPORTED,
    "currency_not_supported": _UNSUPPORTED,
    "currency_unsupported": _UNSUPPORTED,
}
"""By the code of the decline. What is not here (a lost, a stolen, a suspected card) is the bank's business alone."""

REFUSALS: Final[Mapping[str, str]] = {
    "email_invalid": N_("Enter an e-mail address like name@example.com."),
    "email_missing": N_("Enter your e-mail address."),
    "quantity_unreadable": N_("Enter a whole number."),
    "amount_unreadable": N_("Enter an amount, in digits."),
}
"""By the code of the refusal, for those that need no numbers."""


def why_declined(code: str | None) -> DeclineMessage:
    """What to tell of a decline with that code."""
    return DECLINES.get(code or "", _DECLINED)


BRANDS: Final = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}
"""How card brands spell themselves."""
