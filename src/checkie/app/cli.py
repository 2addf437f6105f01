"""The command line: `checkie demo | serve | worker | simulator | listener | migrate | doctor | events`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # at run time each command imports it: `--help` need not wait for pydantic
    from checkie.app.settings import Settings

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    given = _parser().parse_args(arguments)
    from checkie.app.settings import SettingsError

    try:
        return COMMANDS[given.command](given)
    except SettingsError as error:
        print(f"checkie: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="checkie", description="A self-hosted checkout platform.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="run everything on this machine, with a demo store")
    demo.add_argument("--port", type=int, default=8000, help="port of the API; the two ports after it are used as well")
    demo.add_argument("--data", type=Path, default=Path(".checkie"), help="the data folder")
    demo.add_argument("--reset", action="store_true", help="delete the demo's data first")
    commands.add_parser("serve", help="run the API and the buyer's pages")
    commands.add_parser("worker", help="run the background work")
    simulator = commands.add_parser("simulator", help="run the payment simulator")
    simulator.add_argument("--port", type=int, default=8001)
    listener = commands.add_parser("listener", help="run a local server that records the webhooks it receives")
    listener.add_argument("--port", type=int, default=8002)
    listener.add_argument("--log", type=Path, default=Path(".checkie/webhooks.jsonl"), help="where to record them")
    migrate = commands.add_parser("migrate", help="create the database or update its schema")
    doctor = commands.add_parser("doctor", help="check every invariant of the stored data")
    doctor.add_argument("--json", action="store_true", help="print the result as JSON")
    events = commands.add_parser("events", help="process the dead letters of a consumer again")
    events.add_argument("action", choices=["redrive"])
    events.add_argument("consumer", help="progress or merchants")
    for parser_with_data in (migrate, doctor, events):
        parser_with_data.add_argument("--data", type=Path, help="the data folder; overrides CHECKIE_DATA")
    return parser


def _settings(given: argparse.Namespace) -> Settings:
    from checkie.app import logs
    from checkie.app.settings import load

    data = getattr(given, "data", None)
    settings = load({"CHECKIE_DATA": str(data)} if data else {})
    logs.configure(settings.log_level)
    return settings


def _demo(given: argparse.Namespace) -> int:
    from checkie.app.demo.parts import DemoError
    from checkie.app.demo.run import run
    from checkie.app.embedded import EmbeddedError

    try:
        asyncio.run(run(given.port, given.data, reset=given.reset))
    except (DemoError, EmbeddedError) as error:
        print(f"checkie: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(given: argparse.Namespace) -> int:
    from checkie.app.serve import serve

    serve(_settings(given))
    return 0


def _worker(given: argparse.Namespace) -> int:
    from checkie.app.serve import work

    work(_settings(given))
    return 0


def _simulator(given: argparse.Namespace) -> int:
    import uvloop

    from checkie.providers.simulator.http import serve

    settings = _settings(given)
    uvloop.run(
        serve(
            host=settings.host,
            port=given.port,
            data=settings.data,
            api_key=settings.simulator_api_key,
            webhook_url=f"{settings.public_url}/api/webhooks/simulator",
            webhook_secret=settings.simulator_webhook_secret,
            public_url=settings.simulator_url or f"http://{settings.host}:{given.port}",
        )
    )
    return 0


def _listener(given: argparse.Namespace) -> int:
    import uvloop

    from checkie.app.demo.listener import serve

    settings = _settings(given)
    uvloop.run(serve(settings.host, given.port, given.log))
    return 0


def _migrate(given: argparse.Namespace) -> int:
    from checkie.app import compose
    from checkie.app.settings import SettingsError
    from checkie.db import MigrationError, migrate

    with compose.database(_settings(given)) as urls:
        if urls.owner is None:
            raise SettingsError("CHECKIE_DATABASE_OWNER_URL must be set for migrate where CHECKIE_DATABASE_URL is.")
        try:
            applied = asyncio.run(migrate(urls.owner))
        except MigrationError as error:
            raise SettingsError(str(error)) from error
    print("\n".join(applied) or "The schema is up to date.")
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from checkie.app import compose, doctor
    from checkie.db import Database

    async def examine(url: str) -> Mapping[str, Sequence[str]]:
        async with Database.reporting(url) as db:
            return await doctor.examine(db)

    with compose.database(_settings(given)) as urls:
        findings = asyncio.run(examine(urls.reporting))
    ok = not any(findings.values())
    checks = [{"name": name, "ok": not found, "offenders": list(found)} for name, found in findings.items()]
    print(json.dumps({"ok": ok, "checks": checks}) if given.json else doctor.report(findings))
    return 0 if ok else 1


def _events(given: argparse.Namespace) -> int:
    from checkie.app import compose
    from checkie.app.clock import system_now
    from checkie.app.reactions import REACTIONS
    from checkie.app.settings import SettingsError
    from checkie.db import Database, Leases
    from checkie.outbox import Consumer, PostgresBus, redrive

    if given.consumer not in REACTIONS:
        raise SettingsError(f"unknown consumer. The consumers are {', '.join(REACTIONS)}.")

    settings = _settings(given)

    async def process(url: str) -> int:
        mode, size = settings.plan_cache_mode, settings.pool_size
        async with Database.hot(url, size, plan_cache_mode=mode, constraints=compose.CONSTRAINTS) as db:
            bus = PostgresBus(db, Leases(db, "redrive", "cli"))
            consumer = Consumer(given.consumer, REACTIONS[given.consumer], db, bus)
            return await redrive(db, consumer, system_now())

    with compose.database(settings) as urls:
        print(f"{asyncio.run(process(urls.app))} dead letters were processed.")
    return 0


COMMANDS: Final[Mapping[str, Command]] = {
    "demo": _demo,
    "serve": _serve,
    "worker": _worker,
    "simulator": _simulator,
    "listener": _listener,
    "migrate": _migrate,
    "doctor": _doctor,
    "events": _events,
}

if __name__ == "__main__":
    sys.exit(main())
