"""Run the API and the worker as processes."""

from __future__ import annotations

import asyncio
import gc
import signal

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from prometheus_client import start_http_server

from checkie.app import compose
from checkie.app.asgi import create_app
from checkie.app.settings import Settings, SettingsError
from checkie.app.worker import Worker
from checkie.db import pending


def serve(settings: Settings) -> None:
    """Serve HTTP until SIGINT or SIGTERM."""
    with compose.database(settings) as urls:
        uvloop.run(_serve(settings, urls))


def work(settings: Settings) -> None:
    """Run the background work until SIGINT or SIGTERM."""
    with compose.database(settings) as urls:
        uvloop.run(_work(settings, urls))


async def _check_schema(urls: compose.Urls) -> None:
    missing = await pending(urls.app)
    if missing:
        raise SettingsError(f"The database lacks the migrations {', '.join(missing)}. Run `checkie migrate` first.")


async def _serve(settings: Settings, urls: compose.Urls) -> None:
    await _check_schema(urls)
    async with compose.services(settings, urls) as services:
        app = create_app(settings, services)
        server = Server(
            app,
            settings.host,
            settings.port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            backlog=1024,
            http1_settings=HTTP1Settings(header_read_timeout=15_000),
            log_enabled=False,
        )
        for wanted in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(wanted, server.stop)
        _freeze_garbage_collector()
        await server.serve()


async def _work(settings: Settings, urls: compose.Urls) -> None:
    await _check_schema(urls)
    if settings.worker_metrics_port:
        start_http_server(settings.worker_metrics_port, settings.host)
    async with compose.services(settings, urls) as services:
        task = asyncio.ensure_future(Worker(services).run())
        for wanted in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(wanted, task.cancel)
        _freeze_garbage_collector()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def _freeze_garbage_collector() -> None:
    """Exclude what is loaded, which is never freed, from collections, and collect less often than in a short script."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
