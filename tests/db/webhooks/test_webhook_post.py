"""Posting over real connections, which are kept and replaced; and what counts as no response."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import pytest
import uvloop

from checkie.webhooks import Guard, Poster, connect
from checkie.webhooks.model import NoResponse, Response
from tests.db.webhooks.receiver import Receiver, receiving

LOOPBACK = [ip_network("127.0.0.0/8")]


async def post(poster: Poster, url: str) -> Response | NoResponse:
    return await poster.post(url, {"webhook-id": "evt_1"}, b"{}")


class TestConnections:
    async def test_are_kept_and_used_again(self, poster: Poster, receiver: Receiver) -> None:
        for _ in range(5):
            assert await post(poster, receiver.url) == Response(200, '{"ok": true}')
        assert [got.connection for got in receiver.received] == [1] * 5

    async def test_that_the_receiver_closed_are_replaced(self, poster: Poster, receiver: Receiver) -> None:
        await post(poster, receiver.url)
        receiver.hang_up()
        assert await post(poster, receiver.url) == Response(200, '{"ok": true}')
        assert receiver.connections == 2

    async def test_that_end_instead_of_a_response_are_replaced_once(self, poster: Poster, receiver: Receiver) -> None:
        await post(poster, receiver.url)
        receiver.answers[:] = [b""]
        assert isinstance(await post(poster, receiver.url), NoResponse)
        assert len(receiver.received) == 3

    async def test_are_not_used_again_after_a_response_that_was_cut(self, poster: Poster, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("200 OK", b"x" * 10_000_000)
        for _ in range(2):
            assert await post(poster, receiver.url) == Response(200, "x" * 2048)
        assert receiver.connections == 2

    async def test_are_not_used_again_after_two_responses_to_one_request(
        self, poster: Poster, receiver: Receiver
    ) -> None:
        receiver.answers.insert(0, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 Smuggled\r\n\r\n")
        assert await post(poster, receiver.url) == Response(200, "")
        assert await post(poster, receiver.url) == Response(200, '{"ok": true}')
        assert receiver.connections == 2

    async def test_are_not_used_again_after_a_response_to_no_request(self, poster: Poster, receiver: Receiver) -> None:
        await post(poster, receiver.url)
        receiver.send(b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(0.05)
        assert await post(poster, receiver.url) == Response(200, '{"ok": true}')
        assert receiver.connections == 2

    async def test_are_replaced_when_they_are_old(
        self, poster: Poster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connect, "MAX_AGE_S", 0.1)
        await asyncio.gather(*(post(poster, receiver.url) for _ in range(3)))
        await asyncio.sleep(0.15)
        assert await post(poster, receiver.url) == Response(200, '{"ok": true}')
        assert receiver.connections == 4

    async def test_are_as_many_as_concurrent_posts(self, poster: Poster, receiver: Receiver) -> None:
        answers = await asyncio.gather(*(post(poster, receiver.url) for _ in range(20)))
        assert answers == [Response(200, '{"ok": true}')] * 20
        assert receiver.connections == 20
        await asyncio.gather(*(post(poster, receiver.url) for _ in range(8)))
        assert receiver.connections == 20

    def test_work_the_same_under_uvloop(self) -> None:
        async def exchange() -> tuple[list[Response | NoResponse], int]:
            poster = Poster(Guard([*LOOPBACK, ip_network("::1/128")]))
            async with receiving() as receiver:
                receiver.answer("200 OK", b"yes")
                url = receiver.url.replace("127.0.0.1", "localhost")
                answers = [await post(poster, url) for _ in range(3)]
                await poster.aclose()
                return answers, receiver.connections

        with ThreadPoolExecutor(1) as thread:  # beside the loop of the tests
            assert thread.submit(uvloop.run, exchange()).result(10) == ([Response(200, "yes")] * 3, 1)


class TestNoResponse:
    async def test_is_the_result_of_a_slow_receiver(self, poster: Poster, receiver: Receiver) -> None:
        receiver.answers[:] = [None]
        poster.timeout_s = 0.05
        assert await post(poster, receiver.url) == NoResponse("no response in time")

    @pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx", b"HTTP/1.1 200 OK\r\n"])
    async def test_is_the_result_of_a_receiver_that_sends_byte_by_byte(
        self, poster: Poster, receiver: Receiver, sent: bytes
    ) -> None:
        receiver.answers[:] = [sent]
        receiver.drip = b"X"
        poster.timeout_s = 0.2
        assert await post(poster, receiver.url) == NoResponse("no response in time")

    async def test_is_the_result_of_a_closed_port(self, poster: Poster) -> None:
        async with receiving() as gone:
            url = gone.url
        answer = await post(poster, url)
        assert isinstance(answer, NoResponse)
        assert answer.reason.startswith("ConnectionRefusedError: ")

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("ftp://shop.example/", "The URL must be a valid http or https"),
            ("http://169.254.169.254/latest/meta-data/", "address refused: link-local or metadata"),
            ("http://[::ffff:127.0.0.1]/", "address refused: IPv4-mapped"),
            ("http://127.1/", "the URL cannot be called"),
            ("http://2130706433/", "the URL cannot be called"),
            ("http://127.0.0.1./", "the URL cannot be called"),
            (f"https://{'a' * 70}.example/", "the name cannot be resolved: Misformatted domain name"),
        ],
    )
    async def test_is_the_result_of_an_address_that_may_not_or_cannot_be_called(
        self, poster: Poster, url: str, why: str
    ) -> None:
        answer = await post(poster, url)
        assert isinstance(answer, NoResponse)
        assert answer.reason.startswith(why)
