"""The storefront's pages over HTTP: cookies and headers. What they show is decided elsewhere."""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.convertors import StringConvertor, register_url_convertor

from checkie import ui, web
from checkie.checkout import NoSuchSession
from checkie.storefront import pages, receipt, stream
from checkie.storefront.form import CheckoutForm
from checkie.storefront.messages import NOT_FOUND, PROBLEMS, stage_message
from checkie.storefront.model import BuyerCookie, ProviderPage, ProviderPages, SessionCredential
from checkie.storefront.policy import checkout_policy
from checkie.storefront.resume import (
    Address,
    HeldSession,
    NewSession,
    StorePage,
    await_outcome,
    find_page,
    open_or_resume,
    resume,
)
from checkie.storefront.stage import Stage
from checkie.storefront.submit import FormContext, Redirect, Redisplay, submit
from checkie.stores import RESERVED_SLUGS
from checkie.ui import Reader
from checkie.web import Visitor, caller

_COOKIE: Final = "checkie"
_COOKIE_AGE_S: Final = 86_400
_NO_STORE: Final = {"Cache-Control": "no-store"}
_PRIVATE: Final = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


class _StoreConvertor(StringConvertor):
    """A store's slug: any first part of a path except our own, so that the rest of the API keeps its own answers."""

    regex = rf"(?!(?:{'|'.join(RESERVED_SLUGS)}|robots\.txt|favicon\.ico)(?:/|$))[^/]+"


register_url_convertor("store", _StoreConvertor())


def _reader(request: Request, cookie: BuyerCookie | None = None, store_page: StorePage | None = None) -> Reader:
    chosen = request.query_params.get("locale") or (cookie or _cookie(request)).locale
    default = store_page.store.locale if store_page else "en"
    return ui.resolve_reader(chosen, request.headers.get("accept-language", ""), default)


def _cookie(request: Request) -> BuyerCookie:
    text = request.cookies.get(_COOKIE)
    return BuyerCookie.parse(text) if text else BuyerCookie()


async def _holder(request: Request) -> web.Buyer:
    secret = _cookie(request).secret_of(request.path_params["session"])
    if secret is None:
        raise NoSuchSession
    return web.Buyer(secret)


HOLDER: Final = caller.Access("buyer's cookie", _holder, (NoSuchSession,))
"""The browser that holds the session, by its cookie; for any other there is no such session."""
router = web.Router(around=ui.ErrorPages(_reader, PROBLEMS, NOT_FOUND))


@router.page("/robots.txt", access=caller.PUBLIC)
async def show_robots(_: Request) -> Response:
    """Pages may be indexed; sessions are private."""
    text = "User-agent: *\nDisallow: /api/\nDisallow: /*/*/ses_\n"
    return Response(text, media_type="text/plain", headers={"Cache-Control": "public, max-age=86400"})


@router.page("/receipts/{token}", access=caller.PUBLIC)
async def show_receipt(request: Request) -> Response:
    """A receipt, for everybody who has its link."""
    store, found = await receipt.read_receipt(web.services(request), request.path_params["token"])
    chosen, header = request.query_params.get("locale"), request.headers.get("accept-language", "")
    reader = ui.resolve_reader(chosen, header, store.locale)
    return ui.respond(request, pages.receipt_page(store, found, reader), headers=_PRIVATE)


@router.page("/{store:store}/{page}", access=caller.PUBLIC)
async def show_page(request: Request) -> Response:
    """The page with a new session, or with the unfinished one that this browser holds."""
    services = web.services(request)
    store_page = await find_page(services, request.path_params["store"], request.path_params["page"])
    cookie = _cookie(request)
    visitor = Visitor.of(request)
    is_human = request.method != "HEAD" and not visitor.is_machine
    found = await open_or_resume(services, store_page, cookie, visitor if is_human else None)
    reader = _reader(request, cookie, store_page)
    if isinstance(found, NewSession):
        return _new(request, found, reader)
    if found.stage is not Stage.FORM:
        query = f"?locale={reader.tag}" if "locale" in request.query_params and reader.is_chosen else ""
        return RedirectResponse(store_page.session_path(found.session.id) + query, 303, _NO_STORE)
    return _form(request, found, reader)


@router.page("/{store:store}/{page}", access=caller.PUBLIC, method="POST")
async def post_page(request: Request) -> Response:
    """The form, as a browser without JavaScript posts it."""
    services = web.services(request)
    ui.forms.check_same_site(request, services.public_url)
    form = CheckoutForm.of(await ui.forms.read(request))
    store_page = await find_page(services, request.path_params["store"], request.path_params["page"])
    cookie = _cookie(request)
    chosen, header = form.locale or cookie.locale, request.headers.get("accept-language", "")
    reader = ui.resolve_reader(chosen, header, store_page.store.locale)
    context = FormContext(services, store_page, Visitor.of(request), reader.locale)
    done = await submit(context, form)
    if isinstance(done, Redirect):
        answer: Response = RedirectResponse(done.url, 303, _NO_STORE)
    else:
        answer = _redisplay(request, store_page, done, reader)
    _keep(request, answer, cookie, done.credential, reader)
    return answer


@router.page("/{store:store}/{page}/{session}", access=HOLDER)
async def show_session(request: Request) -> Response:
    """The page of one session, for the browser that holds it."""
    cookie = _cookie(request)
    held = await _held(request)
    services = web.services(request)
    if request.headers.get("sec-fetch-site") in ("same-site", "cross-site"):
        held = await await_outcome(services, held)
    reader = _reader(request, cookie, held.store_page)
    if held.stage is Stage.FORM:
        return _form(request, held, reader)
    if held.stage is Stage.PAID:
        link = receipt.receipt_path(services.keyring, held.session)
        return ui.respond(request, pages.paid_page(held, link, reader))
    message = stage_message(held.stage, held.status, reader)
    policy = checkout_policy(_provider_page(request, held.session.provider))
    values = (held.session.id, held.secret) if message.buttons else ()
    return ui.respond(request, pages.status_page(held, message, reader), policy=policy, values=values)


@router.page("/{store:store}/{page}/{session}", access=caller.BUYER, method="POST")
async def keep_session(request: Request) -> Response:
    """Something was entered: from now on the browser holds the session. The client secret is the bearer token."""
    cookie = _cookie(request)
    held = await _held(request)
    answer = Response(status_code=204, headers=_NO_STORE)
    credential = SessionCredential(held.session.id, held.secret)
    _keep(request, answer, cookie, credential, _reader(request, cookie, held.store_page))
    return answer


@router.page("/{store:store}/{page}/{session}/status", access=HOLDER)
async def show_status(request: Request) -> Response:
    """The session's status, for the page's script."""
    held = await _held(request)
    return JSONResponse(stream.as_json(held.status, held.stage), headers=_NO_STORE)


@router.page("/{store:store}/{page}/{session}/live", access=HOLDER)
async def show_live(request: Request) -> Response:
    """The session's status as it changes, for the page's script."""
    held = await _held(request)
    credential = SessionCredential(held.session.id, held.secret)
    events = stream.stream_status(web.services(request), credential, request.is_disconnected)
    return StreamingResponse(events, media_type=stream.MEDIA_TYPE, headers={**_NO_STORE, "X-Accel-Buffering": "no"})


def _new(request: Request, new: NewSession, reader: Reader) -> Response:
    provider = _provider_page(request, new.store_page.page.provider)
    document = pages.new_page(new.store_page, reader, provider, new.paid)
    values = (new.credential.session, new.credential.secret) if new.credential else ("", "")
    return ui.respond(request, document, policy=checkout_policy(provider), values=values)


def _form(request: Request, held: HeldSession, reader: Reader) -> Response:
    provider = _provider_page(request, held.session.provider)
    document = pages.held_page(held, reader, provider, web.services(request).now())
    values = (held.session.id, held.secret)
    return ui.respond(request, document, policy=checkout_policy(provider), values=values)


def _redisplay(request: Request, store_page: StorePage, redisplay: Redisplay, reader: Reader) -> Response:
    provider = _provider_page(request, redisplay.session.provider)
    document = pages.redisplayed_page(store_page, redisplay, reader, provider, web.services(request).now())
    values = (redisplay.credential.session, redisplay.credential.secret)
    status = 409 if redisplay.is_new_session else 422
    return ui.respond(request, document, policy=checkout_policy(provider), values=values, status=status)


async def _held(request: Request) -> HeldSession:
    address = Address(**request.path_params)
    return await resume(web.services(request), address, caller.resolved(request, web.Buyer).secret)


def _keep(
    request: Request, answer: Response, cookie: BuyerCookie, credential: SessionCredential, reader: Reader
) -> None:
    path = "/{store}/{page}".format_map(request.path_params)
    locale = reader.tag if reader.is_chosen else cookie.locale
    value = BuyerCookie(cookie.credentials, locale).with_credential(credential).serialize()
    is_secure = request.url.scheme == "https" or web.services(request).public_url.startswith("https:")
    answer.set_cookie(_COOKIE, value, _COOKIE_AGE_S, path=path, secure=is_secure, httponly=True, samesite="lax")


def _provider_page(request: Request, name: str) -> ProviderPage:
    return web.services(request).get(ProviderPages).get(name)
