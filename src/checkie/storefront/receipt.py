"""A receipt, and the signed link to it, which is permanent and needs no cookie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from checkie import stores
from checkie.checkout import Quote, Session, Status, queries
from checkie.kernel import Keyring, Money, NotFound
from checkie.kernel.ids import OrderId, PaymentId, SessionId
from checkie.stores import Store
from checkie.web import Services

PREFIX: Final = "receipts"
_CONTEXT: Final = "receipt"
_HIDDEN: Final = "•••"
CARD_BRANDS: Final = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}
"""The names of card brands."""


class NoSuchReceipt(NotFound):
    """The receipt does not exist, or its link is invalid."""

    code = "receipt_not_found"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt shows. `card` is the brand and last four digits, if known; the email address is the buyer's."""

    quote: Quote
    email: str
    card: str | None
    paid_at: datetime
    refunded: Money | None
    order: OrderId | None
    payment: PaymentId | None

    @classmethod
    def of(cls, status: Status) -> Receipt:
        """The receipt of a paid session."""
        session, payment, attempt = status.session, status.payment, status.attempt
        facts = attempt.facts if attempt and attempt.is_applied else {}  # an earlier attempt may have succeeded late
        refunded = Money(payment.refunded_minor, payment.amount.currency) if payment else None
        return cls(
            quote=session.quote,
            email=session.email or "",
            card=_card(facts),
            paid_at=_paid_at(status),
            refunded=refunded if refunded and refunded.minor else None,
            order=session.order,
            payment=session.payment,
        )


def receipt_path(keyring: Keyring, session: Session) -> str:
    """The address of the session's receipt below the origin. Anyone who has it can view the receipt, nothing else."""
    return f"/{PREFIX}/{keyring.sign(session.id, _CONTEXT)}"


async def read_receipt(services: Services, token: str) -> tuple[Store, Receipt]:
    """The store and the receipt that the token was made for. Refuses any other token (NoSuchReceipt)."""
    session_id = services.keyring.verify(token, _CONTEXT)
    if session_id is None:
        raise NoSuchReceipt
    session = SessionId.parse(session_id)
    status = await queries.get_status(services.db, session)
    if status.payment is None or not status.payment.is_paid:
        raise NoSuchReceipt
    return await stores.get(services.db, session.store), Receipt.of(status)


def masked(email: str) -> str:
    """The address with most of its name hidden: "a•••@example.com"."""
    name, at, domain = email.rpartition("@")
    return f"{name[:1]}{_HIDDEN}{at}{domain}" if at else ""


def _card(facts: Mapping[str, str]) -> str | None:
    brand, last4 = facts.get("brand", ""), facts.get("last4")
    return f"{CARD_BRANDS.get(brand, brand.title())} ···· {last4}".strip() if last4 else None


def _paid_at(status: Status) -> datetime:
    """When the payment was started, from the id of the attempt that succeeded or else of the payment."""
    attempt, payment = status.attempt, status.session.payment
    paid = attempt.id if attempt and attempt.is_applied else payment
    return paid.made_at.replace(microsecond=0) if paid else datetime.fromtimestamp(0, UTC)
