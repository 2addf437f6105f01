"""The simulator as a process: put together here, run until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Callable
from pathlib import Path

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from checkie.providers.simulator.asgi import App, Caller, Route, Routes
from checkie.providers.simulator.bank import Bank
from checkie.providers.simulator.buyer_calls import BuyerCalls
from checkie.providers.simulator.control_calls import ControlCalls
from checkie.providers.simulator.links import Links, publishable_key
from checkie.providers.simulator.pages import Pages, static_files
from checkie.providers.simulator.server_calls import ServerCalls
from checkie.providers.simulator.store import Store
from checkie.providers.simulator.webhooks import Sender

_SERVER, _SCRIPT, _PERSON = Caller.SERVER, Caller.SCRIPT, Caller.PERSON


async def serve(  # noqa: PLR0913 one argument a setting of the command line, all by name
    *, host: str, port: int, data: Path, api_key: str, webhook_url: str, webhook_secret: str, public_url: str
) -> None:
    """Serve until SIGTERM or SIGINT. What it knows is in `data`/simulator.sqlite, and survives being killed.

    `public_url` is where browsers reach it; `webhook_url` is where it tells what happened, signed.
    """
    store = Store(data / "simulator.sqlite")
    sender = Sender(store, url=webhook_url, secret=webhook_secret, clock=clock)
    store.batches.committed = sender.pump
    bank = Bank(store, clock, lambda intent_id, at: _later(bank, intent_id, at))
    for intent_id, at in store.list_later():
        _later(bank, intent_id, at)
    sender.pump()
    pages = Pages()
    links = Links(public_url.rstrip("/"), publishable_key(api_key))
    stopping = asyncio.Event()
    app = App(routes(bank, links, pages), static_files(), bank, pages, api_key, stopping)
    server = Server(
        app,
        host,
        port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )
    _on_signals(stopping.set, server.stop)
    gc.freeze()  # what is there now stays: no collection needs to look at it
    try:
        await server.serve()
    finally:
        await sender.aclose()
        store.batches.close()


def routes(bank: Bank, links: Links, pages: Pages) -> Routes:
    """Every address the simulator answers."""
    server, buyer, control = ServerCalls(bank, links), BuyerCalls(bank, links, pages), ControlCalls(bank, links)
    return {
        "/v1/intents": {"POST": Route(server.create, _SERVER, "create"), "GET": Route(server.find, _SERVER, "find")},
        "/v1/intents/cancel": {"POST": Route(server.cancel_by_key, _SERVER, "cancel")},
        "/v1/intents/{id}": {"GET": Route(server.get, _SERVER, "find")},
        "/v1/intents/{id}/cancel": {"POST": Route(server.cancel, _SERVER, "cancel")},
        "/v1/intents/{id}/refunds": {"POST": Route(server.refund, _SERVER, "refund")},
        "/v1/intents/{id}/confirm": {"POST": Route(buyer.confirm, _SCRIPT, "confirm")},
        "/v1/intents/{id}/authenticate": {
            "GET": Route(buyer.show_challenge, _SCRIPT, "page"),
            "POST": Route(buyer.answer_challenge, _SCRIPT, "authenticate"),
        },
        "/pay/{id}": {"GET": Route(buyer.show_pay, _PERSON, "page"), "POST": Route(buyer.pay, _PERSON, "confirm")},
        "/fields": {"GET": Route(buyer.fields, _PERSON, "page")},
        "/control/faults": {
            "POST": Route(control.order_fault, _SERVER),
            "GET": Route(control.list_faults, _SERVER),
            "DELETE": Route(control.clear_faults, _SERVER),
        },
        "/control/intents": {"GET": Route(control.list_intents, _SERVER)},
        "/control/charges": {"GET": Route(control.list_charges, _SERVER)},
        "/control/webhooks": {"GET": Route(control.count_webhooks, _SERVER)},
        "/control/webhooks/resend": {"POST": Route(control.resend_webhooks, _SERVER)},
        "/health": {"GET": Route(control.health, _SCRIPT)},
    }


def clock() -> float:
    """The simulator is a program of its own; this is its only clock, in unix seconds."""
    return time.time()  # noqa: TID251 the edge of a separate program


def _later(bank: Bank, intent_id: str, at: float) -> None:
    asyncio.get_running_loop().call_later(max(0.0, at - clock()), bank.settle, intent_id)


def _on_signals(*stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, lambda: [act() for act in stop])
