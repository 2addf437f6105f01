"""A Checkie of our own to measure: started on free ports in a folder of its own, stopped at the end."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
_CHECKIE: Final = (sys.executable, "-m", "checkie.app.cli")
_STATEMENTS: Final = "checkie_sql_statements_total "


@dataclass(frozen=True)
class Stack:
    """A running demo."""

    data: Path
    facts: dict[str, Any]
    server: embedded.Server
    parts: dict[str, Process]

    @property
    def page(self) -> str:
        """The demo store's page, as `store/page`."""
        return f"{self.facts['store']['slug']}/{self.facts['page']['slug']}"

    @property
    def deliveries(self) -> int:
        """How many webhooks the listener has taken so far."""
        log = Path(self.facts["webhook"]["log"])
        return log.read_bytes().count(b"\n") if log.exists() else 0

    @property
    def api_statements(self) -> int:
        """How many SQL statements the API has sent so far, by its own count."""
        lines = httpx.get(f"{self.facts['base_url']}/metrics").text.splitlines()
        return int(float(next(line for line in lines if line.startswith(_STATEMENTS)).split()[1]))

    def make_stores(self, count: int) -> list[str]:
        """Further stores, each with a page like the demo's and an endpoint; their pages as `store/page`."""
        return asyncio.run(self._make_stores(count))

    def doctor(self) -> dict[str, Any]:
        """What `checkie doctor --json` says."""
        command = [*_CHECKIE, "doctor", "--json", "--data", str(self.data)]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        findings: dict[str, Any] = (
            json.loads(said.stdout) if said.stdout else {"ok": False, "checks": [], "said": said.stderr}
        )
        return findings

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
def running(folder: Path) -> Iterator[Stack]:
    """A fresh demo in `folder`, which is emptied before. RuntimeError when it does not start."""
    port = _free_ports()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        command = [*_CHECKIE, "demo", "--port", str(port), "--data", str(folder), "--reset"]
        demo = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            facts = _facts(folder / "demo.json", demo, log)
            yield Stack(folder, facts, embedded.start(folder), parts_of(demo.pid))
        finally:
            _end(demo)
    shutil.rmtree(folder)
    log.unlink()


def _facts(path: Path, demo: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    patience = time.monotonic() + _READY_S
    while time.monotonic() < patience and demo.poll() is None:
        if path.exists():
            facts: dict[str, Any] = json.loads(path.read_text())
            return facts
        time.sleep(0.05)
    raise RuntimeError(f"the demo does not start: {log.read_text(errors='replace')[-2000:]}")


def _end(demo: subprocess.Popen[bytes]) -> None:
    if demo.poll() is None:
        demo.send_signal(signal.SIGINT)
    try:
        demo.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        demo.kill()
        demo.wait()


def _free_ports() -> int:
    """The first of three ports in a row that nobody listens on."""
    for port in range(18_100, 19_000, 10):
        if all(_is_free(port + step) for step in range(3)):
            return port
    raise RuntimeError("no three free ports between 18100 and 19000")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
