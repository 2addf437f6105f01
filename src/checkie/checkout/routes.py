"""The widget API: page and session, change, pay, status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, cast

import structlog
from fastapi import Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from checkie import catalog, stores, web
from checkie.checkout import contract
from checkie.checkout.change import Changes, change
from checkie.checkout.find import SLUG, find_page
from checkie.checkout.get_session import get_session
from checkie.checkout.model import NoSuchSession, Session, SessionStatus, Step, WrongSecret
from checkie.checkout.open import open_session
from checkie.checkout.pay import PaymentStarted, pay
from checkie.checkout.quote import CurrencyMismatch
from checkie.checkout.status import Status, read_status
from checkie.db import UnitOfWork
from checkie.kernel import Money
from checkie.kernel.ids import SessionId
from checkie.payments import AttemptStatus, PaymentStatus
from checkie.payments.port import ActionNeeded, Provider, Unknown

router = web.router("Widget", "/api/widget")
_MAX_TEXT: Final = 320


class MoneyBody(BaseModel):
    """Whole minor units of one currency: 2599 USD is $25.99."""

    model_config = ConfigDict(extra="forbid")
    amount: StrictInt = Field(examples=[2599])
    currency: str = Field(min_length=3, max_length=4, description="ISO 4217.", examples=["USD"])


class LineBody(BaseModel):
    """One line of a quote."""

    title: str
    quantity: int
    unit: MoneyBody
    amount: MoneyBody


class QuoteBody(BaseModel):
    """A frozen, explained price."""

    lines: list[LineBody]
    subtotal: MoneyBody
    total: MoneyBody


class SessionBody(BaseModel):
    """A session. `client_secret` is told when it is opened, and never again."""

    id: str = Field(examples=[contract.SESSION])
    status: SessionStatus
    step: Step
    version: int = Field(ge=1, description="Goes up with every change; `If-Match` takes it.", examples=[1])
    expires_at: datetime
    email: str | None = Field(examples=["ada@example.com"])
    quantity: int = Field(ge=1, examples=[1])
    quote: QuoteBody
    client_secret: str | None = Field(default=None, examples=["nEq6cGdYl2-3pS8vX0aZrT4uWk9hJmBf5oLiCyQxVeD"])


class PageBody(BaseModel):
    """A published page. `min` and `max` bound what a buyer may choose to pay, for each."""

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
    """A page and a fresh session of it; bots and prefetches get the page alone."""

    page: PageBody
    session: SessionBody | None
    session_id: str | None


class ChangeBody(BaseModel):
    """What is to change; what is left out stays. `amount` is for each: minor units, alone or with the currency."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"email": "ada@example.com", "quantity": 2}]}
    )
    email: str | None = Field(
        default=None, max_length=_MAX_TEXT, examples=["ada@example.com"], json_schema_extra={"format": "email"}
    )
    quantity: StrictInt | None = Field(default=None, description="From 1 to the page's `quantity_max`.", examples=[2])
    amount: StrictInt | MoneyBody | None = Field(
        default=None,
        description="From `min` to `max` of a page on which the buyer names the price.",
        examples=[1500],
    )


class PayBody(BaseModel):
    """Which session pays."""

    model_config = ConfigDict(extra="forbid")
    session_id: str = Field(
        max_length=_MAX_TEXT, examples=[contract.SESSION], json_schema_extra={"pattern": contract.SESSION_SHAPE}
    )


class PaymentBody(BaseModel):
    """A payment."""

    id: str = Field(examples=["pay_01m7ynr2t7hrz8000001yhnvyn"])
    status: PaymentStatus
    amount: MoneyBody


class AttemptBody(BaseModel):
    """One try of it."""

    id: str = Field(examples=["att_01m7ynr2t7hrzr000001vjr3p7"])
    number: int = Field(ge=1, examples=[1])
    provider: str = Field(examples=["stripe"])
    status: AttemptStatus


class ProviderBody(BaseModel):
    """What the browser needs to go on at the provider. Null: nothing to do, or nothing known yet."""

    name: str = Field(examples=["stripe"])
    client_secret: str | None = Field(
        description="The provider's, for its fields in the browser. Null where the buyer pays on its own page."
    )
    confirm_url: str | None = Field(description="Where the browser sends the card, if the provider takes it so.")
    hosted_url: str | None = Field(
        description="The provider's own page, for a browser without JavaScript. Null where it has none; `stripe` has "
        "one only for payments that a browser without JavaScript has begun."
    )
    publishable_key: str | None


class PayingBody(BaseModel):
    """A payment under way."""

    payment: PaymentBody
    attempt: AttemptBody
    provider: ProviderBody


class FailureBody(BaseModel):
    """Why the last attempt failed."""

    code: str
    message: str


class StatusPaymentBody(BaseModel):
    """How the payment stands."""

    status: PaymentStatus
    failure: FailureBody | None


class StatusBody(BaseModel):
    """How a session stands. `return_url` is the page that shows it."""

    status: SessionStatus
    payment: StatusPaymentBody | None
    attempts_left: int = Field(ge=0, le=3, examples=[3])
    return_url: str


Slug = Annotated[str, Path(examples=["demo"], json_schema_extra={"pattern": f"^{SLUG.pattern}$"})]
SessionPath = Annotated[str, Path(examples=[contract.SESSION], json_schema_extra={"pattern": contract.SESSION_SHAPE})]


@router.get("/pages/{store_slug}/{page_slug}", summary="Open a page", **contract.OPEN)
async def get_page(store_slug: Slug, page_slug: Slug, request: Request) -> PageAndSession:
    """A published page and a fresh session of it, with its quote frozen.

    Keep `session.client_secret`: it is told here and never again.
    """
    runtime = web.runtime(request)
    store, page = await find_page(runtime, store_slug, page_slug)
    if web.is_machine(request):
        return PageAndSession(page=_page(store, page), session=None, session_id=None)
    opened = await open_session(
        runtime.db, store, page, web.visitor(request), public_url=runtime.public_url, now=runtime.now()
    )
    session = _session(opened.session, opened.client_secret)
    return PageAndSession(page=_page(store, page), session=session, session_id=session.id)


@router.get("/sessions/{session_id}", name="get_session", summary="Retrieve a session", **contract.READ)
async def retrieve_session(session_id: SessionPath, request: Request) -> SessionBody:
    """Retrieves a session."""
    return _session(await _authorized(session_id, request))


@router.patch("/sessions/{session_id}", summary="Change a session", **contract.CHANGE)
@router.post(
    "/sessions/{session_id}/update",
    name="update_session",
    summary="Change a session (another spelling)",
    **contract.CHANGE,
)
async def change_session(session_id: SessionPath, body: ChangeBody, request: Request) -> SessionBody:
    """Change an open session and quote anew. With `If-Match: <version>` only if nobody changed it meanwhile."""
    session = await _authorized(session_id, request)
    runtime = web.runtime(request)
    changes = Changes(email=body.email, quantity=body.quantity, amount_minor=_amount(body, session))
    version = _version(request.headers.get("if-match"))
    changed = await change(runtime.db, _providers(request), session, changes, if_version=version, now=runtime.now())
    return _session(changed)


@router.post("/checkout", summary="Pay", response_model=PayingBody, **contract.PAY)
async def check_out(body: PayBody, request: Request) -> JSONResponse:
    """Start to pay, or join the payment under way. Send an Idempotency-Key: a repeated call is answered the same.

    What comes next happens at the provider, with what `provider` holds; then ask for the status.
    """
    return await _check_out(_parse(body.session_id), request)


@router.post(
    "/sessions/{session_id}/initiate-payment",
    summary="Pay (another spelling)",
    response_model=PayingBody,
    **contract.PAY_WITHOUT_BODY,
)
async def initiate_payment(session_id: SessionPath, request: Request) -> JSONResponse:
    """Another spelling of `POST /api/widget/checkout`."""
    return await _check_out(_parse(session_id), request)


@router.get("/sessions/{session_id}/status", summary="Retrieve a session's status", **contract.READ)
async def get_status(session_id: SessionPath, request: Request) -> StatusBody:
    """Retrieves the status of a session and its payment, for polling."""
    status = await read_status(web.runtime(request).db, _parse(session_id), _secret(request))
    return _status(status)


async def _check_out(session_id: SessionId, request: Request) -> JSONResponse:
    runtime, secret, key = web.runtime(request), _secret(request), web.idempotency_key(request)
    kept = None
    if key is not None:
        kept = _Kept(web.IdempotentRequest(runtime, (session_id.store, "checkout", key), {"session_id": session_id}))
    paying = await pay(runtime.db, _providers(request), session_id, secret, runtime.now(), along=kept)
    structlog.contextvars.bind_contextvars(payment=paying.payment.id, attempt=paying.attempt.id)
    return JSONResponse(_paying(paying).model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class _Kept:
    """The answer to a call with an Idempotency-Key is kept with the payment that it tells of."""

    once: web.IdempotentRequest

    async def begin(self, unit: UnitOfWork) -> None:
        await self.once.begin(unit)

    def end(self, unit: UnitOfWork, paying: PaymentStarted) -> None:
        if isinstance(paying.outcome, Unknown):
            self.once.release(unit)
        else:
            self.once.keep(unit, 200, _paying(paying).model_dump(mode="json"))


async def _authorized(session_id: str, request: Request) -> Session:
    return await get_session(web.runtime(request).db, _parse(session_id), _secret(request))


def _secret(request: Request) -> str:
    """The client secret that the request sends. Refuses with WrongSecret when it sends none."""
    secret = web.bearer(request)
    if secret is None:
        raise WrongSecret
    return secret


def _providers(request: Request) -> Mapping[str, Provider]:
    return cast("Mapping[str, Provider]", request.app.state.providers)


def _parse(text: str) -> SessionId:
    try:
        found = SessionId.parse(text)
    except ValueError:
        raise NoSuchSession(param="session_id") from None
    structlog.contextvars.bind_contextvars(session=found)
    return found


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().strip('"')
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else -1


def _amount(body: ChangeBody, session: Session) -> int | None:
    if not isinstance(body.amount, MoneyBody):
        return body.amount
    if body.amount.currency != session.quote.unit.currency:
        raise CurrencyMismatch(param="amount.currency")
    return body.amount.amount


def _money(money: Money) -> MoneyBody:
    return MoneyBody(amount=money.minor, currency=money.currency)


def _page(store: stores.Store, page: catalog.Page) -> PageBody:
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


def _session(session: Session, client_secret: str | None = None) -> SessionBody:
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


def _paying(paying: PaymentStarted) -> PayingBody:
    payment, attempt = paying.payment, paying.attempt
    ready = paying.outcome if isinstance(paying.outcome, ActionNeeded) else None
    return PayingBody(
        payment=PaymentBody(id=payment.id, status=payment.status, amount=_money(attempt.amount)),
        attempt=AttemptBody(id=attempt.id, number=attempt.number, provider=attempt.provider, status=attempt.status),
        provider=ProviderBody(
            name=attempt.provider,
            client_secret=(ready.client_secret or None) if ready else None,
            confirm_url=ready.confirm_url if ready else None,
            hosted_url=ready.hosted_url if ready else None,
            publishable_key=ready.publishable_key if ready else None,
        ),
    )


def _status(status: Status) -> StatusBody:
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
