"""The shapes of the public objects, and how they are made from what the modules below report. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TypedDict

from checkie import catalog, customers
from checkie.checkout import Quote
from checkie.kernel import Money
from checkie.kernel.ids import (
    AttemptId,
    CustomerId,
    EventId,
    OrderId,
    PageId,
    PaymentId,
    SessionId,
    StoreId,
)
from checkie.orders import OrderStatus
from checkie.orders import queries as orders
from checkie.payments import Attempt, AttemptStatus, PaymentStatus
from checkie.payments import queries as payments

API_VERSION: Final = "2026-11-21"
"""The version of these shapes. It changes only when a field is removed or changes its meaning; added fields keep it."""


class Amount(TypedDict):
    """An exact amount: whole minor units of one currency (2599 USD is $25.99)."""

    amount: int
    currency: str


class Card(TypedDict):
    """What may be known of a card."""

    brand: str | None
    last4: str | None


class Failure(TypedDict):
    """Why an attempt failed. `code` is stable, `message` is written for the buyer."""

    code: str
    message: str


class AttemptObject(TypedDict):
    """One try of a payment at one provider. `provider_reference` is the provider's id of it."""

    id: AttemptId
    number: int
    provider: str
    status: AttemptStatus
    provider_reference: str | None
    card: Card | None


class Line(TypedDict):
    """One line of an order: `quantity` times `unit` is `amount`."""

    title: str
    quantity: int
    unit: Amount
    amount: Amount


class OrderObject(TypedDict):
    """What was bought. `email` is the address that the buyer entered for this order."""

    id: OrderId
    status: OrderStatus
    lines: list[Line]
    total: Amount
    email: str


class CustomerObject(TypedDict):
    """A buyer as the store knows them."""

    id: CustomerId
    object: Literal["customer"]
    email: str
    created_at: str


class PageObject(TypedDict):
    """The page on which it was bought."""

    id: PageId
    slug: str
    title: str


class PaymentObject(TypedDict):
    """The intent to collect one amount for an order.

    `fee` is the platform's share of `amount` and `net` the rest, as booked; both are null until the payment has
    succeeded. `refunded` is the sum of all refunds so far. `attempts_left`: how often the buyer may still try.
    """

    id: PaymentId
    object: Literal["payment"]
    status: PaymentStatus
    amount: Amount
    fee: Amount | None
    net: Amount | None
    refunded: Amount
    description: str
    created_at: str
    succeeded_at: str | None
    failure: Failure | None
    attempts_left: int
    attempt: AttemptObject
    order: OrderObject
    customer: CustomerObject
    page: PageObject | None
    session: SessionId | None


class RefundedPaymentObject(PaymentObject):
    """A payment of which money was refunded: `refund` by this event, `refunded` in total so far."""

    refund: Amount


class Envelope(TypedDict):
    """The body of a webhook. `data` is the object as the API returns it, at the time of rendering."""

    id: EventId
    type: str
    timestamp: str
    livemode: bool
    api_version: str
    store: StoreId
    data: Mapping[str, object]


def amount(money: Money) -> Amount:
    """An amount of money."""
    return {"amount": money.minor, "currency": money.currency}


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def customer_object(customer: customers.Customer) -> CustomerObject:
    """A customer."""
    return {
        "id": customer.id,
        "object": "customer",
        "email": customer.email,
        "created_at": instant(customer.created_at),
    }


def payment_object(
    found: payments.Details, order: orders.Details, customer: customers.Customer, page: catalog.Page | None
) -> PaymentObject:
    """A payment with one of its attempts."""
    payment = found.payment
    failure = (payment.failure_code, payment.failure_message or "") if payment.failure_code else None
    rendered = order_object(order)
    return {
        "id": payment.id,
        "object": "payment",
        "status": payment.status,
        "amount": amount(payment.amount),
        "fee": amount(payment.fee) if payment.is_paid else None,
        "net": amount(payment.amount - payment.fee) if payment.is_paid else None,
        "refunded": amount(Money(payment.refunded_minor, payment.amount.currency)),
        "description": ", ".join(line["title"] for line in rendered["lines"]),
        "created_at": instant(found.created_at),
        "succeeded_at": instant(found.succeeded_at) if found.succeeded_at else None,
        "failure": {"code": failure[0], "message": failure[1]} if failure else None,
        "attempts_left": payment.attempts_left,
        "attempt": attempt_object(found.attempt),
        "order": rendered,
        "customer": customer_object(customer),
        "page": {"id": page.id, "slug": page.slug, "title": page.title} if page else None,
        "session": payment.session,
    }


def attempt_object(attempt: Attempt) -> AttemptObject:
    """An attempt."""
    facts = attempt.facts
    known = "brand" in facts or "last4" in facts
    return {
        "id": attempt.id,
        "number": attempt.number,
        "provider": attempt.provider,
        "status": attempt.status,
        "provider_reference": attempt.reference,
        "card": {"brand": facts.get("brand"), "last4": facts.get("last4")} if known else None,
    }


def order_object(order: orders.Details) -> OrderObject:
    """An order."""
    quote = Quote.of_json(order.quote, order.total.currency)
    line: Line = {
        "title": quote.title,
        "quantity": quote.quantity,
        "unit": amount(quote.unit),
        "amount": amount(quote.total),
    }
    return {
        "id": order.id,
        "status": order.status,
        "lines": [line],
        "total": amount(order.total),
        "email": order.email,
    }


def encode(envelope: Envelope) -> str:
    """The JSON that is signed and sent. All ASCII, so that nothing re-encodes it and breaks a signature."""
    return json.dumps(envelope, separators=(",", ":"))
