"""What the page says about a decline: the reason, and what to do. The catalogues translate it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from checkie.ui import N_


@dataclass(frozen=True, slots=True)
class DeclineMessage:
    """Why the payment failed, and what the buyer can do."""

    reason: str
    advice: str


_OTHER_CARD: Final = N_("Try a different card.")
_CONTACT_BANK: Final = N_("Try a different card or contact your bank.")
_DECLINED: Final = DeclineMessage(N_("Your card was declined."), _CONTACT_BANK)
_NUMBER: Final = DeclineMessage(N_("Your card number is incorrect."), N_("Check the number and try again."))
_EXPIRY: Final = DeclineMessage(N_("Your card's expiry date is incorrect."), N_("Check the date and try again."))
_CVC: Final = DeclineMessage(
    N_("Your card's security code is incorrect."), N_("Check the 3 or 4 digits on your card and try again.")
)
_UNSUPPORTED: Final = DeclineMessage(N_("Your card is not supported for this payment."), _OTHER_CARD)
_TEMPORARY: Final = DeclineMessage(
    N_("Your bank could not process the payment."), N_("Try again in a minute, or use a different card.")
)
_AUTHENTICATION: Final = DeclineMessage(
    N_("Your bank could not verify your identity."), N_("Try again, or use a different card.")
)

DECLINES: Final[Mapping[str, DeclineMessage]] = {
    "insufficient_funds": DeclineMessage(N_("Your card has insufficient funds."), _OTHER_CARD),
    "expired_card": DeclineMessage(N_("Your card has expired."), _OTHER_CARD),
    "incorrect_cvc": _CVC,
    "invalid_cvc": _CVC,
    "incorrect_number": _NUMBER,
    "invalid_number": _NUMBER,
    "invalid_expiry_month": _EXPIRY,
    "invalid_expiry_year": _EXPIRY,
    "processing_error": _TEMPORARY,
    "try_again_later": _TEMPORARY,
    "issuer_not_available": _TEMPORARY,
    "card_velocity_exceeded": DeclineMessage(
        N_("Your card was used too often in a short time."), N_("Try again later, or use a different card.")
    ),
    "withdrawal_count_limit_exceeded": DeclineMessage(N_("The payment exceeds the limit of your card."), _CONTACT_BANK),
    "authentication_failed": _AUTHENTICATION,
    "payment_intent_authentication_failure": _AUTHENTICATION,
    "card_not_supported": _UNSUPPORTED,
    "currency_not_supported": _UNSUPPORTED,
    "currency_unsupported": _UNSUPPORTED,
}
"""By decline code. The codes of lost, stolen and suspicious cards are left out: the page only says "declined"."""


def decline_message(code: str | None) -> DeclineMessage:
    """What to say about a decline with that code."""
    return DECLINES.get(code or "", _DECLINED)
