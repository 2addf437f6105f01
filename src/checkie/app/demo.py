"""`checkie demo`: everything on one machine, as one process group."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from checkie.app import compose, demo_store, embedded, settings
from checkie.app.supervise import Child
from checkie.db import migrate

HOST: Final = "127.0.0.1"
_READY_S: Final = 60.0
_POLL_S: Final = 0.03
_LOOK_S: Final = 0.5


class DemoError(Exception):
    """The demo cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the demo's parts are and what they share."""

    data: Path
    port: int
    simulator_key: str = field(repr=False)
    simulator_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    keys: str = field(repr=False)

    @property
    def base_url(self) -> str:
        """The API and the buyer's page."""
        return f"http://{HOST}:{self.port}"

    @property
    def simulator_url(self) -> str:
        """The payment simulator."""
        return f"http://{HOST}:{self.port + 1}"

    @property
    def webhook_url(self) -> str:
        """The local webhook listener."""
        return f"http://{HOST}:{self.port + 2}/webhooks"

    @property
    def webhook_log(self) -> Path:
        """What the listener received, as JSON lines."""
        return self.data / "webhooks.jsonl"

    def variables(self, server: embedded.Server) -> dict[str, str]:
        """The settings of every part."""
        return {
            "CHECKIE_DATA": str(self.data),
            "CHECKIE_DATABASE_URL": server.url(),
            "CHECKIE_DATABASE_OWNER_URL": server.owner_url(),
            "CHECKIE_HOST": HOST,
            "CHECKIE_PORT": str(self.port),
            "CHECKIE_PUBLIC_URL": self.base_url,
            "CHECKIE_SECRET_KEYS": f"k1:{self.keys}",
            "CHECKIE_DEV": "1",
            "CHECKIE_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "CHECKIE_SIMULATOR_URL": self.simulator_url,
            "CHECKIE_SIMULATOR_API_KEY": self.simulator_key,
            "CHECKIE_SIMULATOR_WEBHOOK_SECRET": self.simulator_secret,
        }

    def children(self, environment: Mapping[str, str]) -> list[Child]:
        """The processes."""
        port = self.port
        commands = {
            "simulator": ["simulator", "--port", str(port + 1)],
            "listener": ["listener", "--port", str(port + 2), "--log", str(self.webhook_log)],
            "api": ["serve"],
            "worker": ["worker"],
        }
        logs = self.data / "log"
        logs.mkdir(exist_ok=True)
        return [Child(name, command, environment, logs / f"{name}.log") for name, command in commands.items()]


async def run(port: int, data: Path, *, reset: bool) -> None:
    """Run the demo until SIGINT or SIGTERM. DemoError when it cannot start."""
    _check_ports(port)
    data = _prepared(data, reset=reset)
    stop = asyncio.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(wanted, stop.set)
    demo = _demo(port, data)
    server = await asyncio.to_thread(embedded.start, data)
    try:
        await _run_parts(demo, server, stop)
    finally:
        (data / "demo.json").unlink(missing_ok=True)
        await asyncio.to_thread(_stop_database, server)
    print("checkie: stopped; the data is kept.", flush=True)  # noqa: T201  for people


def _demo(port: int, data: Path) -> Demo:
    return Demo(
        data,
        port,
        compose.remember(data, "simulator_api_key", lambda: f"simkey_{secrets.token_hex(16)}"),
        compose.remember(data, "simulator_webhook_secret", lambda: f"simwh_{secrets.token_hex(24)}"),
        compose.remember(data, "webhook_secret", _webhook_secret),
        compose.remember(data, "keyring", lambda: base64.b64encode(secrets.token_bytes(32)).decode()),
    )


async def _run_parts(demo: Demo, server: embedded.Server, stop: asyncio.Event) -> None:
    environment = {**os.environ, **demo.variables(server)}  # noqa: TID251  children inherit the environment
    chosen = settings.load(environment)
    children = demo.children(environment)
    tasks = [asyncio.create_task(child.keep()) for child in children if child.name in ("simulator", "listener")]
    tasks.append(asyncio.create_task(_keep_database(server)))
    try:
        await migrate(server.owner_url())
        tasks += [asyncio.create_task(child.keep()) for child in children if child.name in ("api", "worker")]
        facts = await _facts(demo, chosen, server)
        waiting = asyncio.create_task(_until_listening(demo))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done() and not stop.is_set():
            waiting.result()
            _announce(demo, facts)
        await stopping
        waiting.cancel()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _facts(demo: Demo, chosen: settings.Settings, server: embedded.Server) -> dict[str, Any]:
    urls = compose.Urls(server.url(), server.owner_url())
    async with compose.services(chosen, urls) as services:
        made = await demo_store.ensure(services, demo.webhook_url, demo.webhook_secret, "/static/demo-product.svg")
    url = f"{demo.base_url}/{made.store.slug}/{made.page.slug}"
    return {
        "base_url": demo.base_url,
        "store": {"id": made.store.id, "slug": made.store.slug},
        "page": {"id": made.page.id, "slug": made.page.slug, "url": url},
        "simulator_url": demo.simulator_url,
        "webhook": {"url": demo.webhook_url, "secret": demo.webhook_secret, "log": str(demo.webhook_log)},
    }


def _announce(demo: Demo, facts: Mapping[str, Any]) -> None:
    fresh = demo.data / "demo.json.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(facts, indent=2))
    fresh.replace(demo.data / "demo.json")
    lines = [
        "",
        "Checkie is ready.",
        f"  Buy something     {facts['page']['url']}",
        "                    with card 4242 4242 4242 4242, any date to come, any CVC",
        f"  API reference     {demo.base_url}/api/docs",
        f"  Metrics           {demo.base_url}/metrics",
        f"  Webhooks so far   {demo.webhook_log}",
        f"  Logs              {demo.data / 'log'}",
        f"  Check the books   checkie doctor --data {demo.data}",
        "Ctrl-C stops it; run it again to go on, or with --reset to start afresh.",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201  for people


async def _keep_database(server: embedded.Server) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        if not embedded.is_alive(server):
            print("checkie: PostgreSQL ended; starting it again.", flush=True)  # noqa: T201  for people
            server = await asyncio.to_thread(embedded.start, server.folder)


async def _until_listening(demo: Demo) -> None:
    for name, port in (("API", demo.port), ("simulator", demo.port + 1), ("listener", demo.port + 2)):
        try:
            async with asyncio.timeout(_READY_S):
                while not await _listens(port):  # noqa: ASYNC110 another process sets no event of ours
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise DemoError(f"The {name} does not listen on port {port}. Its log is in {demo.data / 'log'}.") from None


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def _check_ports(port: int) -> None:
    for wanted in (port, port + 1, port + 2):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, wanted))
            except OSError:
                raise DemoError(f"Port {wanted} is in use. Choose another: make demo PORT={port + 10}") from None


def _prepared(data: Path, *, reset: bool) -> Path:
    data = data.resolve()
    if reset:
        _reset(data)
    data.mkdir(parents=True, exist_ok=True)
    (data / "demo.json").unlink(missing_ok=True)
    return data


def _reset(data: Path) -> None:
    if not data.exists():
        return
    if not (data / "secrets.json").exists() and any(data.iterdir()):
        raise DemoError(f"{data} does not look like a data folder of ours, so it is not deleted.")
    if (data / "pg").exists():
        embedded.stop(embedded.start(data))
    shutil.rmtree(data)


def _stop_database(server: embedded.Server) -> None:
    if embedded.is_alive(server):
        embedded.stop(server)
    else:
        embedded.stop(embedded.start(server.folder))


def _webhook_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
