"""Stand-ins for Stripe, written by others, each a program of its own; and an inbox for webhooks.

`stripe-mock` (by Stripe) checks every request against Stripe's published schema and responds with fixtures.
`localstripe` keeps state and sends webhooks; localstripe_bridge.py describes what it adds, and runs it.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from aiohttp import web

from tests import tools

NEEDS_STRIPE_MOCK: Final = tools.need("stripe-mock", "scripts/install-stripe-mock")
NEEDS_LOCALSTRIPE: Final = tools.need("localstripe", "make setup")
NEEDS_CHROMIUM: Final = tools.need("chromium", "apt-get install -y chromium")
_ROOT: Final = Path(__file__).parents[2]
_START_S: Final = 30
_STOP_S: Final = 5


@pytest.fixture(scope="session")
def stripe_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running stripe-mock. A test that uses it is marked NEEDS_STRIPE_MOCK."""
    program = tools.find("stripe-mock") or "stripe-mock"
    command = [program, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"]
    with running(command, r"HTTP at address: (\S+)\s", tmp_path_factory.mktemp("stripe-mock") / "log") as address:
        yield f"http://{address}"


@pytest.fixture(scope="session")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running localstripe behind its bridge. A test that uses it is marked NEEDS_LOCALSTRIPE."""
    command = [sys.executable, "-m", "tests.contract.localstripe_bridge"]
    with running(command, r"listening on (\S+)\s", tmp_path_factory.mktemp("localstripe") / "log") as url:
        yield url


@contextmanager
def running(command: Sequence[str], pattern: str, log: Path) -> Iterator[str]:
    """Run a program. The value is group 1 of `pattern`, once its output matches."""
    with log.open("wb") as output:
        program = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=_ROOT)
    try:
        yield _started(program, pattern, log)
    finally:
        program.terminate()
        try:
            program.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def _started(program: subprocess.Popen[bytes], pattern: str, log: Path) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and program.poll() is None:
        if found := re.search(pattern, log.read_text()):
            return found[1]
        time.sleep(0.02)
    raise AssertionError(f"{program.args!r} did not start:\n{log.read_text()}")


class Delivery(NamedTuple):
    """One webhook as it was received."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)


class Inbox:
    """Receives webhooks: responds 200 to every one and stores it."""

    def __init__(self) -> None:
        self.url = ""
        self._deliveries: list[Delivery] = []
        self._changed = asyncio.Condition()

    async def receive(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        async with self._changed:
            self._deliveries.append(Delivery(headers, await request.read()))
            self._changed.notify_all()
        return web.Response()

    async def wait_for(self, matches: Callable[[Delivery], bool], within_s: float = 10) -> Delivery:
        """The first delivery that matches, received before or within the time limit."""
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(lambda: any(map(matches, self._deliveries)))
        return next(filter(matches, self._deliveries))


@asynccontextmanager
async def inbox() -> AsyncIterator[Inbox]:
    """Run an inbox."""
    opened = Inbox()
    app = web.Application()
    app.router.add_post("/", opened.receive)
    async with serving(app) as opened.url:
        yield opened


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve `app` in this process. The value is its URL."""
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
