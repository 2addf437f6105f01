"""As much of HTTP/1.1 (RFC 9112) as a webhook needs: write one request, read the start of one response. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from checkie.webhooks.guard import Target

KEPT_BYTES: Final = 2048
"""How much of a response's body is kept; no more than that is waited for."""
_LONGEST_HEAD: Final = 32_768
_LONGEST_RAW: Final = 65_536
_INTERIM: Final = re.compile(rb"HTTP/1\.1 1\d\d")
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{1,15}")
_BODILESS: Final = (204, 304)


class NotHttp(ValueError):
    """What came is no HTTP/1.x response, or one that makes no end of its head."""


@dataclass(frozen=True, slots=True)
class Response:
    """The start of a response. `reusable`: it was read to its end and the connection may carry another request."""

    status: int
    body: bytes
    retry_after: str | None
    reusable: bool


def request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST, ready to be written."""
    lines = [f"POST {target.path} HTTP/1.1", f"Host: {target.host_header}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "\r\n"]).encode("ascii") + body


def response(raw: bytes, *, ended: bool) -> Response | None:
    """What `raw` says; None when more bytes are needed. `ended`: none will come. Raises NotHttp."""
    head, gap, rest = raw.partition(b"\r\n\r\n")
    while gap and _INTERIM.match(head):
        head, gap, rest = rest.partition(b"\r\n\r\n")
    if not gap:
        if ended or len(raw) > _LONGEST_HEAD:
            raise NotHttp("no HTTP response" if raw else "the connection ended before an answer")
        return None
    status, version, headers = _head(head)
    body, whole, left = _body(status, headers, rest, ended=ended)
    if not whole and not ended and len(body) < KEPT_BYTES and len(raw) < _LONGEST_RAW:
        return None
    closing = b"close" in headers.get(b"connection", b"").lower() or version == b"HTTP/1.0"
    retry_after = headers.get(b"retry-after")
    return Response(
        status,
        body[:KEPT_BYTES],
        retry_after.decode("latin-1") if retry_after else None,
        reusable=whole and not left and not closing and not ended,
    )


def _head(head: bytes) -> tuple[int, bytes, dict[bytes, bytes]]:
    first, *lines = head.split(b"\r\n")
    version, _, rest = first.partition(b" ")
    code = rest[:3]
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or not code.isdigit() or not b"100" <= code <= b"599":
        raise NotHttp("no HTTP/1.x response")
    fields = (line.partition(b":") for line in lines)
    return int(code), version, {name.strip().lower(): value.strip() for name, _, value in fields}


def _body(status: int, headers: Mapping[bytes, bytes], rest: bytes, *, ended: bool) -> tuple[bytes, bool, bytes]:
    """The body as far as it came, whether that is all of it, and what came after it."""
    if status in _BODILESS:
        return b"", True, rest
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        return _chunks(rest)
    length = headers.get(b"content-length")
    if length is None:
        return rest, ended, b""
    if not length.isdigit() or len(length) > 18:
        raise NotHttp("unreadable Content-Length")
    size = int(length)
    return rest[:size], len(rest) >= size, rest[size:]


def _chunks(rest: bytes) -> tuple[bytes, bool, bytes]:
    """RFC 9112 7.1. Trailers are not waited for: a response that has some is whole, and its connection used up."""
    body = b""
    while len(body) < KEPT_BYTES:
        line, gap, rest = rest.partition(b"\r\n")
        if not gap:
            return body, False, b""
        digits = line.partition(b";")[0].strip()
        if not _HEX.fullmatch(digits):
            raise NotHttp("unreadable chunk")
        size = int(digits, 16)
        if size == 0:
            return body, rest.endswith(b"\r\n"), rest[2:]
        body += rest[:size]
        rest = rest[size + 2 :]
    return body, False, b""
