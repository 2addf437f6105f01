"""Static files for all pages, and /dev/parts for those who work on them."""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response
from fastapi.exceptions import HTTPException

from checkie import web
from checkie.ui.assets import Asset, assets
from checkie.ui.languages import Reader, resolve_reader
from checkie.ui.parts import parts_page
from checkie.ui.respond import ErrorPages, accepts_gzip, respond
from checkie.web import caller

_PERMANENT: Final = "public, max-age=31536000, immutable"
_MINUTE: Final = "public, max-age=60"
_DAY: Final = "public, max-age=86400"


def _reader(request: Request) -> Reader:
    return resolve_reader(request.query_params.get("locale"), request.headers.get("accept-language", ""))


files = web.Router()
dev_router = web.Router(around=ErrorPages(_reader))
"""For where pages are developed, and nowhere else."""


@files.page("/static/{digest}/{file}", access=caller.PUBLIC)
async def show_permanent(request: Request) -> Response:
    """A static file, cached permanently if the address has its hash; a page of another release may ask for another."""
    asset = _find(request.path_params["file"])
    return _send(request, asset, _PERMANENT if request.path_params["digest"] == asset.hash else _MINUTE)


@files.page("/static/{file}", access=caller.PUBLIC)
async def show_static(request: Request) -> Response:
    """A static file, cached for a minute."""
    return _send(request, _find(request.path_params["file"]), _MINUTE)


@files.page("/favicon.ico", access=caller.PUBLIC)
async def show_favicon(request: Request) -> Response:
    """For browsers that do not read the page's link to its icon."""
    return _send(request, _find("icon.svg"), _DAY)


@dev_router.page("/dev/parts", access=caller.PUBLIC)
async def show_parts(request: Request) -> Response:
    """Every part in all its states."""
    return respond(request, parts_page(_reader(request)))


def _find(file: str) -> Asset:
    asset = assets().get(file)
    if asset is None:
        raise HTTPException(404)
    return asset


def _send(request: Request, asset: Asset, cache_control: str) -> Response:
    headers = {
        "Cache-Control": cache_control,
        "ETag": f'"{asset.hash}"',
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    is_gzipped = accepts_gzip(request.headers.get("accept-encoding", ""))
    if is_gzipped:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.gzipped if is_gzipped else asset.body, media_type=asset.media_type, headers=headers)
