"""The bodies of the widget API, and how they are rendered. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from checkie import catalog, stores
from checkie.checkout import contract
from checkie.checkout.model import Session, SessionStatus, Step
from checkie.checkout.pay import PaymentStarted
from checkie.checkout.status import Status
from checkie.kernel import Money
from checkie.payments import AttemptStatus, PaymentStatus
from checkie.payments.port import ActionNeeded

MAX_TEXT: Final = 320


class MoneyBody(BaseModel):
    """An amount in whole minor units of its currency: 2599 USD is $25.99."""

    model_config = ConfigDict(extra="forbid")
    amount: StrictInt = Field(examples=[2599])
    currency: str = Field(min_length=3, max_length=4, description="ISO 4217.", examples=["USD"])


class LineBody(BaseModel):
    """A line of a quote. `unit` is the price of one."""

    title: str
    quantity: int
    unit: MoneyBody
    amount: MoneyBody


class QuoteBody(BaseModel):
    """A frozen, itemized price."""

    lines: list[LineBody]
    subtotal: MoneyBody
    total: MoneyBody


class SessionBody(BaseModel):
    """A session. `client_secret` is returned only when the session is opened."""

    id: str = Field(examples=[contract.SESSION])
    status: SessionStatus
    step: Step
    version: int = Field(ge=1, description="Incremented by every change; see `If-Match`.", examples=[1])
    expires_at: datetime
    email: str | None = Field(examples=["ada@example.com"])
    quantity: int = Field(ge=1, examples=[1])
    quote: QuoteBody
    client_secret: str | None = Field(default=None, examples=["nEq6cGdYl2-3pS8vX0aZrT4uWk9hJmBf5oLiCyQxVeD"])


class PageBody(BaseModel):
    """A published page. `min` and `max` limit the unit price that a buyer may choose."""

    id: str = Field(examples=["pag_01m7ynhwgwgd8r000001re0kjv"])
    store: str = Field(examples=["sto_01m7ynhwgrgd88000001rnyakz"])
    slug: str = Field(examples=["field-notes"])
    title: str = Field(examples=["Field Notes"])
    description: str
    picture_url: str | None
    pricing: catalog.Pricing
    price: MoneyBody
    min: MoneyBody
    max: MoneyBody
    quantity_max: int


class PageAndSession(BaseModel):
    """A page and a new session of it. Bots and prefetches get the page without a session."""

    page: PageBody
    session: SessionBody | None
    session_id: str | None


class ChangeBody(BaseModel):
    """The fields to change; omitted fields stay as they are."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"email": "ada@example.com", "quantity": 2}]}
    )
    email: str | None = Field(
        default=None, max_length=MAX_TEXT, examples=["ada@example.com"], json_schema_extra={"format": "email"}
    )
    quantity: StrictInt | None = Field(default=None, description="From 1 to the page's `quantity_max`.", examples=[2])
    amount: StrictInt | MoneyBody | None = Field(
        default=None,
        description="The unit price, from `min` to `max`, on a page with pay-what-you-want pricing: minor units, with "
        "or without the currency.",
        examples=[1500],
    )


class PayBody(BaseModel):
    """The session to pay."""

    model_config = ConfigDict(extra="forbid")
    session_id: str = Field(
        max_length=MAX_TEXT, examples=[contract.SESSION], json_schema_extra={"pattern": contract.SESSION_SHAPE}
    )


class PaymentBody(BaseModel):
    """A payment."""

    id: str = Field(examples=["pay_01m7ynr2t7hrz8000001yhnvyn"])
    status: PaymentStatus
    amount: MoneyBody


class AttemptBody(BaseModel):
    """An attempt to collect a payment at a provider."""

    id: str = Field(examples=["att_01m7ynr2t7hrzr000001vjr3p7"])
    number: int = Field(ge=1, examples=[1])
    provider: str = Field(examples=["stripe"])
    status: AttemptStatus


class ProviderBody(BaseModel):
    """What the browser needs to continue at the provider. Null fields: there is nothing to do, or no answer yet."""

    name: str = Field(examples=["stripe"])
    client_secret: str | None = Field(
        description="The provider's client secret, for its fields in the browser. Null where the buyer pays on the "
        "provider's own page."
    )
    confirm_url: str | None = Field(description="Where the browser sends the card, if the provider supports that.")
    hosted_url: str | None = Field(
        description="The provider's own page, for a browser without JavaScript. Null if it has none; `stripe` has one "
        "only for payments that were started by a browser without JavaScript."
    )
    publishable_key: str | None


class PaymentStartedBody(BaseModel):
    """A payment in progress."""

    payment: PaymentBody
    attempt: AttemptBody
    provider: ProviderBody


class FailureBody(BaseModel):
    """Why the latest attempt failed."""

    code: str
    message: str


class StatusPaymentBody(BaseModel):
    """The status of the payment."""

    status: PaymentStatus
    failure: FailureBody | None


class StatusBody(BaseModel):
    """The status of a session. `return_url` is the page that shows it."""

    status: SessionStatus
    payment: StatusPaymentBody | None
    attempts_left: int = Field(ge=0, le=3, examples=[3])
    return_url: str


def page_body(store: stores.Store, page: catalog.Page) -> PageBody:
    """A page of a store."""
    return PageBody(
        id=page.id,
        store=store.id,
        slug=page.slug,
        title=page.title,
        description=page.description,
        picture_url=page.picture_url,
        pricing=page.pricing,
        price=_money(page.price),
        min=_money(page.min),
        max=_money(page.max),
        quantity_max=page.quantity_max,
    )


def session_body(session: Session, client_secret: str | None = None) -> SessionBody:
    """A session; with its client secret if it has just been opened."""
    quote = session.quote
    total = _money(quote.total)
    line = LineBody(title=quote.title, quantity=quote.quantity, unit=_money(quote.unit), amount=total)
    return SessionBody(
        id=session.id,
        status=session.status,
        step=session.step,
        version=session.version,
        expires_at=session.expires_at,
        email=session.email,
        quantity=quote.quantity,
        quote=QuoteBody(lines=[line], subtotal=total, total=total),
        client_secret=client_secret,
    )


def payment_started_body(started: PaymentStarted) -> dict[str, Any]:
    """A PaymentStartedBody as JSON: what a caller is answered, and what is kept for its Idempotency-Key."""
    payment, attempt = started.payment, started.attempt
    action = started.outcome if isinstance(started.outcome, ActionNeeded) else None
    body = PaymentStartedBody(
        payment=PaymentBody(id=payment.id, status=payment.status, amount=_money(attempt.amount)),
        attempt=AttemptBody(id=attempt.id, number=attempt.number, provider=attempt.provider, status=attempt.status),
        provider=ProviderBody(
            name=attempt.provider,
            client_secret=(action.client_secret or None) if action else None,
            confirm_url=action.confirm_url if action else None,
            hosted_url=action.hosted_url if action else None,
            publishable_key=action.publishable_key if action else None,
        ),
    )
    return body.model_dump(mode="json")


def status_body(status: Status) -> StatusBody:
    """The status of a session and its payment."""
    payment = status.payment
    failure = None
    if payment and payment.failure_code:
        failure = FailureBody(code=payment.failure_code, message=payment.failure_message or "")
    return StatusBody(
        status=status.session.status,
        payment=StatusPaymentBody(status=payment.status, failure=failure) if payment else None,
        attempts_left=status.attempts_left,
        return_url=status.session.return_url,
    )


def _money(money: Money) -> MoneyBody:
    return MoneyBody(amount=money.minor, currency=money.currency)
