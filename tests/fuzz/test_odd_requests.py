"""Requests as no client library sends them: bytes on a socket. Each gets a 4xx that says why, or is accepted."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.stack import Stack

WAIT_S = 10.0
JSON = (b"content-type: application/json",)
LARGER = b"ses_01m7ynrvaxh3jt000000v1kse2"
LARGEST = b"ses_01m7ynrvhah3kbzzzzzzy1gq42"
"""Well-formed ids of stores 2**31 and 2**32 - 1, which no row can hold."""
NOBODY = b"ses_01m7ynrvnph3kr000000t7tnr5"
"""Of store 0."""
NO_BODY = ""
"""Answered by the HTTP server before there is a request: a status, nothing else."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"]) if self.body else NO_BODY


class Wire:
    """A socket to the API, and a session there."""

    def __init__(self, base_url: str) -> None:
        url = httpx.URL(base_url)
        self.address = (url.host, url.port)
        session = httpx.get(f"{base_url}/api/widget/pages/demo/field-notes").json()["session"]
        self.path = f"/api/widget/sessions/{session['id']}".encode()
        self.id = session["id"]
        self.secret = (f"authorization: Bearer {session['client_secret']}".encode(),)

    def send(self, method: bytes, path: bytes, headers: tuple[bytes, ...] = (), body: bytes = b"") -> Answer:
        lines = [method + b" " + path + b" HTTP/1.1", b"host: x", b"connection: close"]
        length = (b"content-length: %d" % len(body),)
        return self.raw(b"\r\n".join([*lines, *length, *headers, b"", body]))

    def raw(self, request: bytes) -> Answer:
        with socket.create_connection(self.address, WAIT_S) as connection:
            connection.sendall(request)
            got = b""
            while chunk := connection.recv(65_536):
                got += chunk
        head, _, body = got.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return Answer(int(status.split()[1]), headers, body)


@pytest.fixture
def wire(demo: tuple[Stack, dict[str, Any]]) -> Wire:
    return Wire(demo[1]["base_url"])


def change(body: str | bytes) -> bytes:
    return body if isinstance(body, bytes) else body.encode()


class TestABody:
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ("", 422, "invalid_request"),
            ("{", 400, "malformed_json"),
            ("null", 422, "invalid_request"),
            ("[]", 422, "invalid_request"),
            ('"text"', 422, "invalid_request"),
            (r'{"email": "\ud800"}', 422, "invalid_request"),
            (r'{"\ud800": 1}', 422, "invalid_request"),
            (r'{"email": "a\u0000@example.com"}', 422, "email_invalid"),
            ('{"quantity": ' + "9" * 400 + "}", 422, "quantity_out_of_range"),
            ('{"quantity": ' + "9" * 5000 + "}", 400, "malformed_json"),
            ('{"quantity": 1e400}', 422, "invalid_request"),
            ('{"quantity": NaN}', 422, "invalid_request"),
            ('{"quantity": true}', 422, "invalid_request"),
            ('{"amount": {"amount": 1, "currency": "\\ud800ab"}}', 422, "invalid_request"),
            ("[" * 100_000, 400, "malformed_json"),
            ('{"a": ' * 5000 + "1" + "}" * 5000, 400, "malformed_json"),
            ("{" + f'"{"k" * 100_000}": 1' + "}", 422, "invalid_request"),
            (b"\xff\xfe\xfd", 400, "malformed_json"),
            (b'{"email": "\xff@example.com"}', 400, "malformed_json"),
            (b'{"email": "' + b"a" * 300_000 + b'"}', 413, "body_too_large"),
        ],
    )
    def test_that_is_invalid_is_refused(self, wire: Wire, body: str | bytes, status: int, code: str) -> None:
        answer = wire.send(b"PATCH", wire.path, (*wire.secret, *JSON), change(body))
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.body) < 1000

    @pytest.mark.parametrize(
        ("body", "quantity"),
        [
            ('{"quantity": 3, "quantity": 2}', 2),
            ('{"quantity": 4}'.encode("utf-16"), 4),
            (b'\xef\xbb\xbf{"quantity": 5}', 5),
        ],
        ids=["twice", "utf-16", "byte order mark"],
    )
    def test_that_is_unusual_but_valid_is_accepted(self, wire: Wire, body: str | bytes, quantity: int) -> None:
        answer = wire.send(b"PATCH", wire.path, (*wire.secret, *JSON), change(body))
        assert (answer.status, json.loads(answer.body)["quantity"]) == (200, quantity)

    @pytest.mark.parametrize(
        "kind",
        [
            b"text/plain",
            b"application/x-www-form-urlencoded",
            b"multipart/form-data; boundary=x",
            b"\xff",
            b";;",
            b"",
        ],
    )
    def test_of_another_kind_is_refused(self, wire: Wire, kind: bytes) -> None:
        answer = wire.send(b"PATCH", wire.path, (*wire.secret, b"content-type: " + kind), b'{"quantity": 2}')
        assert (answer.status, answer.code) == (415, "content_type_unsupported")

    def test_that_is_a_webhook_may_not_be_large_either(self, wire: Wire) -> None:
        answer = wire.send(b"POST", b"/api/webhooks/simulator", JSON, b" " * 300_000)
        assert (answer.status, answer.code) == (413, "body_too_large")

    def test_that_is_cut_off_is_refused(self, wire: Wire) -> None:
        head = b"POST /api/widget/checkout HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n"
        answer = wire.raw(head + wire.secret[0] + b"\r\n\r\nnot a length\r\n")
        assert (answer.status, answer.code) == (400, "malformed_json")


class TestAHeader:
    @pytest.mark.parametrize("key", [b"", b'""', b'"', b'"a', b"\xff", b"a" * 256, b"a\tb"])
    def test_that_is_not_an_idempotency_key_is_refused(self, wire: Wire, key: bytes) -> None:
        body = json.dumps({"session_id": wire.id}).encode()
        answer = wire.send(b"POST", b"/api/widget/checkout", (*wire.secret, *JSON, b"idempotency-key: " + key), body)
        assert (answer.status, answer.code) == (422, "idempotency_key_invalid")

    @pytest.mark.parametrize("version", [b"2", b'"2"', b'W/"1"', b"-1", b"99999999999", b"\xb2", b'"1", "2"', b""])
    def test_that_names_another_version_is_refused(self, wire: Wire, version: bytes) -> None:
        answer = wire.send(b"PATCH", wire.path, (*wire.secret, *JSON, b"if-match: " + version), b'{"quantity": 2}')
        assert (answer.status, answer.code) == (412, "session_version_mismatch")

    @pytest.mark.parametrize("version", [b"1", b'"1"', b"*", b" 1 "])
    def test_that_names_this_version_is_taken(self, wire: Wire, version: bytes) -> None:
        answer = wire.send(b"PATCH", wire.path, (*wire.secret, *JSON, b"if-match: " + version), b'{"quantity": 2}')
        assert answer.status == 200

    @pytest.mark.parametrize(
        "token", [b"Bearer \xff\xfe", b"Bearer", b"Bearer " + b"x" * 60_000, b"Basic eDp5", b"\xff"]
    )
    def test_that_is_not_a_secret_is_refused(self, wire: Wire, token: bytes) -> None:
        answer = wire.send(b"GET", wire.path, (b"authorization: " + token,))
        assert (answer.status, answer.code) == (401, "session_secret_invalid")
        assert answer.headers["www-authenticate"] == "bearer"

    @pytest.mark.parametrize("header", [b"user-agent: \xed\xa0\x80", b"referer: \xff\xfe", b"x-forwarded-for: \x80"])
    def test_with_invalid_bytes_about_the_visitor_is_accepted(self, wire: Wire, header: bytes) -> None:
        assert wire.send(b"GET", b"/api/widget/pages/demo/field-notes", (header,)).status == 200

    @pytest.mark.parametrize("given", [b"short", b"a" * 65, b"a b c d e f", b"\xff" * 10, b"<script>alert</script>"])
    def test_that_is_not_a_request_id_is_replaced(self, wire: Wire, given: bytes) -> None:
        answer = wire.send(b"GET", b"/health/live", (b"x-request-id: " + given,))
        assert re.fullmatch("req_[0-9a-f]{24}", answer.headers["x-request-id"])


class TestAnAddress:
    @pytest.mark.parametrize(("method", "rest"), [(b"GET", b""), (b"GET", b"/status"), (b"POST", b"/initiate-payment")])
    @pytest.mark.parametrize("session", [LARGER, LARGEST, NOBODY])
    def test_of_an_impossible_store_is_not_found(self, wire: Wire, session: bytes, method: bytes, rest: bytes) -> None:
        answer = wire.send(method, b"/api/widget/sessions/" + session + rest, wire.secret)
        assert (answer.status, answer.code) == (404, "session_not_found")

    @pytest.mark.parametrize(
        "path",
        [
            b"/api/widget/sessions/%00",
            b"/api/widget/sessions/%ff%fe",
            b"/api/widget/sessions/..%2f..%2fx",
            b"/api/widget/sessions/ses_00000000000000000000000000",
            b"/api/widget/pages/demo/%00",
            b"/api/widget/pages/demo/%ed%a0%80",
            b"//api/docs",
            b"/api",
            b"*",
        ],
    )
    def test_without_a_route_is_not_found(self, wire: Wire, path: bytes) -> None:
        answer = wire.send(b"GET", path, wire.secret)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")

    @pytest.mark.parametrize("provider", [b"paypal", b"%00", b"SIMULATOR", b"x" * 2000])
    def test_of_a_provider_that_is_not_configured_is_refused(self, wire: Wire, provider: bytes) -> None:
        answer = wire.send(b"POST", b"/api/webhooks/" + provider, JSON, b"{}")
        assert (answer.status, answer.code) == (409, "provider_not_configured")

    @pytest.mark.parametrize("query", [b"utm_a%00b=1", b"utm_source=%00", b"utm_%ed%a0%80=%ff", b"utm_=" + b"x" * 5000])
    def test_may_name_any_campaign(self, wire: Wire, query: bytes) -> None:
        assert wire.send(b"GET", b"/api/widget/pages/demo/field-notes?" + query).status == 200

    @pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"QUERY", b"WHATEVER"])
    def test_names_the_methods_that_it_takes(self, wire: Wire, method: bytes) -> None:
        answer = wire.send(method, wire.path)
        assert (answer.status, answer.code, answer.headers["allow"]) == (405, "method_not_allowed", "get, patch")

    def test_does_not_count_made_up_methods(self, wire: Wire) -> None:
        wire.send(b"GARGOYLE", wire.path)
        assert b"GARGOYLE" not in wire.send(b"GET", b"/metrics").body

    @pytest.mark.parametrize(
        "request_line",
        [b"garbage\r\n\r\n", b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\na: b\x01c\r\n\r\n"],
        ids=["garbage", "endless", "control character"],
    )
    def test_that_is_malformed_is_refused_by_the_server(self, wire: Wire, request_line: bytes) -> None:
        answer = wire.raw(request_line)
        assert (answer.status // 100, answer.code) == (4, NO_BODY)
