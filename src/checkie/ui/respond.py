"""Documents over HTTP: headers, compression, and error pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from typing import Final, TypeAlias

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from checkie.kernel import Refusal
from checkie.ui.document import Document
from checkie.ui.forms import CrossSiteForm
from checkie.ui.languages import Reader
from checkie.ui.policy import content_policy
from checkie.ui.problems import CROSS_SITE, FAILED, NOT_FOUND, Problem, problem_page

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_PROBLEMS: Final = {CrossSiteForm.code: CROSS_SITE}
_log = structlog.get_logger()


def respond(
    request: Request,
    document: Document,
    *,
    policy: str | None = None,
    values: Sequence[str] = (),
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The document with these values in its holes, compressed if the browser accepts gzip, and never stored.

    Without a `policy` the page loads from this origin alone.
    """
    filling = [value.encode() for value in values]
    sent = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy or content_policy(),
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Vary": "Accept-Encoding, Accept-Language, Cookie",
        **(headers or {}),
    }
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        sent["Content-Encoding"] = "gzip"
        return Response(document.fill_gzip(filling), status, sent, "text/html")
    return Response(document.fill(filling), status, sent, "text/html")


@dataclass(frozen=True, slots=True)
class ErrorPages:
    """Decorates endpoints: their refusals and failures are answered with a page.

    `reader_of` says who reads it; `problems` are the pages of refusals by code, in addition to those of all modules.
    A caller who lacks a credential gets the `not_found` page too.
    """

    reader_of: Callable[[Request], Reader]
    problems: Mapping[str, Problem] = field(default_factory=dict)
    not_found: Problem = NOT_FOUND

    def __call__(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with error pages."""

        @wraps(endpoint)
        async def answered(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refusal as refusal:
                return self._respond(request, refusal)
            except HTTPException:
                raise
            except Exception:  # noqa: BLE001  the reader gets a page, the log gets the reason
                route = getattr(request.scope.get("route"), "path", None)  # not the path: a receipt's gives access
                _log.exception("page_failed", route=route)
                return self._respond(request, None)

        return answered

    def _respond(self, request: Request, refusal: Refusal | None) -> Response:
        reader = self.reader_of(request)
        if refusal is not None and refusal.status in (401, 404):
            return respond(request, problem_page(self.not_found, reader), status=404)
        problem = {**_PROBLEMS, **self.problems}.get(refusal.code if refusal else "", FAILED)
        document = problem_page(problem, reader, request.scope.get("request_id"))
        return respond(request, document, status=refusal.status if refusal else 500)


@lru_cache(maxsize=64)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3)."""
    for part in accept_encoding.split(","):
        name, _, weight = part.replace(" ", "").partition(";")
        if name in ("gzip", "*"):
            return weight.lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
