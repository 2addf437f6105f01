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

from checkie import webhooks
from checkie.app import compose
from checkie.app.asgi import create_app
from checkie.app.clock import system_now
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
    providers = compose.providers(settings)
    async with compose.runtime(settings, urls) as runtime:
        app = create_app(settings, runtime, providers, compose.provider_pages(settings))
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
        await providers.aclose()


async def _work(settings: Settings, urls: compose.Urls) -> None:
    await _check_schema(urls)
    if settings.worker_metrics_port:
        start_http_server(settings.worker_metrics_port, settings.host)
    providers = compose.providers(settings)
    poster = webhooks.Poster(webhooks.Guard(settings.webhook_networks))
    async with compose.runtime(settings, urls) as runtime:
        worker = Worker(runtime.db, runtime.keyring, providers, poster, system_now)
        task = asyncio.ensure_future(worker.run())
        for wanted in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(wanted, task.cancel)
        _freeze_garbage_collector()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
        await poster.aclose()
        await providers.aclose()


def _freeze_garbage_collector() -> None:
    """Exclude what is loaded, which is never freed, from collections, and collect less often than in a short script."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
