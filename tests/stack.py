"""The whole stack, `checkie demo`, in a process group of its own, which a test can stop or kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READY_S = 60.0


@dataclass
class Stack:
    """A demo on ports of its own."""

    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> dict[str, Any]:
        """Start it and wait until it is ready. Returns the content of demo.json."""
        self.launch()
        return self.ready()

    def launch(self) -> None:
        """Start it without waiting."""
        (self.data / "demo.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "checkie.app.cli", "demo", "--port", str(self.port), "--data", str(self.data)]
        with (self.data / "stack.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def ready(self) -> dict[str, Any]:
        """Wait until it is ready. Returns the content of demo.json."""
        assert self.process is not None
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                facts: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
                return facts
            time.sleep(0.02)
        raise AssertionError(f"the demo did not start:\n{(self.data / 'stack.log').read_text()[-4000:]}")

    def kill(self) -> None:
        """Send SIGKILL to the whole process group, as in a power failure."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Stop it as Ctrl-C does. Returns its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def doctor(self) -> dict[str, Any]:
        """The result of `checkie doctor --json`."""
        command = [sys.executable, "-m", "checkie.app.cli", "doctor", "--json", "--data", str(self.data)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=120)
        found: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if found["ok"] else 1)
        return found

    def webhooks(self) -> list[dict[str, Any]]:
        """The webhooks that the listener has received so far: headers and raw body of each."""
        log = self.data / "webhooks.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]  # a kill may truncate the last one


def free_port() -> int:
    """The first of three consecutive free ports."""
    for base in range(20_000 + os.getpid() % 10_000, 60_000, 3):
        with contextlib.ExitStack() as open_sockets:
            try:
                for offset in range(3):
                    probe = open_sockets.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", base + offset))
            except OSError:
                continue
            return base
    raise AssertionError("no three consecutive free ports")


@contextlib.contextmanager
def running(data: Path) -> Iterator[tuple[Stack, dict[str, Any]]]:
    """A running stack, and the content of its demo.json."""
    stack = Stack(data, free_port())
    facts = stack.start()
    try:
        yield stack, facts
    finally:
        if stack.process is not None and stack.process.poll() is None:
            stack.stop()
