"""The storefront's pages over HTTP: cookies and headers. What they show is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.convertors import StringConvertor, register_url_convertor

from checkie import ui, web
from checkie.checkout import NoSuchSession
from checkie.kernel import Conflict
from checkie.kernel.ids import SessionId
from checkie.payments.port import Providers
from checkie.storefront import pages, receipt, stream
from checkie.storefront.form import CheckoutForm
from checkie.storefront.messages import NOT_FOUND, PROBLEMS, stage_message
from checkie.storefront.model import BuyerCookie, ProviderPage, SessionCredential
from checkie.storefront.policy import checkout_policy
from checkie.storefront.resume import (
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
from checkie.ui import Reader
from checkie.web import is_machine, visitor

_COOKIE: Final = "checkie"
_COOKIE_AGE_S: Final = 86_400
_NO_STORE: Final = {"Cache-Control": "no-store"}
_PRIVATE: Final = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


class _StoreConvertor(StringConvertor):
    """A store's slug: any first part of a path except our own, so that the rest of the API keeps its own answers."""

    regex = r"(?!(?:api|static|health|metrics|dev|receipts|robots\.txt|favicon\.ico)(?:/|$))[^/]+"


register_url_convertor("store", _StoreConvertor())
router = APIRouter(include_in_schema=False)


class PageWithoutProvider(Conflict):
    """The payment provider of this page is not configured here."""

    code = "page_without_provider"


def _reader(request: Request, cookie: BuyerCookie | None = None, store_page: StorePage | None = None) -> Reader:
    chosen = request.query_params.get("locale") or (cookie or _cookie(request)).locale
    default = store_page.store.locale if store_page else "en"
    return ui.resolve_reader(chosen, request.headers.get("accept-language", ""), default)


def _cookie(request: Request) -> BuyerCookie:
    text = request.cookies.get(_COOKIE)
    return BuyerCookie.parse(text) if text else BuyerCookie()


_html = ui.ErrorPages(_reader, PROBLEMS, NOT_FOUND)


@_html
async def show_page(request: Request) -> Response:
    """The page with a new session, or with the unfinished one that this browser holds."""
    runtime = web.runtime(request)
    store_page = await find_page(runtime, request.path_params["store"], request.path_params["page"])
    cookie = _cookie(request)
    is_human = request.method != "HEAD" and not is_machine(request)
    found = await open_or_resume(runtime, store_page, cookie, visitor(request) if is_human else None)
    reader = _reader(request, cookie, store_page)
    if isinstance(found, NewSession):
        return _new(request, found, reader)
    if found.stage is not Stage.FORM:
        query = f"?locale={reader.tag}" if "locale" in request.query_params and reader.is_chosen else ""
        return RedirectResponse(store_page.session_path(found.session.id) + query, 303, _NO_STORE)
    return _form(request, found, reader)


@_html
async def post_page(request: Request) -> Response:
    """The form, as a browser without JavaScript posts it."""
    runtime = web.runtime(request)
    ui.forms.check_same_site(request, runtime.public_url)
    form = CheckoutForm.of(await ui.forms.read(request))
    store_page = await find_page(runtime, request.path_params["store"], request.path_params["page"])
    cookie = _cookie(request)
    chosen, header = form.locale or cookie.locale, request.headers.get("accept-language", "")
    reader = ui.resolve_reader(chosen, header, store_page.store.locale)
    context = FormContext(runtime, _providers(request), store_page, visitor(request), reader.locale)
    done = await submit(context, form)
    if isinstance(done, Redirect):
        answer: Response = RedirectResponse(done.url, 303, _NO_STORE)
    else:
        answer = _redisplay(request, store_page, done, reader)
    _keep(request, answer, cookie, done.credential, reader)
    return answer


@_html
async def show_session(request: Request) -> Response:
    """The page of one session, for the browser that holds it."""
    cookie = _cookie(request)
    held = await _held(request, cookie)
    runtime = web.runtime(request)
    if request.headers.get("sec-fetch-site") in ("same-site", "cross-site"):
        held = await await_outcome(runtime, held)
    reader = _reader(request, cookie, held.store_page)
    if held.stage is Stage.FORM:
        return _form(request, held, reader)
    if held.stage is Stage.PAID:
        link = receipt.receipt_path(runtime.keyring, held.session)
        return ui.respond(request, pages.paid_page(held, link, reader))
    message = stage_message(held.stage, held.status, reader)
    policy = checkout_policy(_provider_page(request, held.session.provider))
    values = (held.session.id, held.secret) if message.buttons else ()
    return ui.respond(request, pages.status_page(held, message, reader), policy=policy, values=values)


@_html
async def keep_session(request: Request) -> Response:
    """Something was entered: from now on the browser holds the session. The client secret is the bearer token."""
    cookie = _cookie(request)
    credential = SessionCredential(_session_id(request), web.bearer(request) or "")
    path = request.path_params
    held = await resume(web.runtime(request), path["store"], path["page"], credential)
    answer = Response(status_code=204, headers=_NO_STORE)
    _keep(request, answer, cookie, credential, _reader(request, cookie, held.store_page))
    return answer


@_html
async def show_status(request: Request) -> Response:
    """The session's status, for the page's script."""
    held = await _held(request, _cookie(request))
    return JSONResponse(stream.as_json(held.status, held.stage), headers=_NO_STORE)


@_html
async def show_live(request: Request) -> Response:
    """The session's status as it changes, for the page's script."""
    held = await _held(request, _cookie(request))
    credential = SessionCredential(held.session.id, held.secret)
    events = stream.stream_status(web.runtime(request), credential, request.is_disconnected)
    return StreamingResponse(events, media_type=stream.MEDIA_TYPE, headers={**_NO_STORE, "X-Accel-Buffering": "no"})


@_html
async def show_receipt(request: Request) -> Response:
    """A receipt, for everybody who has its link."""
    store, found = await receipt.read_receipt(web.runtime(request), request.path_params["token"])
    chosen, header = request.query_params.get("locale"), request.headers.get("accept-language", "")
    reader = ui.resolve_reader(chosen, header, store.locale)
    return ui.respond(request, pages.receipt_page(store, found, reader), headers=_PRIVATE)


async def show_robots(_: Request) -> Response:
    """Pages may be indexed; sessions are private."""
    text = "User-agent: *\nDisallow: /api/\nDisallow: /*/*/ses_\n"
    return Response(text, media_type="text/plain", headers={"Cache-Control": "public, max-age=86400"})


def _serve(path: str, endpoint: ui.Endpoint, method: str = "GET") -> None:
    """Routes without FastAPI's machinery, which these pages have no use for; named for metrics and logs."""

    async def named(request: Request) -> Response:
        request.scope["route"] = route
        return await endpoint(request)

    router.add_route(path, named, [method])
    route = router.routes[-1]


_serve("/robots.txt", show_robots)
_serve("/receipts/{token}", show_receipt)
_serve("/{store:store}/{page}", show_page)
_serve("/{store:store}/{page}", post_page, "POST")
_serve("/{store:store}/{page}/{session}", show_session)
_serve("/{store:store}/{page}/{session}", keep_session, "POST")
_serve("/{store:store}/{page}/{session}/status", show_status)
_serve("/{store:store}/{page}/{session}/live", show_live)


def _new(request: Request, new: NewSession, reader: Reader) -> Response:
    provider = _provider_page(request, new.store_page.page.provider)
    document = pages.new_page(new.store_page, reader, provider, new.paid)
    values = (new.credential.session, new.credential.secret) if new.credential else ("", "")
    return ui.respond(request, document, policy=checkout_policy(provider), values=values)


def _form(request: Request, held: HeldSession, reader: Reader) -> Response:
    provider = _provider_page(request, held.session.provider)
    document = pages.held_page(held, reader, provider, web.runtime(request).now())
    values = (held.session.id, held.secret)
    return ui.respond(request, document, policy=checkout_policy(provider), values=values)


def _redisplay(request: Request, store_page: StorePage, redisplay: Redisplay, reader: Reader) -> Response:
    provider = _provider_page(request, redisplay.session.provider)
    document = pages.redisplayed_page(store_page, redisplay, reader, provider, web.runtime(request).now())
    values = (redisplay.credential.session, redisplay.credential.secret)
    status = 409 if redisplay.is_new_session else 422
    return ui.respond(request, document, policy=checkout_policy(provider), values=values, status=status)


async def _held(request: Request, cookie: BuyerCookie) -> HeldSession:
    session = _session_id(request)
    secret = cookie.secret_of(session)
    if secret is None:
        raise NoSuchSession
    path = request.path_params
    return await resume(web.runtime(request), path["store"], path["page"], SessionCredential(session, secret))


def _session_id(request: Request) -> SessionId:
    try:
        return SessionId.parse(request.path_params["session"])
    except ValueError:
        raise NoSuchSession from None


def _keep(
    request: Request, answer: Response, cookie: BuyerCookie, credential: SessionCredential, reader: Reader
) -> None:
    path = "/{store}/{page}".format_map(request.path_params)
    locale = reader.tag if reader.is_chosen else cookie.locale
    value = BuyerCookie(cookie.credentials, locale).with_credential(credential).serialize()
    is_secure = request.url.scheme == "https" or web.runtime(request).public_url.startswith("https:")
    answer.set_cookie(_COOKIE, value, _COOKIE_AGE_S, path=path, secure=is_secure, httponly=True, samesite="lax")


def _provider_page(request: Request, name: str) -> ProviderPage:
    found = cast("Mapping[str, ProviderPage]", request.app.state.provider_pages).get(name)
    if found is None:
        raise PageWithoutProvider
    return found


def _providers(request: Request) -> Providers:
    return cast("Providers", request.app.state.providers)
