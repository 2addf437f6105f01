"""Posting over real connections: kept, limited, pinned, secured."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from checkie.webhooks import Guard, Poster
from checkie.webhooks.model import Answered, NoAnswer
from tests.db.webhooks.receiver import Receiver, receiving

LOOPBACK = [ip_network("127.0.0.0/8")]


async def post(poster: Poster, url: str) -> Answered | NoAnswer:
    return await poster.post(url, {"webhook-id": "evt_1"}, b"{}")


class TestConnections:
    async def test_are_kept_and_used_again(self, poster: Poster, receiver: Receiver) -> None:
        for _ in range(5):
            assert await post(poster, receiver.url) == Answered(200, '{"ok": true}')
        assert [got.connection for got in receiver.received] == [1] * 5

    async def test_that_the_receiver_closed_are_replaced(self, poster: Poster, receiver: Receiver) -> None:
        await post(poster, receiver.url)
        receiver.hang_up()
        assert await post(poster, receiver.url) == Answered(200, '{"ok": true}')
        assert receiver.connections == 2

    async def test_that_end_instead_of_an_answer_are_tried_anew_once(self, poster: Poster, receiver: Receiver) -> None:
        await post(poster, receiver.url)
        receiver.answers[:] = [b""]
        assert isinstance(await post(poster, receiver.url), NoAnswer)
        assert len(receiver.received) == 3

    async def test_are_not_used_again_after_an_answer_that_was_cut(self, poster: Poster, receiver: Receiver) -> None:
        receiver.answers[:] = []
        receiver.answer("200 OK", b"x" * 10_000_000)
        for _ in range(2):
            assert await post(poster, receiver.url) == Answered(200, "x" * 2048)
        assert receiver.connections == 2

    async def test_are_not_used_again_after_bytes_that_nobody_asked_for(
        self, poster: Poster, receiver: Receiver
    ) -> None:
        receiver.answers.insert(0, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 Smuggled\r\n\r\n")
        assert await post(poster, receiver.url) == Answered(200, "")
        assert await post(poster, receiver.url) == Answered(200, '{"ok": true}')
        assert receiver.connections == 2

    async def test_are_as_many_as_posts_at_once(self, poster: Poster, receiver: Receiver) -> None:
        answers = await asyncio.gather(*(post(poster, receiver.url) for _ in range(20)))
        assert answers == [Answered(200, '{"ok": true}')] * 20
        assert receiver.connections == 20
        await asyncio.gather(*(post(poster, receiver.url) for _ in range(8)))
        assert receiver.connections == 20

    def test_work_the_same_under_uvloop(self) -> None:
        async def exchange() -> tuple[list[Answered | NoAnswer], int]:
            poster = Poster(Guard(LOOPBACK))
            async with receiving() as receiver:
                receiver.answer("200 OK", b"yes")
                answers = [await post(poster, receiver.url) for _ in range(3)]
                await poster.aclose()
                return answers, receiver.connections

        with ThreadPoolExecutor(1) as thread:  # beside the loop of the tests
            assert thread.submit(uvloop.run, exchange()).result(10) == ([Answered(200, "yes")] * 3, 1)


class TestNoAnswer:
    async def test_comes_of_a_receiver_that_is_slow(self, poster: Poster, receiver: Receiver) -> None:
        receiver.answers[:] = [None]
        poster.timeout_s = 0.05
        assert await post(poster, receiver.url) == NoAnswer("no answer in time")

    async def test_comes_of_a_receiver_that_drips(self, poster: Poster, receiver: Receiver) -> None:
        receiver.answers[:] = [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"]
        poster.timeout_s = 0.05
        assert await post(poster, receiver.url) == NoAnswer("no answer in time")

    async def test_comes_of_a_closed_port(self, poster: Poster) -> None:
        async with receiving() as gone:
            url = gone.url
        answer = await post(poster, url)
        assert isinstance(answer, NoAnswer)
        assert answer.why.startswith("ConnectionRefusedError: ")

    async def test_comes_of_what_is_no_http(self, poster: Poster, receiver: Receiver) -> None:
        receiver.answers[:] = [b"220 mail.example ESMTP\r\n\r\n"]
        assert await post(poster, receiver.url) == NoAnswer("no HTTP/1.x response")

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("ftp://shop.example/", "The URL is not an http or https"),
            ("http://169.254.169.254/latest/meta-data/", "address refused: link-local or metadata"),
            (f"https://{'a' * 70}.example/", ""),
        ],
    )
    async def test_comes_of_an_address_that_may_not_or_cannot_be_called(
        self, poster: Poster, url: str, why: str
    ) -> None:
        answer = await post(poster, url)
        assert isinstance(answer, NoAnswer)
        assert answer.why.startswith(why)


class Names:
    """A resolver whose answer changes after the first question, as in DNS rebinding."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        return self.answers.pop(0)


class TestAName:
    async def test_is_pinned_to_the_address_that_was_judged(self, receiver: Receiver) -> None:
        poster = Poster(Guard(LOOPBACK, Names(["127.0.0.1"])))
        url = f"http://shop.example:{receiver.port}/"
        for _ in range(2):
            assert isinstance(await post(poster, url), Answered)
        assert {got.headers["host"] for got in receiver.received} == {f"shop.example:{receiver.port}"}
        await poster.aclose()

    async def test_that_rebinds_to_a_private_address_is_not_called(self, receiver: Receiver) -> None:
        poster = Poster(Guard([ip_network("127.0.0.1/32")], Names(["127.0.0.1"], ["127.0.0.2"])))
        url = f"http://shop.example:{receiver.port}/"
        await post(poster, url)
        receiver.hang_up()
        assert await post(poster, url) == NoAnswer("address refused: loopback")
        await poster.aclose()

    async def test_with_a_dead_address_is_called_at_its_next(self, receiver: Receiver) -> None:
        poster = Poster(Guard(LOOPBACK, Names(["127.0.0.3", "127.0.0.1"])))
        assert isinstance(await post(poster, f"http://shop.example:{receiver.port}/"), Answered)
        await poster.aclose()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its own certificate for shop.example, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "shop.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
async def secure(certificate: Path) -> AsyncIterator[Receiver]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    async with receiving(context) as receiver:
        receiver.answer("200 OK")
        yield receiver


class TestTls:
    async def test_is_spoken_with_the_hosts_name_at_the_pinned_address(
        self, secure: Receiver, certificate: Path
    ) -> None:
        guard = Guard(LOOPBACK, Names(["127.0.0.1"]))
        poster = Poster(guard, tls=ssl.create_default_context(cafile=str(certificate)))
        for _ in range(2):
            assert await post(poster, f"https://shop.example:{secure.port}/") == Answered(200, "")
        assert secure.connections == 1
        await poster.aclose()

    async def test_refuses_a_certificate_for_another_name(self, secure: Receiver, certificate: Path) -> None:
        guard = Guard(LOOPBACK, Names(["127.0.0.1"]))
        poster = Poster(guard, tls=ssl.create_default_context(cafile=str(certificate)))
        answer = await post(poster, f"https://other.example:{secure.port}/")
        assert isinstance(answer, NoAnswer)
        assert answer.why.startswith("SSLCertVerificationError")

    async def test_refuses_a_certificate_that_nobody_trusts(self, secure: Receiver) -> None:
        poster = Poster(Guard(LOOPBACK, Names(["127.0.0.1"])))
        answer = await post(poster, f"https://shop.example:{secure.port}/")
        assert isinstance(answer, NoAnswer)
        assert answer.why.startswith("SSLCertVerificationError")
        assert not secure.received
