"""The page's form as a browser without JavaScript posts it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from checkie.checkout import Changes, Quote, Session
from checkie.kernel import Invalid
from checkie.kernel.ids import SessionId
from checkie.storefront.formats import parse_amount
from checkie.storefront.model import Ticket

VERBS: Final = ("pay", "update", "reopen", "again")
_MOST_FIELDS: Final = 20
_LONGEST: Final = 320


class QuantityUnreadable(Invalid):
    """The quantity is not a whole number."""

    code = "quantity_unreadable"


class AmountUnreadable(Invalid):
    """The amount is not an amount of money."""

    code = "amount_unreadable"


@dataclass(frozen=True, slots=True)
class Form:
    """What was posted. `verb` says what is to be done; None in a field that was not there."""

    verb: str
    session: str
    secret: str = field(repr=False)
    email: str | None
    quantity: str | None
    amount: str | None
    locale: str | None

    @classmethod
    def parse(cls, body: bytes) -> Form:
        """The form in an urlencoded body. What cannot be read counts as left out."""
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            pairs = []
        return cls.of({name: value.replace("\x00", "")[:_LONGEST] for name, value in pairs})

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Form:
        """The form with these fields."""
        verb = fields.get("do", "pay")
        return cls(
            verb=verb if verb in VERBS else "pay",
            session=fields.get("session", ""),
            secret=fields.get("secret", ""),
            email=fields.get("email"),
            quantity=fields.get("quantity"),
            amount=fields.get("amount"),
            locale=fields.get("locale") or None,
        )

    @property
    def ticket(self) -> Ticket | None:
        """The session that the form belongs to; None for a page that was given to a machine, without one."""
        try:
            return Ticket(SessionId.parse(self.session), self.secret)
        except ValueError:
            return None

    def changes(self, session: Session, locale: str) -> Changes:
        """What differs from the session, which "reopen" opens again all the same.

        Refuses what cannot be read (QuantityUnreadable, AmountUnreadable).
        """
        email = self.email.strip() if self.email is not None else None
        quantity = _quantity(self.quantity)
        amount_minor = _amount(self.amount, session.quote, locale)
        return Changes(
            email=None if email in ("", session.email) else email,
            quantity=None if quantity == session.quote.quantity else quantity,
            amount_minor=None if amount_minor == session.quote.unit.minor else amount_minor,
            reopens=self.verb == "reopen",
        )


def changes_anything(changes: Changes) -> bool:
    """Whether there is anything to change."""
    return changes != Changes()


def _quantity(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.strip()
    if not digits.isdecimal() or len(digits) > 6:
        raise QuantityUnreadable(param="quantity")
    return int(digits)


def _amount(text: str | None, quote: Quote, locale: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_amount(text, quote.unit.currency, locale).minor
    except ValueError:
        raise AmountUnreadable(param="amount") from None
