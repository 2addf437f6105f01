"""The measurements: each is a short slice of one run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from bench import limit, statements
from bench.processes import Process, cpu_ms, machine_cpu_ms
from bench.stack import Stack

BUYERS: Final = 32
CHECKIE: Final = ("api", "worker", "simulator", "listener", "supervisor")
"""Our own processes: all parts but PostgreSQL and the driver."""
_WEBHOOKS_EACH: Final = 2
"""Webhooks of a checkout: customer.created and payment.completed."""
_CATCH_UP_S: Final = 10.0
_MAX_COUNT: Final = 20_000


@dataclass(slots=True)
class Sum:
    """The totals of slices of the same load."""

    done: int = 0
    seconds: float = 0.0
    polls: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    took_ms: dict[str, list[float]] = field(default_factory=dict)
    cpu_ms: dict[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    others_ms: float = 0.0
    late_s: list[float] = field(default_factory=list)
    webhooks: int = 0

    @property
    def per_s(self) -> float:
        """Rate per second."""
        return self.done / self.seconds

    @property
    def cpu_each(self) -> float:
        """CPU of all processes per operation, in milliseconds."""
        return sum(self.cpu_ms.values()) / self.done

    def add(self, answer: Mapping[str, Any]) -> None:
        """Add the driver's results of one slice."""
        self.done += answer["done"]
        self.seconds += answer["seconds"]
        self.polls += answer["polls"]
        self.failures.update(answer["failures"])
        for call, times in answer["took_ms"].items():
            self.took_ms.setdefault(call, []).extend(times)


class Bench:
    """A stack under load, in slices of limited time."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._driver = subprocess.Popen(
            [sys.executable, "-m", "bench.driver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._runs = count(1)

    def close(self) -> None:
        """Stop the driver."""
        self._driver.communicate()

    def checkouts(self, into: Sum, seconds: float, pages: Sequence[str], max_count: int = _MAX_COUNT) -> Sum:
        """Checkouts on `pages`; then wait until all webhooks are delivered, and count that work as well."""
        before = self.stack.deliveries
        with self._measured(into):
            answer = self._drive(do="checkouts", pages=pages, seconds=seconds, max_count=max_count)
            into.late_s.append(self._catch_up(before + _WEBHOOKS_EACH * answer["done"]))
        into.webhooks += self.stack.deliveries - before
        into.add(answer)
        return into

    def page_gets(self, path: str, seconds: float) -> Sum:
        """GETs of one path of the API."""
        found = Sum()
        with self._measured(found):
            answer = self._drive(do="page_gets", path=path, seconds=seconds, max_count=_MAX_COUNT)
        found.add(answer)
        return found

    @contextmanager
    def _measured(self, into: Sum) -> Iterator[None]:
        """Add what the context costs."""
        parts = {**self.stack.parts, "driver": Process(self._driver.pid)}
        before, machine, started = cpu_ms(parts), machine_cpu_ms(), time.monotonic()
        yield
        into.wall_s += time.monotonic() - started
        after = cpu_ms(parts)
        spent = {name: after[name] - before[name] for name in parts}
        into.cpu_ms = {name: into.cpu_ms.get(name, 0) + ms for name, ms in spent.items()}
        into.others_ms += machine_cpu_ms() - machine - sum(spent.values())

    def limit(self, script: Path, seconds: int) -> limit.Reached:
        """The same rows, written by pgbench."""
        return limit.run(self.stack.server, script, number=next(self._runs), clients=BUYERS, seconds=seconds)

    def statements(self, max_count: int) -> tuple[Counter[str], int, int]:
        """SQL statements by text, how many the API sent by its own count, and the number of checkouts."""
        with statements.counted(self.stack.server) as found:
            api = self.stack.api_statements
            bought = self.checkouts(Sum(), 10, [self.stack.page], max_count)
            api = self.stack.api_statements - api
        return found, api, bought.done

    def idle_cpu(self, seconds: float) -> dict[str, float]:
        """CPU of each part without load, in percent of one core."""
        before = cpu_ms(self.stack.parts)
        time.sleep(seconds)
        after = cpu_ms(self.stack.parts)
        return {name: (after[name] - before[name]) / seconds / 10 for name in before}

    def _drive(self, **command: Any) -> dict[str, Any]:
        facts = self.stack.facts
        where = {
            "api": facts["base_url"],
            "provider": facts["simulator_url"],
            "buyers": BUYERS,
            "run": next(self._runs),
        }
        if self._driver.stdin is None or self._driver.stdout is None:
            raise RuntimeError("the driver has no pipes")
        self._driver.stdin.write(json.dumps({**where, **command}) + "\n")
        self._driver.stdin.flush()
        answer: dict[str, Any] = json.loads(self._driver.stdout.readline())
        return answer

    def _catch_up(self, expected: int) -> float:
        """Wait until that many webhooks are delivered; returns how long that took."""
        started = time.monotonic()
        while self.stack.deliveries < expected and time.monotonic() - started < _CATCH_UP_S:
            time.sleep(0.02)
        return time.monotonic() - started
