"""The little HTTP that posting needs: whole, cut short, in pieces, hostile."""

from __future__ import annotations

import pytest

from checkie.webhooks.guard import Target
from checkie.webhooks.http1 import KEPT_BYTES, NotHttp, Response, request, response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n"


def test_a_request_names_host_length_and_headers() -> None:
    raw = request(Target("https", "shop.example", 8443, "/a?b=c"), {"webhook-id": "evt_1"}, b"{}")
    lines = ["POST /a?b=c HTTP/1.1", "Host: shop.example:8443", "Content-Length: 2", "webhook-id: evt_1", "", "{}"]
    assert raw == "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (OK, Response(200, b"ok", None, reusable=True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Response(204, b"", None, reusable=True)),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Response(200, b"", None, reusable=True)),
        (OK + b"HTTP/1.1 200 OK", Response(200, b"ok", None, reusable=False)),
        (OK.replace(b"OK\r\n", b"OK\r\nConnection: Close\r\n"), Response(200, b"ok", None, reusable=False)),
        (OK.replace(b"/1.1", b"/1.0"), Response(200, b"ok", None, reusable=False)),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK,
            Response(200, b"ok", None, reusable=True),
        ),
        (CHUNKED, Response(200, b"abcde", None, reusable=True)),
        (CHUNKED[:-2] + b"Trailer: x\r\n\r\n", Response(200, b"abcde", None, reusable=False)),
        (
            b"HTTP/1.1 503 Busy\r\nretry-after:  7 \r\nContent-Length: 0\r\n\r\n",
            Response(503, b"", "7", reusable=True),
        ),
    ],
)
def test_a_whole_response_is_read(raw: bytes, expected: Response) -> None:
    assert response(raw, ended=False) == expected


@pytest.mark.parametrize("raw", [OK, CHUNKED], ids=["length", "chunked"])
def test_every_beginning_of_a_response_waits_for_more(raw: bytes) -> None:
    for end in range(len(raw)):
        assert response(raw[:end], ended=False) is None


def test_a_body_without_length_lasts_until_the_end() -> None:
    raw = b"HTTP/1.1 500 Oops\r\n\r\nbroken"
    assert response(raw, ended=False) is None
    assert response(raw, ended=True) == Response(500, b"broken", None, reusable=False)


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 999999999", b"Transfer-Encoding: chunked", b"X: y"],
    ids=["length", "chunked", "endless"],
)
def test_no_more_than_2_kb_of_a_body_are_waited_for(head: bytes) -> None:
    start = b"F4240\r\n" if b"chunked" in head else b""
    raw = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + start + b"x" * (KEPT_BYTES + 500)
    assert response(raw, ended=False) == Response(200, b"x" * KEPT_BYTES, None, reusable=False)


def test_a_body_that_was_cut_short_is_kept_as_far_as_it_came() -> None:
    assert response(OK[:-1], ended=True) == Response(200, b"o", None, reusable=False)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\n\r\n",
        b"HTTP/1.1 2x0 Odd\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
def test_what_is_no_http_is_refused(raw: bytes) -> None:
    with pytest.raises(NotHttp):
        response(raw, ended=True)


@pytest.mark.parametrize(
    "raw",
    [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000, b"HTTP/1.1 100 Continue\r\n\r\n" * 2000],
    ids=["endless head", "endless hints"],
)
def test_a_head_without_end_is_refused(raw: bytes) -> None:
    with pytest.raises(NotHttp):
        response(raw, ended=False)


def test_tiny_chunks_without_end_are_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    cut = response(head + (b"1;" + b"x" * 100 + b"\r\na\r\n") * 700, ended=False)
    assert cut is not None
    assert not cut.reusable
