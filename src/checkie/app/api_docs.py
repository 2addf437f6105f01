"""GET /api/docs: the API reference. Redoc, which we serve ourselves, shows the OpenAPI document."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from checkie import web

router = web.Router()
_STYLE: Final = "body { margin: 0 }"
_FONT: Final = "system-ui, sans-serif"
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Checkie API reference</title>
<style>{_STYLE}</style>
</head>
<body>
<redoc spec-url="/api/openapi.json" sanitize required-props-first
 theme='{{"typography": {{"fontFamily": "{_FONT}", "headings": {{"fontFamily": "{_FONT}"}}}}}}'></redoc>
<noscript>The reference needs JavaScript. The document itself: <a href="/api/openapi.json">openapi.json</a></noscript>
<script src="/api/docs/SCRIPT"></script>
</body>
</html>
"""


def _source(style: str) -> str:
    """The source expression of an inline style (Content Security Policy, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


_SCROLLBARS: Final = "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
"""The only style that Redoc 2.5.4 inserts as text."""
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src {_source(_STYLE)} {_source('')} {_SCROLLBARS}",  # Redoc inserts an empty element and adds rules
        "connect-src 'self'",  # the OpenAPI document
        "img-src 'self' data:",  # Redoc's icons are data: URLs
        "worker-src blob:",  # Redoc builds its search index in a worker, whose script is part of its own
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@cache
def _viewer() -> tuple[str, bytes]:
    """The viewer's file name, which contains a hash of the content, and the content, compressed with gzip."""
    compressed = (files(__package__) / "vendor" / "redoc" / "redoc.standalone.js.gz").read_bytes()
    return f"redoc-{hashlib.sha256(compressed).hexdigest()[:12]}.js", compressed


@router.page("/api/docs", access=web.caller.PUBLIC)
async def show_api_docs(_: Request) -> Response:
    """The page of the API reference."""
    page = _PAGE.replace("SCRIPT", _viewer()[0])
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"})


@router.page("/api/docs/{name}", access=web.caller.PUBLIC)
async def show_api_docs_script(request: Request) -> Response:
    """The viewer. Its name changes with its content, so that browsers may keep it forever."""
    current, content = _viewer()
    if request.path_params["name"] != current:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        content = gzip.decompress(content)
    return Response(content, media_type="text/javascript; charset=utf-8", headers=headers)
