"""The buyer's pages over HTTP: cookies, headers, compression. What they show is decided elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache, wraps
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import structlog
from fastapi import Request, Response
from fastapi.exceptions import HTTPException
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.convertors import StringConvertor, register_url_convertor

from checkie import web
from checkie.checkout import NoSuchSession
from checkie.kernel import Forbidden, Refusal
from checkie.storefront import live, pages
from checkie.storefront.assets import assets
from checkie.storefront.document import Document
from checkie.storefront.form import Form
from checkie.storefront.language import Reader, read_for
from checkie.storefront.model import ProviderPage, ProviderPages, Ticket, Wallet
from checkie.storefront.policy import policy
from checkie.storefront.stage import Stage
from checkie.storefront.submit import FormContext, Mend, Redirect, submit
from checkie.storefront.tell import tell_refusal, tell_stage
from checkie.storefront.visit import Address, Back, Fresh, Place, come_back, find_place, settle, visit
from checkie.web import Visitor, caller

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_log = structlog.get_logger()
_COOKIE: Final = "checkie"
_COOKIE_AGE_S: Final = 86_400
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_LONGEST_FORM: Final = 16_384


class _StoreConvertor(StringConvertor):
    """A store's slug: any first part of a path that is not ours, so that the rest of the API keeps its own answers."""

    regex = r"(?!(?:api|static|health|metrics|dev|robots\.txt|favicon\.ico)(?:/|$))[^/]+"


register_url_convertor("store", _StoreConvertor())


class ForeignForm(Forbidden):
    """The form was not posted from our own page."""

    code = "form_foreign"


def _html(endpoint: Endpoint) -> Endpoint:
    """Answers refusals and failures with a page."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refusal as refusal:
            return _problem(request, refusal)
        except HTTPException:
            raise
        except Exception:  # noqa: BLE001  the buyer gets a page, the log gets the reason
            _log.exception("page_failed", path=request.url.path)
            return _problem(request, None)

    return answered


async def _holder(request: Request) -> web.Buyer:
    """The browser whose cookie holds the session at this address. To any other there is no such session."""
    secret = _wallet(request).secret_of(request.path_params["session"])
    if secret is None:
        raise NoSuchSession
    return web.Buyer(secret)


HOLDER: Final = caller.Access("buyer's cookie", _holder, (NoSuchSession,))
"""The browser that holds the session, by its cookie."""
files = web.Router()
router = web.Router(around=_html)
dev_router = web.Router(around=_html)
"""For where pages are developed, and nowhere else."""


@router.page("/{store:store}/{page}", access=caller.PUBLIC)
async def show_page(request: Request) -> Response:
    """The page with a new session, or with the one that this browser holds."""
    services = web.services(request)
    place = await find_place(services, request.path_params["store"], request.path_params["page"])
    wallet, visitor = _wallet(request), Visitor.of(request)
    is_human = request.method != "HEAD" and not visitor.is_machine
    found = await visit(services, place, wallet, visitor if is_human else None)
    reader = _reader(request, wallet, place)
    if isinstance(found, Fresh):
        return _fresh(request, found, reader)
    if found.stage is not Stage.FORM:
        asked = f"?locale={reader.tag}" if "locale" in request.query_params and reader.is_chosen else ""
        return RedirectResponse(place.session_path(found.session.id) + asked, 303, {"Cache-Control": "no-store"})
    return _form(request, found, reader)


@router.page("/{store:store}/{page}", access=caller.PUBLIC, method="POST")
async def post_page(request: Request) -> Response:
    """What a browser without JavaScript sends: a session's id and secret are in the form."""
    _check_origin(request)
    services = web.services(request)
    form = Form.parse(await web.read_body(request, _LONGEST_FORM))
    place = await find_place(services, request.path_params["store"], request.path_params["page"])
    wallet = _wallet(request)
    reader = read_for(form.locale or wallet.locale, request.headers.get("accept-language", ""), place.store.locale)
    context = FormContext(services, place, Visitor.of(request), reader.locale)
    done = await submit(context, form)
    if isinstance(done, Redirect):
        answer: Response = RedirectResponse(done.url, 303, {"Cache-Control": "no-store"})
    else:
        answer = _mend(request, place, done, reader)
    _keep(request, answer, wallet, done.ticket, reader)
    return answer


@router.page("/{store:store}/{page}/{session}", access=HOLDER)
async def show_session(request: Request) -> Response:
    """The page of one session, for the browser that holds it."""
    wallet = _wallet(request)
    back = await _back(request)
    if request.headers.get("sec-fetch-site") in ("same-site", "cross-site"):
        back = await settle(web.services(request), back)
    reader = _reader(request, wallet, back.place)
    if back.stage is Stage.FORM:
        return _form(request, back, reader)
    if back.stage is Stage.PAID:
        return _answer(request, pages.paid_page(back, reader), policy(None), ())
    message = tell_stage(back.stage, back.status, reader)
    csp = policy(_provider_page(request, back.session.provider))
    holes = (back.session.id, back.secret) if message.acts else ()
    return _answer(request, pages.state_page(back, message, reader), csp, holes)


@router.page("/{store:store}/{page}/{session}", access=caller.BUYER, method="POST")
async def keep_session(request: Request) -> Response:
    """Something was typed: from now on the browser holds the session."""
    wallet = _wallet(request)
    back = await _back(request)
    answer = Response(status_code=204)
    _keep(request, answer, wallet, Ticket(back.session.id, back.secret), _reader(request, wallet, back.place))
    return answer


@router.page("/{store:store}/{page}/{session}/live", access=HOLDER)
async def show_live(request: Request) -> Response:
    """The session's status: now as JSON where that is asked for, else as it changes."""
    back = await _back(request)
    if request.headers.get("accept") == "application/json":
        return JSONResponse(live.body(back.status, back.stage), headers={"Cache-Control": "no-store"})
    ticket = Ticket(back.session.id, back.secret)
    stream = live.follow(web.services(request), ticket, request.is_disconnected)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type=live.MEDIA_TYPE, headers=headers)


@files.page("/static/{hash}/{file}", access=caller.PUBLIC)
@files.page("/static/{file}", access=caller.PUBLIC)
async def show_static(request: Request) -> Response:
    """A static file: for ever under its hash, else for a minute."""
    asset = assets().get(request.path_params["file"])
    if asset is None:
        raise HTTPException(404)
    is_lasting = request.path_params.get("hash") == asset.hash
    headers = {
        "Cache-Control": _FOR_EVER if is_lasting else "public, max-age=60",
        "ETag": f'"{asset.hash}"',
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    is_packed = _takes_gzip(request.headers.get("accept-encoding", ""))
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.packed if is_packed else asset.body, media_type=asset.media_type, headers=headers)


@files.page("/robots.txt", access=caller.PUBLIC)
async def show_robots(_: Request) -> Response:
    """Pages may be indexed; sessions may not."""
    text = "User-agent: *\nDisallow: /api/\nDisallow: /*/*/ses_\n"
    return Response(text, media_type="text/plain", headers={"Cache-Control": "public, max-age=86400"})


@files.page("/favicon.ico", access=caller.PUBLIC)
async def show_favicon(_: Request) -> Response:
    """For browsers that request it without a link."""
    icon = assets()["icon.svg"]
    return Response(icon.body, media_type=icon.media_type, headers={"Cache-Control": "public, max-age=86400"})


@dev_router.page("/dev/parts", access=caller.PUBLIC)
async def show_parts(request: Request) -> Response:
    """Every part in all its states."""
    return _answer(request, pages.parts_page(_reader(request, Wallet(), None)), policy(None), ())


def _fresh(request: Request, fresh: Fresh, reader: Reader) -> Response:
    provider = _provider_page(request, fresh.place.page.provider)
    document = pages.fresh_page(fresh.place, reader, provider, fresh.paid)
    holes = (fresh.ticket.session, fresh.ticket.secret) if fresh.ticket else ("", "")
    return _answer(request, document, policy(provider), holes)


def _form(request: Request, back: Back, reader: Reader) -> Response:
    provider = _provider_page(request, back.session.provider)
    document = pages.back_page(back, reader, provider, web.services(request).now())
    return _answer(request, document, policy(provider), (back.session.id, back.secret))


def _mend(request: Request, place: Place, mend: Mend, reader: Reader) -> Response:
    provider = _provider_page(request, mend.session.provider)
    document = pages.mend_page(place, mend, reader, provider, web.services(request).now())
    holes = (mend.ticket.session, mend.ticket.secret)
    return _answer(request, document, policy(provider), holes, status=409 if mend.is_renewed else 422)


def _answer(request: Request, document: Document, csp: str, holes: tuple[str, ...], *, status: int = 200) -> Response:
    values = [hole.encode() for hole in holes]
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": csp,
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Vary": "Accept-Encoding, Accept-Language, Cookie",
    }
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        return Response(document.fill_gzip(values), status, headers, "text/html")
    return Response(document.fill(values), status, headers, "text/html")


def _problem(request: Request, refusal: Refusal | None) -> Response:
    reader = _reader(request, _wallet(request), None)
    message = tell_refusal(refusal, reader)
    is_unknown = refusal is not None and refusal.status in (401, 404)
    status = 404 if is_unknown else refusal.status if refusal else 500
    document = pages.problem_page(message, reader, None if is_unknown else request.scope.get("request_id"))
    return _answer(request, document, policy(None), (), status=status)


async def _back(request: Request) -> Back:
    address = Address(**request.path_params)
    return await come_back(web.services(request), address, caller.resolved(request, web.Buyer).secret)


def _reader(request: Request, wallet: Wallet, place: Place | None) -> Reader:
    wanted = request.query_params.get("locale") or wallet.locale
    return read_for(wanted, request.headers.get("accept-language", ""), place.store.locale if place else "en")


def _wallet(request: Request) -> Wallet:
    text = request.cookies.get(_COOKIE)
    return Wallet.parse(text) if text else Wallet()


def _keep(request: Request, answer: Response, wallet: Wallet, ticket: Ticket, reader: Reader) -> None:
    path = "/{store}/{page}".format_map(request.path_params)
    kept = Wallet(wallet.tickets, reader.tag if reader.is_chosen else wallet.locale).with_ticket(ticket)
    is_secure = request.url.scheme == "https" or web.services(request).public_url.startswith("https:")
    answer.set_cookie(_COOKIE, kept.spell(), _COOKIE_AGE_S, path=path, secure=is_secure, httponly=True, samesite="lax")


def _check_origin(request: Request) -> None:
    """Refuses a form that another site posts (ForeignForm). The secret in it is the proof; this is the second lock."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    ours = {urlsplit(web.services(request).public_url).netloc, request.headers.get("host", "")}
    if (origin and urlsplit(origin).netloc not in ours) or site not in (None, "same-origin", "none"):
        raise ForeignForm


def _provider_page(request: Request, name: str) -> ProviderPage:
    return web.services(request).get(ProviderPages).get(name)


@lru_cache(maxsize=64)
def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is welcome (RFC 9110, 12.5.3)."""
    for part in accept_encoding.split(","):
        name, _, weight = part.replace(" ", "").partition(";")
        if name in ("gzip", "*"):
            return weight.lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
