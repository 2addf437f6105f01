"""What only the simulator's adapter and its HTTP client promise, beyond the contract of every provider."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, PaymentId
from checkie.payments.port import Action, ActionNeeded, Approved, Cancelled, Declined, InProgress, Intent, Unknown
from checkie.providers.simulator import Simulator
from checkie.providers.simulator.client import Client, NoAnswer
from tests.contract.simulator_server import NOW, RETURN_URL, SimulatorServer, running, simulator_server

__all__ = ["simulator_server"]

GOOD = "4242424242424242"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def simulator(simulator_server: SimulatorServer) -> AsyncIterator[Simulator]:
    """An adapter with little patience."""
    made = Simulator(simulator_server.base_url, simulator_server.api_key, simulator_server.webhook_secret, 0.5)
    yield made
    await made.aclose()


def an_intent(**facts: object) -> Intent:
    known = {"amount": Money(2599, "USD"), "description": "Tea", "return_url": RETURN_URL, "email": None}
    return Intent(AttemptId.new(7, NOW), PaymentId.new(7, NOW), **{**known, **facts})  # type: ignore[arg-type]  # facts of any field


async def order(server: SimulatorServer, fault: str, intent: Intent) -> None:
    await server.control("/control/faults", {"fault": fault, "match": {"attempt": intent.key}})


class TestAuthorize:
    async def test_says_where_to_confirm(self, simulator: Simulator, simulator_server: SimulatorServer) -> None:
        needed = await simulator.authorize(an_intent())
        assert isinstance(needed, ActionNeeded)
        assert needed.action is Action.CONFIRM
        assert needed.confirm_url == f"{simulator_server.base_url}/v1/intents/{needed.reference}/confirm"
        assert needed.hosted_url == f"{simulator_server.base_url}/pay/{needed.reference}?secret={needed.client_secret}"
        assert needed.publishable_key == simulator.publishable_key

    async def test_takes_a_long_description(self, simulator: Simulator) -> None:
        assert isinstance(await simulator.authorize(an_intent(description="é" * 5000)), ActionNeeded)

    @pytest.mark.parametrize("facts", [{"amount": Money(0, "USD")}, {"return_url": "ftp://x"}, {"description": ""}])
    async def test_what_it_refuses_is_declined(self, simulator: Simulator, facts: dict[str, object]) -> None:
        outcome = await simulator.authorize(an_intent(**facts))
        assert isinstance(outcome, Declined)
        assert (outcome.reference, outcome.code) == (None, "invalid")

    async def test_a_wrong_api_key_is_declined(self, simulator_server: SimulatorServer) -> None:
        stranger = Simulator(simulator_server.base_url, "wrong", "whsec")
        assert isinstance(await stranger.authorize(an_intent()), Declined)
        await stranger.aclose()

    @pytest.mark.parametrize("fault", ["create_hangs", "create_fails", "outage"])
    async def test_silence_is_unknown_and_asking_again_helps(
        self, simulator: Simulator, simulator_server: SimulatorServer, fault: str
    ) -> None:
        intent = an_intent()
        await order(simulator_server, fault, intent)
        assert isinstance(await simulator.authorize(intent), Unknown)
        assert isinstance(await simulator.authorize(intent), ActionNeeded)

    async def test_it_says_when_nothing_was_sent(self) -> None:
        with socket.socket() as bound_only:
            bound_only.bind(("127.0.0.1", 0))
            lost = Simulator(f"http://127.0.0.1:{bound_only.getsockname()[1]}", "key", "whsec")
            outcome = await lost.authorize(an_intent())
        assert isinstance(outcome, Unknown)
        assert outcome.why.startswith("not_sent")


class TestFind:
    async def test_a_key_never_seen_is_withdrawn_for_good(self, simulator: Simulator) -> None:
        intent = an_intent()
        assert await simulator.find(intent.key, None) == Cancelled(None)
        late = await simulator.authorize(intent)
        assert isinstance(late, Cancelled)
        assert await simulator.find(intent.key, late.reference) == late

    async def test_a_key_that_was_forgotten_is_unknown(self, simulator: Simulator) -> None:
        outcome = await simulator.find(AttemptId.new(7, NOW), "sim_00000001deadbeef")
        assert isinstance(outcome, Unknown)
        assert "forgot" in outcome.why

    async def test_every_state_has_its_outcome(self, simulator: Simulator, simulator_server: SimulatorServer) -> None:
        for number, kind in (
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
            assert isinstance(await simulator.find(intent.key, needed.reference), kind)
            if kind is InProgress:
                assert isinstance(await simulator.cancel(intent.key, None), Unknown)


class TestTheConnection:
    async def test_that_died_with_the_server_is_made_anew(self, tmp_path: Path) -> None:
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
async def answering(talk: Talk, **limits: float) -> AsyncIterator[Client]:
    """A client of a server that talks like that, once a connection."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
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


def replying(*answers: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()

    return talk


class TestTheClient:
    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (OK, (200, b"ok")),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nt: x\r\n\r\n",
                (200, b"ok"),
            ),
            (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
            (b"HTTP/1.0 200 OK\r\n\r\nok", (200, b"ok")),
            (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", (404, b"")),
        ],
    )
    async def test_understands(self, answer: bytes, expected: tuple[int, bytes]) -> None:
        async with answering(replying(answer)) as client:
            assert await client.call("GET", "/", {}) == expected

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nx: " + b"x" * 70_000,
        ],
    )
    async def test_takes_no_half_or_strange_answer_for_one(self, answer: bytes) -> None:
        async with answering(replying(answer)) as client:
            with pytest.raises(NoAnswer) as caught:
                await client.call("GET", "/", {})
        assert caught.value.sent

    async def test_keeps_a_connection_and_sends_anew_when_it_was_closed_meanwhile(self) -> None:
        connections = 0

        async def two_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await replying(OK, OK)(reader, writer)

        async with answering(two_each) as client:
            for _ in range(5):
                assert await client.call("GET", "/", {}) == (200, b"ok")
        assert connections == 3

    async def test_waits_no_longer_than_it_may_for_an_answer_or_for_its_turn(self) -> None:
        async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await reader.read()

        async with answering(silent, total_s=0.2) as client:
            calls = [client.call("GET", "/", {}) for _ in range(3)]
            ends = await asyncio.gather(*calls, return_exceptions=True)
        assert sorted(end.sent for end in ends if isinstance(end, NoAnswer)) == [False, True, True]

    @pytest.mark.parametrize(("path", "value"), [("/\r\nx: y", "z"), ("/", "z\nx: y")])
    async def test_sends_no_line_breaks_in_a_head(self, path: str, value: str) -> None:
        with pytest.raises(ValueError, match="line break"):
            await Client("http://127.0.0.1:1").call("GET", path, {"a": value})

    @pytest.mark.parametrize("url", ["", "ftp://a", "http://", "127.0.0.1:80"])
    def test_needs_an_address(self, url: str) -> None:
        with pytest.raises(ValueError, match="address"):
            Client(url)
