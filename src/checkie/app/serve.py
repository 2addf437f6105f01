"""Run the API and the worker as processes."""

from __future__ import annotations

import asyncio
import gc
import signal

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from checkie import webhooks
from checkie.app import compose
from checkie.app.asgi import create_app
from checkie.app.clock import system_now
from checkie.app.settings import Settings
from checkie.app.worker import Worker


def serve(settings: Settings) -> None:
    """Serve HTTP until SIGINT or SIGTERM."""
    with compose.database(settings) as urls:
        uvloop.run(_serve(settings, urls))


def work(settings: Settings) -> None:
    """Do background work until SIGINT or SIGTERM."""
    with compose.database(settings) as urls:
        uvloop.run(_work(settings, urls))


async def _serve(settings: Settings, urls: compose.Urls) -> None:
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
        gc.freeze()
        await server.serve()
        for provider in providers.values():
            await provider.aclose()


async def _work(settings: Settings, urls: compose.Urls) -> None:
    providers = compose.providers(settings)
    poster = webhooks.Poster(webhooks.Guard(settings.webhook_networks))
    async with compose.runtime(settings, urls) as runtime:
        worker = Worker(runtime.db, runtime.keyring, providers, poster, system_now)
        task = asyncio.ensure_future(worker.run())
        for wanted in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(wanted, task.cancel)
        gc.freeze()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
        await poster.aclose()
        for provider in providers.values():
            await provider.aclose()
