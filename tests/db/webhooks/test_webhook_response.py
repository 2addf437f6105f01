"""What is sent to a merchant's server, and what it may answer: complete, in pieces, truncated, endless, hostile."""

from __future__ import annotations

import pytest

from checkie.webhooks import Poster
from checkie.webhooks.model import NoResponse, Response
from tests.db.webhooks.receiver import Receiver

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NOT_HTTP = NoResponse("the response is not valid HTTP/1.x")


async def post(poster: Poster, url: str) -> Response | NoResponse:
    return await poster.post(url, {"webhook-id": "evt_1"}, b"{}")


class TestAResponse:
    @pytest.mark.parametrize(
        ("raw", "answer", "is_kept"),
        [
            (OK, Response(200, "ok"), True),
            (b"HTTP/1.1 204 No Content\r\n\r\n", Response(204, ""), True),
            (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Response(200, ""), True),
            (OK.replace(b"OK\r\n", b"OK\r\nConnection: Close\r\n"), Response(200, "ok"), False),
            (OK.replace(b"/1.1", b"/1.0"), Response(200, "ok"), False),
            (OK.replace(b"OK\r\n", b"OK\r\nretry-after:  7 \r\n"), Response(200, "ok", "7"), True),
            (OK.replace(b"OK\r\n", b"OK\r\nContent-Encoding: gzip\r\n"), Response(200, "ok"), True),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK, Response(200, "ok"), True),
            (CHUNKED + b"2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n", Response(200, "abcde"), True),
            (b"HTTP/1.1 101 Up\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Response(101, ""), False),
        ],
    )
    async def test_is_read_and_the_connection_kept_if_it_may_be(
        self, poster: Poster, receiver: Receiver, raw: bytes, answer: Response, is_kept: bool
    ) -> None:
        receiver.answers[:] = [raw]
        for _ in range(2):
            assert await post(poster, receiver.url) == answer
        assert receiver.connections == (1 if is_kept else 2)

    @pytest.mark.parametrize(
        ("raw", "body"),
        [(OK[:-1], ""), (b"HTTP/1.1 200 OK\r\n\r\nbroken", "broken")],
        ids=["cut short", "without length"],
    )
    async def test_whose_body_breaks_off_still_has_its_status(
        self, poster: Poster, receiver: Receiver, raw: bytes, body: str
    ) -> None:
        receiver.answers[:] = [raw]
        receiver.hangs_up = True
        answer = await post(poster, receiver.url)
        assert isinstance(answer, Response)
        assert answer.status == 200
        assert body in answer.body

    @pytest.mark.parametrize(
        "head",
        [b"Content-Length: 999999999", b"Transfer-Encoding: chunked", b"X: y"],
        ids=["length", "chunked", "endless"],
    )
    async def test_is_read_no_further_than_2_kb(self, poster: Poster, receiver: Receiver, head: bytes) -> None:
        start = b"F4240\r\n" if b"chunked" in head else b""
        receiver.answers[:] = [b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + start + b"x" * 3000]
        for _ in range(2):
            assert await post(poster, receiver.url) == Response(200, "x" * 2048)
        assert receiver.connections == 2

    async def test_may_come_in_any_pieces(self, poster: Poster, receiver: Receiver) -> None:
        receiver.answers[:] = [OK[:1]]
        receiver.drip = OK[1:]
        receiver.drip_size = 1
        assert await post(poster, receiver.url) == Response(200, "ok")

    @pytest.mark.parametrize(
        "raw",
        [
            b"220 mail.example ESMTP\r\n\r\n",
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"HTTP/1.1 2x0 Odd\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
            CHUNKED + b"-5\r\nabcde\r\n",
            CHUNKED + b"xyz\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000,
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
        ],
    )
    async def test_that_is_not_http_is_none(self, poster: Poster, receiver: Receiver, raw: bytes) -> None:
        receiver.answers[:] = [raw]
        assert await post(poster, receiver.url) == NOT_HTTP

    @pytest.mark.parametrize(
        ("start", "endless", "is_answered"),
        [
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, False),
            (CHUNKED + b"1;", b"x" * 25_000, True),
            (CHUNKED, (b"1;" + b"x" * 100 + b"\r\na\r\n") * 200, True),
            (CHUNKED + b"0\r\n", b"X: y\r\n" * 4000, False),
        ],
        ids=["interim responses", "chunk extension", "tiny chunks", "trailers"],
    )
    async def test_without_end_is_aborted_before_the_deadline(
        self, poster: Poster, receiver: Receiver, start: bytes, endless: bytes, is_answered: bool
    ) -> None:
        receiver.answers[:] = [start + endless]
        receiver.drip, receiver.drip_size = endless * 100, len(endless)
        answer = await post(poster, receiver.url)
        assert isinstance(answer, Response) is is_answered
        assert answer != NoResponse("no response in time")

    async def test_that_sets_a_cookie_gets_none_back(self, poster: Poster, receiver: Receiver) -> None:
        receiver.answers[:] = [OK.replace(b"OK\r\n", b"OK\r\nSet-Cookie: a=b\r\n")]
        for _ in range(2):
            await post(poster, receiver.url)
        assert "cookie" not in receiver.received[1].headers


async def test_a_request_carries_our_headers_and_no_others(poster: Poster, receiver: Receiver) -> None:
    headers = {"webhook-id": "evt_1", "Content-Type": "application/json", "User-Agent": "Checkie/1 (webhooks)"}
    await poster.post(receiver.url, headers, b"{}")
    (got,) = receiver.received
    assert got.first == "POST /hook?a=b HTTP/1.1"
    assert got.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-length": "2",
        **{name.lower(): value for name, value in headers.items()},
    }


async def test_a_proxy_in_the_environment_is_ignored(
    poster: Poster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert isinstance(await post(poster, receiver.url), Response)
