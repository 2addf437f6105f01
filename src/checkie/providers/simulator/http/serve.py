"""The simulator as a process: composed here, and run until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Callable
from pathlib import Path

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from checkie.providers.simulator.bank.bank import Bank
from checkie.providers.simulator.bank.database import Database
from checkie.providers.simulator.http.asgi import App, Caller, Route, Routes
from checkie.providers.simulator.http.buyer_calls import BuyerCalls
from checkie.providers.simulator.http.control_calls import ControlCalls
from checkie.providers.simulator.http.links import Links, publishable_key
from checkie.providers.simulator.http.pages import Pages, static_files
from checkie.providers.simulator.http.sender import Sender
from checkie.providers.simulator.http.server_calls import ServerCalls

_SERVER, _SCRIPT, _BROWSER = Caller.SERVER, Caller.SCRIPT, Caller.BROWSER


async def serve(  # noqa: PLR0913 one argument a setting of the command line, all by name
    *, host: str, port: int, data: Path, api_key: str, webhook_url: str, webhook_secret: str, public_url: str
) -> None:
    """Serve until SIGTERM or SIGINT. All state is in `data`/simulator.sqlite, and survives a killed process.

    `public_url` is where browsers reach it; `webhook_url` is where it sends its signed webhooks.
    """
    db = Database(data / "simulator.sqlite")
    sender = Sender(db, url=webhook_url, secret=webhook_secret, clock=clock)
    db.file.on_commit = sender.pump
    bank = _bank(db)
    sender.pump()
    stopping = asyncio.Event()
    pages, links = Pages(), Links(public_url.rstrip("/"), publishable_key(api_key))
    app = App(routes(bank, links, pages), static_files(), bank, pages, api_key, stopping)
    server = _server(app, host, port)
    _on_signals(stopping.set, server.stop)
    gc.freeze()  # objects that exist now last as long as the process: no collection needs to visit them
    try:
        await server.serve()
    finally:
        await sender.aclose()
        db.file.close()


def routes(bank: Bank, links: Links, pages: Pages) -> Routes:
    """Every route of the simulator."""
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
            "POST": Route(buyer.authenticate, _SCRIPT, "authenticate"),
        },
        "/pay/{id}": {"GET": Route(buyer.show_pay, _BROWSER, "page"), "POST": Route(buyer.pay, _BROWSER, "confirm")},
        "/fields": {"GET": Route(buyer.fields, _BROWSER, "page")},
        "/health": {"GET": Route(control.health, _SCRIPT)},
        **_control_routes(control),
    }


def _control_routes(control: ControlCalls) -> Routes:
    return {
        "/control/faults": {
            "POST": Route(control.add_fault, _SERVER),
            "GET": Route(control.list_faults, _SERVER),
            "DELETE": Route(control.delete_faults, _SERVER),
        },
        "/control/intents": {"GET": Route(control.list_intents, _SERVER)},
        "/control/charges": {"GET": Route(control.list_charges, _SERVER)},
        "/control/webhooks": {"GET": Route(control.count_webhooks, _SERVER)},
        "/control/webhooks/resend": {"POST": Route(control.resend_webhooks, _SERVER)},
    }


def clock() -> float:
    """Unix time. The simulator is a program of its own, and this is its only clock."""
    return time.time()  # noqa: TID251 the edge of a separate program


def _bank(db: Database) -> Bank:
    """The bank, with every decision scheduled that was due when the process ended or is due later."""
    bank = Bank(db, clock, lambda intent_id, at: _schedule(bank, intent_id, at))
    for intent_id, at in db.list_unsettled():
        _schedule(bank, intent_id, at)
    return bank


def _server(app: App, host: str, port: int) -> Server:
    asgi, http1 = Interfaces.ASGINL, HTTPModes.http1
    return Server(app, host, port, interface=asgi, http=http1, websockets=False, backlog=1024, log_enabled=False)


def _schedule(bank: Bank, intent_id: str, at: float) -> None:
    asyncio.get_running_loop().call_later(max(0.0, at - clock()), bank.settle, intent_id)


def _on_signals(*stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: [act() for act in stop])
