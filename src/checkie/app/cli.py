"""The command line: `checkie demo | serve | worker | simulator | listener | migrate | doctor | events`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from checkie.app import logs
from checkie.app.settings import Settings, SettingsError, load

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status."""
    given = _parser().parse_args(arguments)
    try:
        return COMMANDS[given.command](given)
    except SettingsError as error:
        print(f"checkie: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="checkie", description="A self-hosted checkout.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="everything on this machine, with a demo store")
    demo.add_argument("--port", type=int, default=8000)
    demo.add_argument("--data", type=Path, default=Path(".checkie"))
    demo.add_argument("--reset", action="store_true", help="start afresh: delete the demo's data")
    commands.add_parser("serve", help="the API and the buyer's pages")
    commands.add_parser("worker", help="background work")
    simulator = commands.add_parser("simulator", help="the payment simulator")
    simulator.add_argument("--port", type=int, default=8001)
    listener = commands.add_parser("listener", help="a local listener for webhooks, which writes them down")
    listener.add_argument("--port", type=int, default=8002)
    listener.add_argument("--log", type=Path, default=Path(".checkie/webhooks.jsonl"))
    migrate = commands.add_parser("migrate", help="bring the database up to date")
    doctor = commands.add_parser("doctor", help="check every published invariant")
    doctor.add_argument("--json", action="store_true")
    events = commands.add_parser("events", help="dead letters")
    events.add_argument("action", choices=["redrive"])
    events.add_argument("consumer")
    for parser_with_data in (migrate, doctor, events):
        parser_with_data.add_argument("--data", type=Path, help="the data folder, instead of CHECKIE_DATA")
    return parser


def _settings(given: argparse.Namespace) -> Settings:
    import os

    environment = dict(os.environ)  # noqa: TID251  `--data` is another spelling of one variable
    if getattr(given, "data", None):
        environment["CHECKIE_DATA"] = str(given.data)
    settings = load(environment)
    logs.configure(settings.log_level)
    return settings


def _demo(given: argparse.Namespace) -> int:
    from checkie.app import demo, embedded

    try:
        asyncio.run(demo.run(given.port, given.data, reset=given.reset))
    except (demo.DemoError, embedded.EmbeddedError) as error:
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

    from checkie.providers.simulator import serve

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

    from checkie.app.listener import serve

    settings = _settings(given)
    uvloop.run(serve(settings.host, given.port, given.log))
    return 0


def _migrate(given: argparse.Namespace) -> int:
    from checkie.app import compose
    from checkie.db import MigrationError, migrate

    with compose.database(_settings(given)) as urls:
        if urls.owner is None:
            raise SettingsError("CHECKIE_DATABASE_OWNER_URL must be set to migrate where CHECKIE_DATABASE_URL is.")
        try:
            done = asyncio.run(migrate(urls.owner))
        except MigrationError as error:
            raise SettingsError(str(error)) from error
    print("\n".join(done) or "Nothing to do.")
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from checkie.app import compose, doctor
    from checkie.db import Database

    async def examine(url: str) -> Mapping[str, Sequence[str]]:
        async with Database(url) as db:
            return await doctor.examine(db)

    with compose.database(_settings(given)) as urls:
        findings = asyncio.run(examine(urls.app))
    ok = not any(findings.values())
    checks = [{"name": name, "ok": not found, "offenders": list(found)} for name, found in findings.items()]
    print(json.dumps({"ok": ok, "checks": checks}) if given.json else doctor.report(findings))
    return 0 if ok else 1


def _events(given: argparse.Namespace) -> int:
    from checkie.app import compose
    from checkie.app.clock import system_now
    from checkie.app.reactions import REACTIONS
    from checkie.db import Database, Leases
    from checkie.outbox import Consumer, PostgresBus, redrive

    if given.consumer not in REACTIONS:
        raise SettingsError(f"no such consumer; there are {', '.join(REACTIONS)}.")

    async def again(url: str) -> int:
        async with Database(url) as db:
            bus = PostgresBus(db, Leases(db, "redrive", "cli"))
            consumer = Consumer(given.consumer, REACTIONS[given.consumer], db, bus)
            return await redrive(db, consumer, system_now())

    with compose.database(_settings(given)) as urls:
        print(f"{asyncio.run(again(urls.app))} dead letters went through.")
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
