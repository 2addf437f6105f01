"""The HTTP edge: a raw ASGI app with a table of routes.

An id in a path is recognised by its prefix, so a route is found by two look-ups in dictionaries.
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

from checkie.providers.simulator import words
from checkie.providers.simulator.bank import Bank
from checkie.providers.simulator.exchange import LARGEST_BODY, Reply, Request, error_reply
from checkie.providers.simulator.pages import Pages
from checkie.providers.simulator.problem import Problem

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

_log = logging.getLogger("checkie.simulator")
_CORS: Final = (("access-control-allow-origin", "*"),)
_PREFLIGHT: Final = Reply(
    204,
    headers=(
        *_CORS,
        ("access-control-allow-methods", "GET, POST"),
        ("access-control-allow-headers", "content-type, accept"),
        ("access-control-max-age", "7200"),
    ),
)


class Caller(Enum):
    """Who may use a route, and how it answers them."""

    SERVER = "server"
    """With the API key; JSON."""
    SCRIPT = "script"
    """Any page's script (CORS); JSON, or a page for people who follow a link."""
    PERSON = "person"
    """Pages, errors too."""


@dataclass(frozen=True, slots=True)
class Route:
    """`call` is the name that faults match; None: no outage strikes it."""

    handle: Callable[[Request], Reply]
    caller: Caller
    call: str | None = None


Routes: TypeAlias = Mapping[str, Mapping[str, Route]]
"""By path, ids written as {id}; then by method."""


@dataclass(frozen=True, slots=True)
class App:
    """The ASGI application."""

    routes: Routes
    files: Mapping[str, Reply]
    bank: Bank
    pages: Pages
    api_key: str
    stopping: asyncio.Event
    """Set when the process is to end: what hangs on purpose hangs no longer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one answer."""
        reply = await self._answer(scope, receive)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
        headers.append((b"content-type", reply.content_type.encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        path: str = scope["path"]
        intent_id = _id_in(path)
        shape = path.replace(intent_id, "{id}", 1) if intent_id else path
        request = Request(scope["method"], path, scope["query_string"], scope["headers"], b"", intent_id)
        if request.method == "GET" and shape in self.files:
            return self._file(shape, request)
        route: Route | None = None
        try:
            route = self._route(shape, request.method)
            if route is None:
                return _PREFLIGHT
            request.body = await _body(receive)
            reply = await self._settled(route, request)
        except Problem as problem:
            reply = self._refused(problem, route, request)
        except Exception as error:  # noqa: BLE001 its text may hold what was typed: only its place is logged
            _log.error(json.dumps({"event": "bug", "path": shape, "kind": type(error).__name__, "at": _place(error)}))
            reply = self._refused(_failure(), route, request)
        if route and route.caller is Caller.SCRIPT:
            reply = replace(reply, headers=(*reply.headers, *_CORS))
        return reply

    def _route(self, shape: str, method: str) -> Route | None:
        """The route; None for a preflight request of one that scripts may call."""
        by_method = self.routes.get(shape)
        if by_method is None:
            raise Problem(404, "path_not_found", "There is nothing at this address.")
        if method in by_method:
            return by_method[method]
        if method == "OPTIONS" and any(route.caller is Caller.SCRIPT for route in by_method.values()):
            return None
        raise Problem(405, "method_not_allowed", "This address does not take this method.")

    async def _settled(self, route: Route, request: Request) -> Reply:
        """The handler's answer, once all that it wrote is in the file."""
        if route.caller is Caller.SERVER and not self._is_authorized(request):
            raise Problem(401, "api_key_invalid", "Authorization is Bearer and the API key of the simulator.")
        try:
            if route.call and self.bank.store.rules:
                self.bank.check_outage(_facts(route.call, request))
            reply = route.handle(request)
        finally:
            await self.bank.store.batches.settled()
        if reply.trouble.hang_s:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), reply.trouble.hang_s)
        if reply.trouble.fails:
            raise _failure()
        return reply

    def _is_authorized(self, request: Request) -> bool:
        given = request.header(b"authorization").encode()
        return secrets.compare_digest(given, b"Bearer " + self.api_key.encode())

    def _refused(self, problem: Problem, route: Route | None, request: Request) -> Reply:
        for_person = request.wants_html() if route is None else route.caller is Caller.PERSON
        if for_person or (route and route.caller is Caller.SCRIPT and request.wants_html()):
            return self.pages.error(problem.status, words.locale_of(request.header(b"accept-language")))
        return error_reply(problem)

    def _file(self, path: str, request: Request) -> Reply:
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
    while message.get("more_body") and len(body) <= LARGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
    if len(body) > LARGEST_BODY:
        raise Problem(413, "body_too_large", f"A body has at most {LARGEST_BODY} bytes.")
    return body


def _facts(call: str, request: Request) -> dict[str, Any]:
    key = request.header(b"idempotency-key") or request.query().get("key")
    return {"call": call, "intent": request.intent_id or None, "attempt": key}


def _failure() -> Problem:
    return Problem(500, "internal_error", "Something went wrong here; look before you try again.")


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
