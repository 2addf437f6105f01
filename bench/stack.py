"""A demo to measure: started on free ports with a data folder of its own, stopped at the end.

A release is started and asked by its own commands only, so that other releases can be measured as well.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx

from bench.processes import Process, parts_of
from checkie import catalog, stores, webhooks
from checkie.app import compose, embedded
from checkie.app.clock import system_now
from checkie.app.settings import load
from checkie.db import Database
from checkie.kernel import Money

_READY_S: Final = 60.0
_STOP_S: Final = 30.0
_STATEMENTS: Final = "checkie_sql_statements_total "
_MAKE_STORES: Final = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from bench.stack import Stack
data, facts, url, count = json.loads(sys.argv[1])
stack = Stack(Path(data), facts, SimpleNamespace(url=lambda: url), {})
print(json.dumps(stack.make_stores(count)))
"""


@dataclass(frozen=True)
class Release:
    """A release of Checkie: the folder of its repository and the Python that runs it."""

    folder: Path
    python: Path

    @classmethod
    def at(cls, folder: Path) -> Self:
        """The release in a folder, with its own `.venv` if it has one."""
        folder = folder.resolve()
        own = folder / ".venv" / "bin" / "python"
        return cls(folder, own if own.exists() else Path(sys.executable))

    @property
    def environment(self) -> dict[str, str]:
        """Ours, but Python finds this release's packages first."""
        paths = [str(self.folder / "src"), str(self.folder)]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}  # noqa: TID251 for child processes

    def checkie(self, *arguments: str) -> Sequence[str]:
        """A command of its command line."""
        return (str(self.python), "-m", "checkie.app.cli", *arguments)

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in its folder."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )


OURS: Final = Release(Path(__file__).parents[1], Path(sys.executable))


@dataclass(frozen=True)
class Stack:
    """A running demo. Later releases construct it and call `make_stores`, to compare themselves with this one."""

    data: Path
    facts: dict[str, Any]
    server: embedded.Server
    parts: dict[str, Process]
    release: Release = OURS

    @property
    def page(self) -> str:
        """The demo store's page, as `store/page`."""
        return f"{self.facts['store']['slug']}/{self.facts['page']['slug']}"

    @property
    def deliveries(self) -> int:
        """How many webhooks the listener has received so far."""
        log = Path(self.facts["webhook"]["log"])
        return log.read_bytes().count(b"\n") if log.exists() else 0

    @property
    def api_statements(self) -> int:
        """How many SQL statements the API has sent so far, according to its metrics."""
        lines = httpx.get(f"{self.facts['base_url']}/metrics").text.splitlines()
        return int(float(next(line for line in lines if line.startswith(_STATEMENTS)).split()[1]))

    def doctor(self) -> dict[str, Any]:
        """The result of `checkie doctor --json`."""
        done = self.release.run(self.release.checkie("doctor", "--json", "--data", str(self.data)))
        findings: dict[str, Any] = (
            json.loads(done.stdout) if done.stdout else {"ok": False, "checks": [], "error": done.stderr}
        )
        return findings

    def make_stores_by_release(self, count: int) -> list[str]:
        """The same as `make_stores`, by the code of the release that runs."""
        given = json.dumps([str(self.data), self.facts, self.server.url(), count])
        done = self.release.run([str(self.release.python), "-c", _MAKE_STORES, given])
        if done.returncode:
            raise RuntimeError(f"no stores were created: {done.stderr[-2000:]}")
        pages: list[str] = json.loads(done.stdout)
        return pages

    def make_stores(self, count: int) -> list[str]:
        """Create more stores, each with a page like the demo's and an endpoint. Their pages as `store/page`."""
        return asyncio.run(self._make_stores(count))

    async def _make_stores(self, count: int) -> list[str]:
        keyring = compose.keyring(load({"CHECKIE_DATA": str(self.data)}))
        price, endpoint = Money(2500, "USD"), self.facts["webhook"]["url"]
        async with Database(self.server.url()) as db:
            for number in range(count):
                now = system_now()
                async with db.transaction() as unit:
                    new = stores.NewStore(
                        slug=f"many-{number}", name=f"Store {number}", currency="USD", mode=stores.StoreMode.TEST
                    )
                    store = await stores.create(unit, new, now)
                    page = catalog.NewPage(
                        slug="page", title="One of many", price=price, provider="simulator", quantity_max=10
                    )
                    await catalog.create_page(unit, store.number, page, now)
                    await webhooks.create_endpoint(
                        unit, keyring, store=store.number, now=now, url=endpoint, events=["*"]
                    )
        return [f"many-{number}/page" for number in range(count)]


@contextmanager
def running(folder: Path, release: Release = OURS) -> Iterator[Stack]:
    """A new demo of a release in `folder`, which is deleted before and after. RuntimeError if it does not start."""
    port = _free_ports()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        command = release.checkie("demo", "--port", str(port), "--data", str(folder), "--reset")
        demo = subprocess.Popen(
            command,
            cwd=release.folder,
            env=release.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            facts = _facts(folder / "demo.json", demo, log)
            yield Stack(folder, facts, embedded.start(folder), parts_of(demo.pid), release)
        finally:
            _stop(demo)
    shutil.rmtree(folder)
    log.unlink()


def _facts(path: Path, demo: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and demo.poll() is None:
        if path.exists():
            facts: dict[str, Any] = json.loads(path.read_text())
            return facts
        time.sleep(0.05)
    raise RuntimeError(f"the demo does not start: {log.read_text(errors='replace')[-2000:]}")


def _stop(demo: subprocess.Popen[bytes]) -> None:
    if demo.poll() is None:
        demo.send_signal(signal.SIGINT)
    try:
        demo.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        demo.kill()
        demo.wait()


def _free_ports() -> int:
    """The first of three consecutive free ports."""
    for port in range(18_100, 19_000, 10):
        if all(_is_free(port + step) for step in range(3)):
            return port
    raise RuntimeError("no three consecutive free ports between 18100 and 19000")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
