"""What the simulator's adapter and its HTTP client guarantee beyond the contract of every provider."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, PaymentId
from checkie.payments.port import Action, ActionNeeded, Approved, Cancelled, Declined, InProgress, Intent, Unknown
from checkie.providers.simulator import Simulator
from checkie.providers.simulator.client import Client, NoResponse
from tests.contract.simulator_server import NOW, RETURN_URL, SimulatorServer, running, simulator_server

__all__ = ["simulator_server"]

GOOD = "4242424242424242"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def simulator(simulator_server: SimulatorServer) -> AsyncIterator[Simulator]:
    """An adapter with a short timeout."""
    adapter = Simulator(simulator_server.base_url, simulator_server.api_key, simulator_server.webhook_secret, 0.5)
    yield adapter
    await adapter.aclose()


def an_intent(**fields: object) -> Intent:
    defaults = {"amount": Money(2599, "USD"), "description": "Tea", "return_url": RETURN_URL, "email": None}
    return Intent(AttemptId.new(7, NOW), PaymentId.new(7, NOW), **{**defaults, **fields})  # type: ignore[arg-type]  # values of any field


async def add_fault(server: SimulatorServer, fault: str, intent: Intent) -> None:
    await server.control("/control/faults", {"fault": fault, "match": {"attempt": intent.key}})


class TestAuthorize:
    async def test_returns_where_to_confirm(self, simulator: Simulator, simulator_server: SimulatorServer) -> None:
        needed = await simulator.authorize(an_intent())
        assert isinstance(needed, ActionNeeded)
        assert needed.action is Action.CONFIRM
        assert needed.confirm_url == f"{simulator_server.base_url}/v1/intents/{needed.reference}/confirm"
        assert needed.hosted_url == f"{simulator_server.base_url}/pay/{needed.reference}?secret={needed.client_secret}"
        assert (needed.publishable_key or "").startswith("pk_sim_")

    async def test_truncates_a_long_description(self, simulator: Simulator) -> None:
        assert isinstance(await simulator.authorize(an_intent(description="é" * 5000)), ActionNeeded)

    @pytest.mark.parametrize("fields", [{"amount": Money(0, "USD")}, {"return_url": "ftp://x"}, {"description": ""}])
    async def test_a_refused_intent_is_declined(self, simulator: Simulator, fields: dict[str, object]) -> None:
        outcome = await simulator.authorize(an_intent(**fields))
        assert isinstance(outcome, Declined)
        assert (outcome.reference, outcome.code) == (None, "invalid")

    async def test_a_wrong_api_key_is_declined(self, simulator_server: SimulatorServer) -> None:
        stranger = Simulator(simulator_server.base_url, "wrong", "whsec")
        assert isinstance(await stranger.authorize(an_intent()), Declined)
        await stranger.aclose()

    @pytest.mark.parametrize("fault", ["create_hangs", "create_fails", "outage"])
    async def test_no_answer_is_unknown_and_a_retry_succeeds(
        self, simulator: Simulator, simulator_server: SimulatorServer, fault: str
    ) -> None:
        intent = an_intent()
        await add_fault(simulator_server, fault, intent)
        assert isinstance(await simulator.authorize(intent), Unknown)
        assert isinstance(await simulator.authorize(intent), ActionNeeded)

    async def test_a_refused_connection_is_unknown_and_reported_as_not_sent(self) -> None:
        with socket.socket() as bound_only:
            bound_only.bind(("127.0.0.1", 0))
            unreachable = Simulator(f"http://127.0.0.1:{bound_only.getsockname()[1]}", "key", "whsec")
            outcome = await unreachable.authorize(an_intent())
            await unreachable.aclose()
        assert isinstance(outcome, Unknown)
        assert outcome.why.startswith("not_sent")


class TestFind:
    async def test_an_unknown_key_is_withdrawn_permanently(self, simulator: Simulator) -> None:
        intent = an_intent()
        assert await simulator.find(intent.key, None) == Cancelled(None)
        late = await simulator.authorize(intent)
        assert isinstance(late, Cancelled)
        assert await simulator.find(intent.key, late.reference) == late

    async def test_an_unknown_key_with_a_reference_is_unknown(self, simulator: Simulator) -> None:
        outcome = await simulator.find(AttemptId.new(7, NOW), "sim_00000001deadbeef")
        assert isinstance(outcome, Unknown)
        assert "does not know" in outcome.why

    async def test_every_status_has_its_outcome(self, simulator: Simulator, simulator_server: SimulatorServer) -> None:
        for number, expected in (
            (GOOD, Approved),
            ("4000000000000002", Declined),
            ("4000000000003220", ActionNeeded),
            ("4000099000000103", InProgress),
        ):
            intent = an_intent()
            needed = await simulator.authorize(intent)
            assert isinstance(needed, ActionNeeded)
            wire = {"confirm_url": needed.confirm_url, "client_secret": needed.client_secret}
            await simulator_server.confirm(wire, number)
            assert isinstance(await simulator.find(intent.key, needed.reference), expected)
            if expected is InProgress:
                assert isinstance(await simulator.cancel(intent.key, None), Unknown)


class TestTheConnection:
    async def test_is_replaced_after_the_server_was_killed(self, tmp_path: Path) -> None:
        async with running(tmp_path) as server:
            adapter = Simulator(server.base_url, server.api_key, server.webhook_secret)
            intent = an_intent()
            before = await adapter.authorize(intent)
            server.end(signal.SIGKILL)
            assert isinstance(await adapter.authorize(intent), Unknown)
            await server.start()
            assert await adapter.authorize(intent) == before
            await adapter.aclose()


@asynccontextmanager
async def client_of(handler: Handler, **limits: float) -> AsyncIterator[Client]:
    """A client of a server that handles each connection like that."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections=2, **limits)
    try:
        yield client
    finally:
        await client.aclose()
        server.close()


def responding(*responses: bytes) -> Handler:
    """One response per request, then the connection closes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for response in responses:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response)
            await writer.drain()

    return handle


class TestTheClient:
    @pytest.mark.parametrize(
        ("response", "expected"),
        [
            (OK, (200, b"ok")),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nt: x\r\n\r\n",
                (200, b"ok"),
            ),
            (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
            (b"HTTP/1.0 200 OK\r\n\r\nok", (200, b"ok")),
            (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", (404, b"")),
            (b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", (302, b"")),
        ],
    )
    async def test_returns_status_and_body(self, response: bytes, expected: tuple[int, bytes]) -> None:
        async with client_of(responding(response)) as client:
            assert await client.call("GET", "/", {}) == expected

    @pytest.mark.parametrize(
        "response",
        [
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (4 * 1024 * 1024 + 1),
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nx: " + b"x" * 70_000,
        ],
        ids=lambda response: response[:60].decode(),
    )
    async def test_refuses_a_truncated_invalid_or_oversized_response(self, response: bytes) -> None:
        async with client_of(responding(response)) as client:
            with pytest.raises(NoResponse) as caught:
                await client.call("POST", "/", {})
        assert caught.value.sent

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_keeps_a_connection_and_replaces_a_closed_one(self, method: str) -> None:
        connections = 0

        async def two_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await responding(OK, OK)(reader, writer)

        async with client_of(two_each) as client:
            for _ in range(5):
                assert await client.call(method, "/", {}) == (200, b"ok")
        assert connections == 3

    async def test_sends_a_request_again_when_its_connection_is_lost(self) -> None:
        requests = 0

        async def lose_the_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal requests
            await reader.readuntil(b"\r\n\r\n")
            requests += 1
            if requests > 1:
                writer.write(OK)
                await writer.drain()

        async with client_of(lose_the_first) as client:
            assert await client.call("POST", "/", {}) == (200, b"ok")
        assert requests == 2

    async def test_waits_for_an_answer_or_a_connection_within_its_time_limit(self) -> None:
        async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await reader.read()

        async with client_of(silent, total_s=0.2) as client:
            calls = [client.call("GET", "/", {}) for _ in range(3)]
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert sorted(result.sent for result in results if isinstance(result, NoResponse)) == [False, True, True]

    async def test_reports_a_lost_request_as_sent_even_when_it_cannot_connect_again(self) -> None:
        async def lose_and_stop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            server.close()
            writer.close()

        server = await asyncio.start_server(lose_and_stop, "127.0.0.1", 0)
        client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(NoResponse) as caught:
            await client.call("POST", "/", {})
        await client.aclose()
        assert caught.value.sent

    async def test_reports_an_unknown_host_as_not_sent(self) -> None:
        client = Client("http://unknown.invalid")
        with pytest.raises(NoResponse) as caught:
            await client.call("GET", "/", {})
        await client.aclose()
        assert not caught.value.sent

    @pytest.mark.parametrize(("path", "value"), [("/a\r\nx: y", "z"), ("/", "z\r\nx: y")])
    async def test_lets_no_line_break_add_a_header(self, path: str, value: str) -> None:
        heads: list[bytes] = []

        async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(OK)
            await writer.drain()

        async with client_of(record) as client:
            with suppress(ValueError):
                await client.call("GET", path, {"a": value})
        assert not any(b"\r\nx: y" in head for head in heads)

    @pytest.mark.parametrize("url", ["", "ftp://a", "http://", "127.0.0.1:80"])
    def test_requires_an_http_url(self, url: str) -> None:
        with pytest.raises(ValueError, match="address"):
            Client(url)
