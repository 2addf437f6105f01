"""CPU time and memory of processes, from /proc (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICK_MS: Final = 1000 / os.sysconf("SC_CLK_TCK")
_PARTS: Final = {"serve": "api", "worker": "worker", "simulator": "simulator", "listener": "listener"}


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its pid."""

    pid: int

    @property
    def cpu_ms(self) -> float:
        """Its CPU time so far: user and system, all threads."""
        return sum(self._times()[:2]) * _TICK_MS

    @property
    def family_cpu_ms(self) -> float:
        """Its own and that of its children, living and reaped: a PostgreSQL server with all its backends."""
        return sum(self._times()) * _TICK_MS + sum(child.cpu_ms for child in self.children())

    @property
    def peak_rss_mb(self) -> float:
        """Its peak resident memory (VmHWM), in megabytes of 10^6 bytes."""
        for line in (Path("/proc") / str(self.pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
        return 0.0

    @property
    def arguments(self) -> list[str]:
        """Its command line; empty if it has ended."""
        try:
            return (Path("/proc") / str(self.pid) / "cmdline").read_text(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            return []

    def children(self) -> list[Process]:
        """Its living children."""
        found = []
        for task in (Path("/proc") / str(self.pid) / "task").iterdir():
            found += [Process(int(pid)) for pid in (task / "children").read_text().split()]
        return found

    def _times(self) -> tuple[int, int, int, int]:
        """utime, stime, cutime and cstime, in ticks."""
        try:
            fields = (Path("/proc") / str(self.pid) / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return 0, 0, 0, 0
        utime, stime, cutime, cstime = (int(field) for field in fields[11:15])
        return utime, stime, cutime, cstime


def parts_of(demo: int) -> dict[str, Process]:
    """The processes of a `checkie demo`, by the name of the part."""
    found = {"supervisor": Process(demo)}
    for child in Process(demo).children():
        arguments = child.arguments
        if any("postgres" in argument for argument in arguments[:1]):
            found["postgres"] = child
        found.update({_PARTS[word]: child for word in arguments if word in _PARTS})
    return found


def cpu_ms(parts: Mapping[str, Process]) -> dict[str, float]:
    """CPU time so far of each part."""
    return {name: part.family_cpu_ms if name == "postgres" else part.cpu_ms for name, part in parts.items()}


def machine_cpu_ms() -> float:
    """CPU time so far of the whole machine, all cores."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq) * _TICK_MS
