"""Keep a child process running."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_STOP_S: Final = 10.0
_MIN_PAUSE_S: Final = 0.2
_MAX_PAUSE_S: Final = 5.0


@dataclass(slots=True)
class Child:
    """A part of Checkie that runs as a process: `checkie <command>`."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def keep_running(self) -> None:
        """Run the process, restart it whenever it ends, and stop it when cancelled."""
        pause_s = _MIN_PAUSE_S
        loop = asyncio.get_running_loop()
        try:
            while True:
                started = loop.time()
                await self._run()
                if loop.time() - started > _MAX_PAUSE_S:
                    pause_s = _MIN_PAUSE_S
                print(f"checkie: {self.name} ended. Restarting it. Its log: {self.log}", flush=True)  # noqa: T201  for people
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _MAX_PAUSE_S)
        finally:
            await self.stop()

    async def _run(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "checkie.app.cli",
                *self.arguments,
                env=dict(self.environment),
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
            )
        await self.process.wait()

    async def stop(self) -> None:
        """Terminate the process; kill it if it does not end in time."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
