"""The simulator as a process of its own, an inbox for its webhooks, and the calls of a merchant and of a buyer.

    from tests.contract.simulator_server import simulator_server

One server is shared by a file of tests, so a test identifies its purchases, and limits its faults, by attempt.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from aiohttp import web

from checkie.kernel.ids import AttemptId, PaymentId
from tests.contract import standins

PROGRAM: Final = """
import json, sys, uvloop
from pathlib import Path
from checkie.providers.simulator.http import serve
settings = json.loads(sys.argv[1])
uvloop.run(serve(**settings, data=Path(sys.argv[2])))
"""
NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
RETURN_URL: Final = "https://shop.example/thanks"
START_S: Final = 20
STOP_S: Final = 5


class Listener(standins.Inbox):
    """Receives the webhooks. It can refuse a number of those about one attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.refusing: dict[str, int] = {}
        """By attempt, how many more deliveries get a 500."""

    async def receive(self, request: web.Request) -> web.Response:
        response = await super().receive(request)
        attempt = self.received[-1].event["data"]["intent"]["metadata"].get("attempt")
        if self.refusing.get(attempt, 0) > 0:
            self.refusing[attempt] -= 1
            return web.Response(status=500)
        return response

    @property
    def received(self) -> list[standins.Delivery]:
        """Every delivery, including refused ones, in order."""
        return list(self._deliveries)

    def about(self, attempt: str) -> list[standins.Delivery]:
        """The deliveries about one attempt."""
        return [each for each in self._deliveries if each.event["data"]["intent"]["metadata"].get("attempt") == attempt]

    async def wait(self, attempt: str, count: int = 1, within_s: float = 10) -> list[standins.Delivery]:
        """The deliveries about one attempt, once there are `count` of them."""
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(lambda: len(self.about(attempt)) >= count)
        return self.about(attempt)


class SimulatorServer:
    """A simulator that can be stopped, killed and restarted on the same data."""

    api_key = "sk_test_contract"
    webhook_secret = "whsec_contract"

    def __init__(self, data: Path, listener: Listener) -> None:
        self.data, self.listener = data, listener
        self.log = data / "log"
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self._port = bound.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self._port}"
        self.browser = httpx.AsyncClient(base_url=self.base_url, timeout=20)
        authorization = {"authorization": f"Bearer {self.api_key}"}
        self.merchant = httpx.AsyncClient(base_url=self.base_url, headers=authorization, timeout=20)
        self._program: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Run it, and wait until it responds."""
        settings = {
            "host": "127.0.0.1",
            "port": self._port,
            "api_key": self.api_key,
            "webhook_url": self.listener.url,
            "webhook_secret": self.webhook_secret,
            "public_url": self.base_url,
        }
        with self.log.open("ab") as output:
            self._program = subprocess.Popen(  # noqa: ASYNC220 it takes a millisecond, and `end` waits for its exit
                [sys.executable, "-W", "error", "-c", PROGRAM, json.dumps(settings), str(self.data)],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        async with asyncio.timeout(START_S):
            while not await self._responds():  # noqa: ASYNC110 another process cannot set an event of ours
                await asyncio.sleep(0.02)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, wait until it exits, and return its exit code."""
        assert self._program is not None
        self._program.send_signal(how)
        try:
            return self._program.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()
            raise

    async def _responds(self) -> bool:
        assert self._program is not None
        assert self._program.poll() is None, self.log.read_text()
        try:
            return (await self.browser.get("/health")).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def received(self) -> list[standins.Delivery]:
        """The webhooks it has sent."""
        return self.listener.received

    async def charges(self) -> list[dict[str, Any]]:
        """Every charge."""
        page = await self.control("/control/charges?limit=1000")
        assert not page["has_more"]
        found: list[dict[str, Any]] = page["data"]
        return found

    async def control(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the control API: POST if there is a body, else GET."""
        response = await (self.merchant.get(path) if body is None else self.merchant.post(path, json=body))
        response.raise_for_status()
        return response.json()

    async def post_intent(self, key: str, **changes: Any) -> httpx.Response:
        """The merchant creates an intent under a key."""
        params = {
            "amount": 2599,
            "currency": "USD",
            "description": "Darjeeling, 100 g",
            "return_url": RETURN_URL,
            "email": "buyer@shop.example",
            "metadata": {"attempt": key, "payment": PaymentId.new(7, NOW)},
            **changes,
        }
        return await self.merchant.post("/v1/intents", content=json.dumps(params), headers={"idempotency-key": key})

    async def create(self, **changes: Any) -> dict[str, Any]:
        """A new intent of a new attempt."""
        response = await self.post_intent(AttemptId.new(7, NOW), **changes)
        response.raise_for_status()
        created: dict[str, Any] = response.json()
        return created

    async def get(self, intent: Mapping[str, Any]) -> dict[str, Any]:
        """The intent as it is now."""
        current: dict[str, Any] = (await self.merchant.get(f"/v1/intents/{intent['id']}")).json()
        return current

    async def confirm(self, intent: Mapping[str, Any], number: str, **changes: Any) -> httpx.Response:
        """The buyer submits card details."""
        card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123", **changes}
        return await self.browser.post(
            intent["confirm_url"], json={"client_secret": intent["client_secret"], "card": card}
        )


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[SimulatorServer]:
    """Run a simulator with its files in `data`."""
    async with AsyncExitStack() as stack:
        listener = Listener()
        app = web.Application()
        app.router.add_post("/", listener.receive)
        listener.url = await stack.enter_async_context(standins.serving(app))
        server = SimulatorServer(data, listener)
        await stack.enter_async_context(server.browser)
        await stack.enter_async_context(server.merchant)
        await server.start()
        try:
            yield server
        finally:
            server.end()


@pytest.fixture(scope="module")
async def simulator_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SimulatorServer]:
    """A simulator shared by a file of tests."""
    async with running(tmp_path_factory.mktemp("simulator")) as server:
        yield server
