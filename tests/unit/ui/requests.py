"""Requests for tests of what reads their headers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request


def request(headers: Mapping[str, str] | None = None, path: str = "/") -> Request:
    """A GET request with these headers."""
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": "GET", "path": path, "headers": raw, "query_string": b"", "request_id": "req_1"}
    return Request(scope)
