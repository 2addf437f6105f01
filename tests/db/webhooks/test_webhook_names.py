"""Names of merchants' servers: resolved once a connection, every address checked, TLS for the name."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from checkie.webhooks import Guard, Poster
from checkie.webhooks.model import NoResponse, Response
from checkie.webhooks.resolve import Resolver
from tests.db.webhooks.name_server import NameServer, naming
from tests.db.webhooks.receiver import Receiver, receiving

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with naming(shop=["127.0.0.1"], other=["127.0.0.1"]) as found:
        yield found


@pytest.fixture
async def poster(names: NameServer) -> AsyncIterator[Poster]:
    found = Poster(Guard(LOOPBACK), 5, Resolver([names.address]))
    yield found
    await found.aclose()


async def post(poster: Poster, url: str) -> Response | NoResponse:
    return await poster.post(url, {"webhook-id": "evt_1"}, b"{}")


class TestAName:
    async def test_is_resolved_once_for_a_connection(
        self, poster: Poster, names: NameServer, receiver: Receiver
    ) -> None:
        names.names["shop.example"] = [["127.0.0.1"], ["10.0.0.1"]]
        for _ in range(3):
            assert isinstance(await post(poster, f"http://shop.example:{receiver.port}/"), Response)
        assert names.asked == ["shop.example"]
        assert {got.headers["host"] for got in receiver.received} == {f"shop.example:{receiver.port}"}

    async def test_that_rebinds_to_a_private_address_is_not_called(
        self, poster: Poster, names: NameServer, receiver: Receiver
    ) -> None:
        poster.guard = Guard([ip_network("127.0.0.1/32")])
        names.names["shop.example"] = [["127.0.0.1"], ["127.0.0.2"]]
        url = f"http://shop.example:{receiver.port}/"
        await post(poster, url)
        receiver.hang_up()
        assert await post(poster, url) == NoResponse("address refused: loopback")
        assert len(receiver.received) == 1

    async def test_of_which_one_address_is_private_is_not_called(
        self, poster: Poster, names: NameServer, receiver: Receiver
    ) -> None:
        names.names["shop.example"] = [["127.0.0.1", "10.0.0.1"]]
        answer = await post(poster, f"http://shop.example:{receiver.port}/")
        assert answer == NoResponse("address refused: private")
        assert not receiver.connections

    async def test_of_a_public_address_is_not_called_by_plain_http(self, poster: Poster, names: NameServer) -> None:
        names.names["shop.example"] = [["93.184.216.34"]]
        assert await post(poster, "http://shop.example/") == NoResponse("address refused: https is required")

    async def test_with_a_dead_address_is_called_at_its_next(
        self, poster: Poster, names: NameServer, receiver: Receiver
    ) -> None:
        names.names["shop.example"] = [["127.0.0.3", "127.0.0.1"]]
        assert isinstance(await post(poster, f"http://shop.example:{receiver.port}/"), Response)

    async def test_of_the_hosts_file_can_be_called(self, receiver: Receiver) -> None:
        poster = Poster(Guard([*LOOPBACK, ip_network("::1/128")]), 5)
        assert isinstance(await post(poster, f"http://localhost:{receiver.port}/"), Response)
        await poster.aclose()

    async def test_whose_server_is_silent_delays_no_other(
        self, poster: Poster, names: NameServer, receiver: Receiver
    ) -> None:
        names.silent.add("silent.example")
        waiting = [asyncio.create_task(post(poster, f"https://silent.example/{n}")) for n in range(30)]
        await names.question.wait()
        started = time.monotonic()
        assert isinstance(await post(poster, f"http://shop.example:{receiver.port}/"), Response)
        assert time.monotonic() - started < 0.3
        found = await asyncio.gather(*waiting)
        assert time.monotonic() - started < 2.5
        assert all(isinstance(one, NoResponse) and "name cannot be resolved" in one.reason for one in found)


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


@pytest.fixture
async def trusting(certificate: Path, names: NameServer) -> AsyncIterator[Poster]:
    """A poster that trusts that certificate."""
    context = ssl.create_default_context(cafile=str(certificate))
    found = Poster(Guard(LOOPBACK), 5, Resolver([names.address]), context)
    yield found
    await found.aclose()


class TestTls:
    async def test_is_for_the_name_at_the_checked_address(self, secure: Receiver, trusting: Poster) -> None:
        for _ in range(2):
            assert await post(trusting, f"https://shop.example:{secure.port}/") == Response(200, "")
        assert secure.connections == 1

    async def test_refuses_a_certificate_for_another_name(self, secure: Receiver, trusting: Poster) -> None:
        answer = await post(trusting, f"https://other.example:{secure.port}/")
        assert isinstance(answer, NoResponse)
        assert answer.reason.startswith("SSLCertVerificationError")
        assert not secure.received

    async def test_shares_no_connection_between_names_of_one_address(self, secure: Receiver, trusting: Poster) -> None:
        await post(trusting, f"https://shop.example:{secure.port}/")
        assert isinstance(await post(trusting, f"https://other.example:{secure.port}/"), NoResponse)
        assert len(secure.received) == 1

    async def test_refuses_a_certificate_that_nobody_trusts(self, secure: Receiver, poster: Poster) -> None:
        answer = await post(poster, f"https://shop.example:{secure.port}/")
        assert isinstance(answer, NoResponse)
        assert answer.reason.startswith("SSLCertVerificationError")
        assert not secure.received
