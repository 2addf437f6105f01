"""The page's form as a browser without JavaScript posts it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from checkie import ui
from checkie.checkout import Changes, Quote, Session
from checkie.kernel import Invalid
from checkie.kernel.ids import SessionId
from checkie.storefront.model import SessionCredential

OPERATIONS: Final = ("pay", "update", "reopen", "restart")
_MAX_TEXT: Final = 320
_MAX_DIGITS: Final = 6


class QuantityInvalid(Invalid):
    """The quantity must be a whole number."""

    code = "quantity_invalid"


class AmountInvalid(Invalid):
    """The amount must be a number with no more decimal places than its currency has."""

    code = "amount_invalid"


@dataclass(frozen=True, slots=True)
class CheckoutForm:
    """What was posted. `operation` is the button that was pressed; None for a field that was not sent."""

    operation: str
    session: str
    secret: str = field(repr=False)
    email: str | None
    quantity: str | None
    amount: str | None
    locale: str | None

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> CheckoutForm:
        """The form with these fields."""
        values = {name: value[:_MAX_TEXT] for name, value in fields.items()}
        operation = values.get("operation", "pay")
        return cls(
            operation=operation if operation in OPERATIONS else "pay",
            session=values.get("session", ""),
            secret=values.get("secret", ""),
            email=values.get("email"),
            quantity=values.get("quantity"),
            amount=values.get("amount"),
            locale=values.get("locale") or None,
        )

    @property
    def credential(self) -> SessionCredential | None:
        """The session that the form belongs to; None where the page was rendered without one, for a prefetch."""
        try:
            return SessionCredential(SessionId.parse(self.session), self.secret)
        except ValueError:
            return None

    def changes(self, session: Session, locale: str) -> Changes:
        """What differs from the session; the operation `reopen` always reopens it.

        Refuses what is malformed (QuantityInvalid, AmountInvalid).
        """
        email = self.email.strip() if self.email is not None else None
        quantity = _quantity(self.quantity)
        amount_minor = _amount(self.amount, session.quote, locale)
        return Changes(
            email=None if email in ("", session.email) else email,
            quantity=None if quantity == session.quote.quantity else quantity,
            amount_minor=None if amount_minor == session.quote.unit.minor else amount_minor,
            reopens=self.operation == "reopen",
        )


def changes_anything(changes: Changes) -> bool:
    """Whether there is anything to change."""
    return changes != Changes()


def _quantity(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.strip()
    if not digits.isdecimal() or len(digits) > _MAX_DIGITS:
        raise QuantityInvalid(param="quantity")
    return int(digits)


def _amount(text: str | None, quote: Quote, locale: str) -> int | None:
    if text is None:
        return None
    try:
        return ui.formats.parse_amount(text, quote.unit.currency, locale).minor
    except ValueError:
        raise AmountInvalid(param="amount") from None
