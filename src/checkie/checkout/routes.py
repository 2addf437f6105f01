"""The widget API: page and session, change, pay, status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, cast

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from checkie import catalog, stores, web
from checkie.checkout import store
from checkie.checkout.change import Changes, change
from checkie.checkout.model import NoSuchSession, Session
from checkie.checkout.open import open_session
from checkie.checkout.pay import Paying, pay
from checkie.checkout.status import Status, read_status
from checkie.kernel import Invalid, Money
from checkie.payments import SessionId
from checkie.payments.port import ActionNeeded, Provider

router = APIRouter(prefix="/api/widget", tags=["Widget"])
_SLUG: Final = re.compile(r"[a-z0-9-]{1,63}")
_MAX_TEXT: Final = 320


class CurrencyMismatch(Invalid):
    """The amount is in another currency than the page."""

    code = "currency_mismatch"


class MoneyBody(BaseModel):
    """Whole minor units of one currency: 2599 USD is $25.99."""

    model_config = ConfigDict(extra="forbid")
    amount: StrictInt
    currency: str = Field(min_length=3, max_length=4)


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

    id: str
    status: str
    step: str
    version: int
    expires_at: datetime
    email: str | None
    quantity: int
    quote: QuoteBody
    client_secret: str | None = None


class PageBody(BaseModel):
    """A published page. `least` and `most` bound what a buyer may choose to pay, for each."""

    id: str
    store: str
    slug: str
    title: str
    description: str
    picture_url: str | None
    pricing: str
    price: MoneyBody
    least: MoneyBody
    most: MoneyBody
    quantity_max: int


class PageAndSession(BaseModel):
    """A page and a fresh session of it; bots and prefetches get the page alone."""

    page: PageBody
    session: SessionBody | None
    session_id: str | None


class ChangeBody(BaseModel):
    """What is to change; what is left out stays. `amount` is for each: minor units, or minor units with the currency."""

    model_config = ConfigDict(extra="forbid")
    email: str | None = Field(default=None, max_length=_MAX_TEXT)
    quantity: StrictInt | None = None
    amount: StrictInt | MoneyBody | None = None


class PayBody(BaseModel):
    """Which session pays."""

    model_config = ConfigDict(extra="forbid")
    session_id: str = Field(max_length=_MAX_TEXT)


class PaymentBody(BaseModel):
    """A payment."""

    id: str
    status: str
    amount: MoneyBody


class AttemptBody(BaseModel):
    """One try of it."""

    id: str
    number: int
    provider: str
    status: str


class ProviderBody(BaseModel):
    """What the browser needs to go on at the provider."""

    name: str
    client_secret: str | None
    confirm_url: str | None
    hosted_url: str | None
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

    status: str
    failure: FailureBody | None


class StatusBody(BaseModel):
    """How a session stands."""

    status: str
    payment: StatusPaymentBody | None
    attempts_left: int
    return_url: str


@router.get("/pages/{store_slug}/{page_slug}", responses=web.problems(404))
async def get_page(store_slug: str, page_slug: str, request: Request) -> PageAndSession:
    """A published page and a fresh session of it, with its quote frozen."""
    runtime = web.runtime(request)
    if not _SLUG.fullmatch(store_slug):
        raise stores.NoSuchStore
    if not _SLUG.fullmatch(page_slug):
        raise catalog.NoSuchPage
    shop = await stores.get_by_slug(runtime.db, store_slug)
    page = await catalog.get_published(runtime.db, shop.number, page_slug)
    if web.is_machine(request):
        return PageAndSession(page=_page(shop, page), session=None, session_id=None)
    opened = await open_session(
        runtime.db, shop, page, web.visitor(request), public_url=runtime.public_url, now=runtime.now()
    )
    session = _session(opened.session, opened.client_secret)
    return PageAndSession(page=_page(shop, page), session=session, session_id=session.id)


@router.get("/sessions/{session_id}", responses=web.problems(401, 404))
async def get_session(session_id: str, request: Request) -> SessionBody:
    """The session, for whoever has its client secret."""
    return _session(await _let_in(session_id, request))


@router.patch("/sessions/{session_id}", responses=web.problems(400, 401, 404, 409, 412, 413, 422))
@router.post("/sessions/{session_id}/update", responses=web.problems(400, 401, 404, 409, 412, 413, 422))
async def change_session(
    session_id: str, body: ChangeBody, request: Request, if_match: Annotated[str | None, Header()] = None
) -> SessionBody:
    """Change an open session and quote anew. With `If-Match: <version>` only if nobody changed it meanwhile."""
    session = await _let_in(session_id, request)
    runtime = web.runtime(request)
    changes = Changes(email=body.email, quantity=body.quantity, amount_minor=_amount(body, session))
    version = _version(if_match)
    changed = await change(runtime.db, _providers(request), session.id, changes, if_version=version, now=runtime.now())
    return _session(changed)


@router.post("/checkout", response_model=PayingBody, responses=web.problems(400, 401, 404, 409, 413, 422))
async def check_out(body: PayBody, request: Request) -> JSONResponse:
    """Start to pay, or join the payment under way. Send an Idempotency-Key: a repeated call is answered the same."""
    return await _check_out(_parse(body.session_id), request)


@router.post(
    "/sessions/{session_id}/initiate-payment",
    response_model=PayingBody,
    responses=web.problems(400, 401, 404, 409, 413, 422),
)
async def initiate_payment(session_id: str, request: Request) -> JSONResponse:
    """Another spelling of `POST /api/widget/checkout`."""
    return await _check_out(_parse(session_id), request)


@router.get("/sessions/{session_id}/status", responses=web.problems(401, 404))
async def get_status(session_id: str, request: Request) -> StatusBody:
    """How the session and its payment stand: for polling. Tells nothing of the buyer, so the secret may be left out."""
    status = await read_status(web.runtime(request).db, _parse(session_id), web.bearer(request))
    return _status(status)


async def _check_out(session_id: SessionId, request: Request) -> JSONResponse:
    runtime = web.runtime(request)
    key = web.idempotency_key(request)
    secret = web.bearer(request)
    if secret is not None:
        (await store.read(runtime.db, session_id)).let_in(secret)

    async def run() -> web.Answer:
        paying = await pay(runtime.db, _providers(request), session_id, runtime.now())
        return web.Answer(200, _paying(paying).model_dump(mode="json"))

    if key is None:
        answer = await run()
        return JSONResponse(answer.body, answer.status)
    return await web.once(runtime, (session_id.store, "checkout", key), {"session_id": session_id}, run)


async def _let_in(session_id: str, request: Request) -> Session:
    session = await store.read(web.runtime(request).db, _parse(session_id))
    session.let_in(web.bearer(request))
    return session


def _providers(request: Request) -> Mapping[str, Provider]:
    return cast("Mapping[str, Provider]", request.app.state.providers)


def _parse(text: str) -> SessionId:
    try:
        return SessionId.parse(text)
    except ValueError:
        raise NoSuchSession(param="session_id") from None


def _version(if_match: str | None) -> int | None:
    if if_match is None:
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


def _page(shop: stores.Store, page: catalog.Page) -> PageBody:
    return PageBody(
        id=page.id,
        store=shop.id,
        slug=page.slug,
        title=page.title,
        description=page.description,
        picture_url=page.picture_url,
        pricing=page.pricing,
        price=_money(page.price),
        least=_money(page.least),
        most=_money(page.most),
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


def _paying(paying: Paying) -> PayingBody:
    payment, attempt = paying.payment, paying.attempt
    ready = paying.outcome if isinstance(paying.outcome, ActionNeeded) else None
    return PayingBody(
        payment=PaymentBody(id=payment.id, status=payment.status, amount=_money(attempt.amount)),
        attempt=AttemptBody(id=attempt.id, number=attempt.number, provider=attempt.provider, status=attempt.status),
        provider=ProviderBody(
            name=attempt.provider,
            client_secret=ready.client_secret if ready else None,
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
