"""Stripe's stand-ins that we did not write, each a program of its own, and a place for webhooks to arrive.

`stripe-mock` (by Stripe) checks every request against Stripe's published schema and answers from fixtures.
`localstripe` keeps state and sends webhooks; localstripe_bridge.py tells what is added to it, and runs it.
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
    """The address of a running stripe-mock. A test that asks for it is marked NEEDS_STRIPE_MOCK."""
    program = tools.find("stripe-mock") or "stripe-mock"
    command = [program, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"]
    with running(command, r"HTTP at address: (\S+)\s", tmp_path_factory.mktemp("stripe-mock") / "log") as address:
        yield f"http://{address}"


@pytest.fixture(scope="session")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running localstripe behind its bridge. A test that asks for it is marked NEEDS_LOCALSTRIPE."""
    command = [sys.executable, "-m", "tests.contract.localstripe_bridge"]
    with running(command, r"listening on (\S+)\s", tmp_path_factory.mktemp("localstripe") / "log") as url:
        yield url


@contextmanager
def running(command: Sequence[str], announces: str, log: Path) -> Iterator[str]:
    """A program that runs meanwhile; what its output says, as group 1 of `announces`, once it is up."""
    with log.open("wb") as output:
        program = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=_ROOT)
    try:
        yield _announced(program, announces, log)
    finally:
        program.terminate()
        try:
            program.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def _announced(program: subprocess.Popen[bytes], announces: str, log: Path) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and program.poll() is None:
        if found := re.search(announces, log.read_text()):
            return found[1]
        time.sleep(0.02)
    raise AssertionError(f"{program.args!r} did not start:\n{log.read_text()}")


class Delivery(NamedTuple):
    """One webhook, as it came."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)


class Inbox:
    """Where webhooks arrive in these tests: every one is answered 200 and kept."""

    def __init__(self) -> None:
        self.url = ""
        self._kept: list[Delivery] = []
        self._news = asyncio.Condition()

    async def receive(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        async with self._news:
            self._kept.append(Delivery(headers, await request.read()))
            self._news.notify_all()
        return web.Response()

    async def wait_for(self, fits: Callable[[Delivery], bool], within_s: float = 10) -> Delivery:
        """The first delivery that fits, come or to come."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: any(map(fits, self._kept)))
        return next(filter(fits, self._kept))


@asynccontextmanager
async def inbox() -> AsyncIterator[Inbox]:
    """An inbox that listens meanwhile."""
    kept = Inbox()
    app = web.Application()
    app.router.add_post("/", kept.receive)
    async with serving(app) as kept.url:
        yield kept


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """The address of `app`, served in this process meanwhile."""
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
