"""Start the demo, keep it running, stop it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from checkie.app import compose, embedded, settings
from checkie.app.demo import seed
from checkie.app.demo.parts import Demo, DemoError, check_ports
from checkie.db import migrate

_CHECK_DATABASE_S: Final = 0.5


async def run(port: int, data: Path, *, reset: bool) -> None:
    """Run the demo until SIGINT or SIGTERM. DemoError when it cannot start."""
    check_ports(port)
    data = _prepare(data, reset=reset)
    stop = asyncio.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(wanted, stop.set)
    demo = Demo.load(data, port)
    server = await asyncio.to_thread(embedded.start, data)
    try:
        await _run_parts(demo, server, stop)
    finally:
        (data / "demo.json").unlink(missing_ok=True)
        await asyncio.to_thread(_stop_database, server)
    print("checkie: stopped. The data is kept.", flush=True)  # noqa: T201  for people


async def _run_parts(demo: Demo, server: embedded.Server, stop: asyncio.Event) -> None:
    variables = demo.variables(server)
    chosen = settings.load(variables)
    children = demo.children({**os.environ, **variables})  # noqa: TID251  they inherit the environment
    tasks = [asyncio.create_task(children[name].keep_running()) for name in ("simulator", "listener")]
    tasks.append(asyncio.create_task(_keep_database_running(server)))
    try:
        await migrate(server.owner_url())
        tasks += [asyncio.create_task(children[name].keep_running()) for name in ("api", "worker")]
        facts = await _facts(demo, chosen, server)
        starting = asyncio.create_task(demo.wait_until_listening())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and not stop.is_set():
            starting.result()
            _announce(demo, facts)
        await stopping
        starting.cancel()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _facts(demo: Demo, chosen: settings.Settings, server: embedded.Server) -> dict[str, Any]:
    urls = compose.Urls(server.url(), server.owner_url(), server.url())
    async with compose.services(chosen, urls) as services:
        seeded = await seed.ensure_store(services, demo.webhook_url, demo.webhook_secret, "/static/demo-product.svg")
    url = f"{demo.base_url}/{seeded.store.slug}/{seeded.page.slug}"
    return {
        "base_url": demo.base_url,
        "store": {"id": seeded.store.id, "slug": seeded.store.slug},
        "page": {"id": seeded.page.id, "slug": seeded.page.slug, "url": url},
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
        "                    with card 4242 4242 4242 4242, any future date, any CVC",
        f"  API reference     {demo.base_url}/api/docs",
        f"  Metrics           {demo.base_url}/metrics",
        f"  Webhooks          {demo.webhook_log}",
        f"  Logs              {demo.logs}",
        f"  Check the ledger  checkie doctor --data {demo.data}",
        "Press Ctrl-C to stop. Run it again to continue, or with --reset to delete the demo's data first.",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201  for people


async def _keep_database_running(server: embedded.Server) -> None:
    while True:
        await asyncio.sleep(_CHECK_DATABASE_S)
        if not embedded.is_alive(server):
            print("checkie: PostgreSQL ended. Restarting it.", flush=True)  # noqa: T201  for people
            server = await asyncio.to_thread(embedded.start, server.folder)


def _stop_database(server: embedded.Server) -> None:
    """Stop the server, or the one that was started in its place."""
    embedded.stop(server if embedded.is_alive(server) else embedded.start(server.folder))


def _prepare(data: Path, *, reset: bool) -> Path:
    data = data.resolve()
    if reset:
        _delete(data)
    data.mkdir(parents=True, exist_ok=True)
    (data / "demo.json").unlink(missing_ok=True)
    return data


def _delete(data: Path) -> None:
    if not data.exists():
        return
    if not (data / "secrets.json").exists() and any(data.iterdir()):
        raise DemoError(f"{data} is not deleted: it does not look like a data folder of Checkie.")
    if (data / "pg").exists():
        embedded.stop(embedded.start(data))
    shutil.rmtree(data)
