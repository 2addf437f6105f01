"""The parts of the demo: their commands, ports and settings."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from checkie.app import compose, embedded
from checkie.app.demo.supervise import Child

HOST: Final = "127.0.0.1"
_READY_S: Final = 60.0
_POLL_S: Final = 0.03


class DemoError(Exception):
    """The demo cannot start. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the demo's parts are, and the secrets that they share."""

    data: Path
    port: int
    simulator_key: str = field(repr=False)
    simulator_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    keys: str = field(repr=False)

    @classmethod
    def load(cls, data: Path, port: int) -> Demo:
        """The demo of a data folder. Its secrets are generated on the first start and kept there."""
        return cls(
            data,
            port,
            compose.remember(data, "simulator_api_key", lambda: f"simkey_{secrets.token_hex(16)}"),
            compose.remember(data, "simulator_webhook_secret", lambda: f"simwh_{secrets.token_hex(24)}"),
            compose.remember(data, "webhook_secret", lambda: f"whsec_{_random_key()}"),
            compose.remember(data, "keyring", _random_key),
        )

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
        """The webhook listener."""
        return f"http://{HOST}:{self.port + 2}/webhooks"

    @property
    def webhook_log(self) -> Path:
        """The webhooks that the listener received, as JSON lines."""
        return self.data / "webhooks.jsonl"

    @property
    def logs(self) -> Path:
        """The folder of the parts' logs."""
        return self.data / "log"

    def variables(self, server: embedded.Server) -> dict[str, str]:
        """The settings of every part."""
        return {
            "CHECKIE_DATA": str(self.data),
            "CHECKIE_DATABASE_URL": server.url(),
            "CHECKIE_DATABASE_OWNER_URL": server.owner_url(),
            "CHECKIE_DATABASE_REPORTING_URL": server.url(),
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

    def children(self, environment: Mapping[str, str]) -> dict[str, Child]:
        """The processes, by the name of the part."""
        commands = {
            "simulator": ["simulator", "--port", str(self.port + 1)],
            "listener": ["listener", "--port", str(self.port + 2), "--log", str(self.webhook_log)],
            "api": ["serve"],
            "worker": ["worker"],
        }
        self.logs.mkdir(exist_ok=True)
        return {
            name: Child(name, command, environment, self.logs / f"{name}.log") for name, command in commands.items()
        }

    async def wait_until_listening(self) -> None:
        """Return when every server accepts connections. DemoError names the first that does not in time."""
        for name, port in (("API", self.port), ("simulator", self.port + 1), ("listener", self.port + 2)):
            try:
                async with asyncio.timeout(_READY_S):
                    while not await _listens(port):  # noqa: ASYNC110 another process sets no event of ours
                        await asyncio.sleep(_POLL_S)
            except TimeoutError:
                raise DemoError(f"The {name} does not listen on port {port}. Its log is in {self.logs}.") from None


def check_ports(port: int) -> None:
    """DemoError if one of the demo's three ports is in use."""
    for wanted in (port, port + 1, port + 2):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, wanted))
            except OSError:
                raise DemoError(f"Port {wanted} is in use. Choose another: make demo PORT={port + 10}") from None


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
