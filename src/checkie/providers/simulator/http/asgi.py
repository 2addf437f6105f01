"""The HTTP edge: a raw ASGI application with a table of routes.

An id in a path is recognised by its prefix, so a route is found with two dictionary look-ups.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, TypeAlias

from checkie.providers.simulator.bank.bank import Bank
from checkie.providers.simulator.bank.errors import SimulatorError
from checkie.providers.simulator.http import translations
from checkie.providers.simulator.http.messages import MAX_BODY, Request, Response, error_response
from checkie.providers.simulator.http.pages import Pages

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

_log = logging.getLogger("checkie.simulator")
_CORS: Final = (("access-control-allow-origin", "*"),)
_PREFLIGHT: Final = Response(
    204,
    headers=(
        *_CORS,
        ("access-control-allow-methods", "GET, POST"),
        ("access-control-allow-headers", "content-type, accept"),
        ("access-control-max-age", "7200"),
    ),
)


class Caller(Enum):
    """Who may call a route, and the form of its responses."""

    SERVER = "server"
    """A merchant's server, with the API key. JSON."""
    SCRIPT = "script"
    """A script on any page (CORS). JSON; HTML for a browser that follows a link."""
    BROWSER = "browser"
    """A browser. HTML, for errors too."""


@dataclass(frozen=True, slots=True)
class Route:
    """`call` is the name that faults match. None: no outage applies."""

    handle: Callable[[Request], Response]
    caller: Caller
    call: str | None = None


Routes: TypeAlias = Mapping[str, Mapping[str, Route]]
"""By path, with ids written as {id}; then by method."""


@dataclass(frozen=True, slots=True)
class App:
    """The ASGI application."""

    routes: Routes
    files: Mapping[str, Response]
    bank: Bank
    pages: Pages
    api_key: str
    stopping: asyncio.Event
    """Set when the process shuts down: responses that a fault delays are then sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one response."""
        response = await self._respond(scope, receive)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
        headers.append((b"content-type", response.content_type.encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        path: str = scope["path"]
        intent_id = _id_in(path)
        template = path.replace(intent_id, "{id}", 1) if intent_id else path
        request = Request(scope["method"], path, scope["query_string"], scope["headers"], b"", intent_id)
        if request.method == "GET" and template in self.files:
            return self._file(template, request)
        route: Route | None = None
        try:
            route = self._route(template, request.method)
            if route is None:
                return _PREFLIGHT
            request.body = await _body(receive)
            response = await self._handle(route, request)
        except SimulatorError as error:
            response = self._error(error, route, request)
        except Exception as error:  # noqa: BLE001 its text may hold card details: only its place is logged
            kind, place = type(error).__name__, _place(error)
            _log.error(json.dumps({"event": "unhandled_error", "path": template, "kind": kind, "at": place}))
            response = self._error(_internal_error(), route, request)
        if route and route.caller is Caller.SCRIPT:
            response = replace(response, headers=(*response.headers, *_CORS))
        return response

    def _route(self, template: str, method: str) -> Route | None:
        """The route; None for a preflight request to one that scripts may call."""
        by_method = self.routes.get(template)
        if by_method is None:
            raise SimulatorError(404, "path_not_found", "No such path.")
        if method in by_method:
            return by_method[method]
        if method == "OPTIONS" and any(route.caller is Caller.SCRIPT for route in by_method.values()):
            return None
        raise SimulatorError(405, "method_not_allowed", "The method is not allowed for this path.")

    async def _handle(self, route: Route, request: Request) -> Response:
        """The handler's response, after everything it wrote is committed."""
        if route.caller is Caller.SERVER and not self._is_authorized(request):
            raise SimulatorError(401, "api_key_invalid", "The Authorization header must be Bearer and the API key.")
        try:
            if route.call and self.bank.db.rules:
                self.bank.check_outage(_facts(route.call, request))
            response = route.handle(request)
        finally:
            await self.bank.db.file.committed()
        if response.fault.hang_s:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), response.fault.hang_s)
        if response.fault.fails:
            raise _internal_error()
        return response

    def _is_authorized(self, request: Request) -> bool:
        given = request.header(b"authorization").encode()
        return secrets.compare_digest(given, b"Bearer " + self.api_key.encode())

    def _error(self, error: SimulatorError, route: Route | None, request: Request) -> Response:
        is_page = request.accepts_html() if route is None else route.caller is Caller.BROWSER
        if is_page or (route and route.caller is Caller.SCRIPT and request.accepts_html()):
            return self.pages.error(error.status, translations.best_locale(request.header(b"accept-language")))
        return error_response(error)

    def _file(self, path: str, request: Request) -> Response:
        file = self.files[path]
        if request.header(b"if-none-match") == file.headers[0][1]:
            return replace(file, status=304, body=b"")
        return file


def _id_in(path: str) -> str:
    start = path.find("/sim_")
    return path[start + 1 :].partition("/")[0] if start >= 0 else ""


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
    if len(body) > MAX_BODY:
        raise SimulatorError(413, "body_too_large", f"A body may have at most {MAX_BODY} bytes.")
    return body


def _facts(call: str, request: Request) -> dict[str, Any]:
    key = request.header(b"idempotency-key") or request.query().get("key")
    return {"call": call, "intent": request.intent_id or None, "attempt": key}


def _internal_error() -> SimulatorError:
    return SimulatorError(500, "internal_error", "Internal error. The request may have been processed.")


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
