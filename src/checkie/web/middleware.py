"""Around every request: an id, a log line, a measurement, a limit on the body; and `no-store` on what is not public."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from functools import lru_cache
from time import perf_counter
from typing import Final

import structlog
from prometheus_client import Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from checkie.web.body import MAX_BODY_BYTES, BodyTooLarge
from checkie.web.caller import Access
from checkie.web.problems import InternalError, problem

_log = structlog.get_logger()
_GIVEN_ID: Final = re.compile(rb"[A-Za-z0-9_.-]{8,64}")
_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")
_CACHE_CONTROL: Final = b"cache-control"
_NO_STORE: Final = (_CACHE_CONTROL, b"no-store")
_KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET: Final = frozenset({"/health/live", "/health/ready", "/metrics"})
REQUESTS = Histogram(
    "checkie_http_request_seconds",
    "How long requests took",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


class Observed:
    """ASGI middleware: `X-Request-Id` on every answer, JSON log, histogram by route, bodies of 256 KiB at most."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _given_id(scope) or f"req_{secrets.token_hex(12)}"
        scope["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = perf_counter()
        answer = _Answer(scope, request_id, send)
        try:
            await self.app(scope, _limited(receive), answer.send)
        except Exception:
            _log.exception("request_failed", route=_route(scope))  # not the path: a receipt's gives access to it
            if answer.is_started:
                raise
            await problem(Request(scope), InternalError())(scope, receive, answer.send)
        finally:
            _measure(scope, answer.status, perf_counter() - started)


class _Answer:
    """An answer on its way out: with our headers, and its status remembered."""

    __slots__ = ("_request_id", "_scope", "_send", "is_started", "status")

    def __init__(self, scope: Scope, request_id: str, send: Send) -> None:
        self._scope, self._request_id, self._send = scope, request_id, send
        self.status = 500
        self.is_started = False

    async def send(self, message: Message) -> None:
        self.is_started = True
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = _cacheable(message.get("headers", ()), self._scope)
            headers = [*given, (b"x-request-id", self._request_id.encode()), _NO_SNIFF]
            message = {**message, "headers": headers}
        await self._send(message)


def _cacheable(headers: Sequence[tuple[bytes, bytes]], scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers with `no-store`, unless a public route says otherwise."""
    access = getattr(scope.get("route"), "access", None)
    is_public = isinstance(access, Access) and access.is_public
    if is_public and any(name == _CACHE_CONTROL for name, _ in headers):
        return list(headers)
    return [*(header for header in headers if header[0] != _CACHE_CONTROL), _NO_STORE]


def _measure(scope: Scope, status: int, took_s: float) -> None:
    name = _route(scope)
    method = scope["method"] if scope["method"] in _KNOWN_METHODS else "other"  # any word may be sent as a method
    _series(method, name, status).observe(took_s)
    if scope["path"] not in _QUIET:
        _log.info("request", method=scope["method"], route=name, status=status, ms=round(took_s * 1000, 2))


def _route(scope: Scope) -> str:
    path: str = getattr(scope.get("route"), "path", "unmatched")
    return path


@lru_cache(maxsize=1024)
def _series(method: str, route: str, status: int) -> Histogram:
    return REQUESTS.labels(method, route, status)


def _given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
            return str(value, "ascii")
    return None


def _limited(receive: Receive) -> Receive:
    total = 0

    async def receive_limited() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > MAX_BODY_BYTES:
            raise BodyTooLarge
        return message

    return receive_limited
