"""The widget API: open a page, change its session, pay, poll the status."""

from __future__ import annotations

from typing import Annotated, Final

import structlog
from fastapi import Path, Request
from fastapi.responses import JSONResponse

from checkie import web
from checkie.checkout import bodies, contract
from checkie.checkout.bodies import (
    ChangeBody,
    MoneyBody,
    PageAndSession,
    PayBody,
    PaymentStartedBody,
    SessionBody,
    StatusBody,
)
from checkie.checkout.change import Changes, change
from checkie.checkout.find import SLUG, find_page
from checkie.checkout.get_session import get_session
from checkie.checkout.model import NoSuchSession, Session
from checkie.checkout.open import open_session
from checkie.checkout.pay import PaymentStarted, pay
from checkie.checkout.quote import CurrencyMismatch
from checkie.checkout.status import read_status
from checkie.kernel.ids import SessionId
from checkie.payments.port import Providers
from checkie.web import BuyerDep, ServicesDep, caller
from checkie.web import contract as shared

router = web.Router("Widget", "/api/widget")
Slug = Annotated[str, Path(examples=["demo"], json_schema_extra={"pattern": f"^{SLUG.pattern}$"})]
SessionPath = Annotated[str, Path(examples=[contract.SESSION], json_schema_extra={"pattern": contract.SESSION_SHAPE})]
_CHANGING: Final = (*shared.JSON_BODY, get_session, change, CurrencyMismatch)


@router.get(
    "/pages/{store_slug}/{page_slug}",
    access=caller.PUBLIC,
    refuses=(find_page, open_session),
    summary="Open a page",
    responses=contract.OPENED,
    openapi_extra=shared.TAKES_UTM,
)
async def get_page(store_slug: Slug, page_slug: Slug, request: Request, services: ServicesDep) -> PageAndSession:
    """Retrieves a published page and opens a new session of it, with a frozen quote.

    Store `session.client_secret`: it is returned only here.
    """
    store, page = await find_page(services, store_slug, page_slug)
    visitor = web.Visitor.of(request)
    if visitor.is_machine:
        return PageAndSession(page=bodies.page_body(store, page), session=None, session_id=None)
    opened = await open_session(services.db, store, page, visitor, public_url=services.public_url, now=services.now())
    session = bodies.session_body(opened.session, opened.client_secret)
    return PageAndSession(page=bodies.page_body(store, page), session=session, session_id=session.id)


@router.get(
    "/sessions/{session_id}",
    access=caller.BUYER,
    refuses=(get_session,),
    name="get_session",
    summary="Retrieve a session",
)
async def retrieve_session(session_id: SessionPath, services: ServicesDep, buyer: BuyerDep) -> SessionBody:
    """Retrieves a session."""
    return bodies.session_body(await get_session(services.db, _parse(session_id), buyer.secret))


@router.patch(
    "/sessions/{session_id}",
    access=caller.BUYER,
    refuses=_CHANGING,
    summary="Change a session",
    openapi_extra=shared.TAKES_VERSION,
)
async def change_session(
    session_id: SessionPath, body: ChangeBody, request: Request, services: ServicesDep, buyer: BuyerDep
) -> SessionBody:
    """Changes an open session and its quote. With `If-Match`, only if the session still has that version."""
    session = await get_session(services.db, _parse(session_id), buyer.secret)
    return await _change(session, body, request, services)


@router.post(
    "/sessions/{session_id}/update",
    access=caller.BUYER,
    refuses=(*_CHANGING, web.idempotent),
    summary="Change a session (alias)",
    responses=contract.CHANGED,
    openapi_extra=shared.TAKES_KEY_AND_VERSION,
)
async def update_session(
    session_id: SessionPath, body: ChangeBody, request: Request, services: ServicesDep, buyer: BuyerDep
) -> SessionBody:
    """Alias of `PATCH /api/widget/sessions/{session_id}`, which accepts an Idempotency-Key."""
    session = await get_session(services.db, _parse(session_id), buyer.secret)
    return await web.idempotent(
        request,
        caller=session.id,
        operation="update_session",
        content={"body": body.model_dump(mode="json"), "if_match": request.headers.get("if-match")},
        run=lambda: _change(session, body, request, services),
    )


@router.post(
    "/checkout",
    access=caller.BUYER,
    refuses=(*shared.JSON_BODY, *shared.KEYED, pay),
    summary="Pay",
    response_model=PaymentStartedBody,
    responses=contract.STARTED,
    openapi_extra=shared.TAKES_KEY,
)
async def check_out(body: PayBody, request: Request, services: ServicesDep, buyer: BuyerDep) -> JSONResponse:
    """Starts a payment, or returns the one in progress. Send an Idempotency-Key.

    Continue at the provider, with the contents of `provider`; then poll the session's status.
    """
    return await _pay(_parse(body.session_id), request, services, buyer)


@router.post(
    "/sessions/{session_id}/initiate-payment",
    access=caller.BUYER,
    refuses=(*shared.KEYED, pay),
    summary="Pay (alias)",
    response_model=PaymentStartedBody,
    responses=contract.STARTED,
    openapi_extra=shared.TAKES_KEY,
)
async def initiate_payment(
    session_id: SessionPath, request: Request, services: ServicesDep, buyer: BuyerDep
) -> JSONResponse:
    """Alias of `POST /api/widget/checkout`."""
    return await _pay(_parse(session_id), request, services, buyer)


@router.get(
    "/sessions/{session_id}/status",
    access=caller.BUYER,
    refuses=(read_status,),
    summary="Retrieve a session's status",
)
async def get_status(session_id: SessionPath, services: ServicesDep, buyer: BuyerDep) -> StatusBody:
    """Retrieves the status of a session and its payment, for polling."""
    return bodies.status_body(await read_status(services.db, _parse(session_id), buyer.secret))


async def _change(session: Session, body: ChangeBody, request: Request, services: web.Services) -> SessionBody:
    changes = Changes(email=body.email, quantity=body.quantity, amount_minor=_amount(body, session))
    version = _version(request.headers.get("if-match"))
    changed = await change(
        services.db, services.get(Providers), session, changes, if_version=version, now=services.now()
    )
    return bodies.session_body(changed)


async def _pay(session: SessionId, request: Request, services: web.Services, buyer: web.Buyer) -> JSONResponse:
    once = web.IdempotentRequest[PaymentStarted].find(
        request, caller=session, operation="checkout", content=None, render=bodies.payment_started_body
    )
    started = await pay(services.db, services.get(Providers), session, buyer.secret, services.now(), once=once)
    structlog.contextvars.bind_contextvars(payment=started.payment.id, attempt=started.attempt.id)
    return JSONResponse(bodies.payment_started_body(started))


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
