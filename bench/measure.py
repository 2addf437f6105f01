"""The measurements, each a short, bounded piece of one run."""

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
_EVENTS_EACH: Final = 2
"""A checkout tells its merchant of a new customer and of a payment."""
_CATCH_UP_S: Final = 10.0
_MOST: Final = 20_000


@dataclass(slots=True)
class Sum:
    """What slices of the same load came to, together."""

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
        """How many a second."""
        return self.done / self.seconds

    @property
    def cpu_each(self) -> float:
        """CPU of all processes for one, in milliseconds."""
        return sum(self.cpu_ms.values()) / self.done

    def add(self, answer: Mapping[str, Any]) -> None:
        """Take in what the driver says of one slice."""
        self.done += answer["done"]
        self.seconds += answer["seconds"]
        self.polls += answer["polls"]
        self.failures.update(answer["failures"])
        for call, times in answer["took_ms"].items():
            self.took_ms.setdefault(call, []).extend(times)


class Bench:
    """A stack under load. Slices are bounded in time; one name of load may be put in several slices."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._driver = subprocess.Popen(
            [sys.executable, "-m", "bench.driver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._runs = count(1)

    def close(self) -> None:
        """Let the driver end."""
        self._driver.communicate()

    def checkouts(self, into: Sum, seconds: float, pages: Sequence[str], most: int = _MOST) -> Sum:
        """Buyers on `pages`; then wait until the merchants were told of everything, and count that work too."""
        told = self.stack.deliveries
        with self._measured(into):
            answer = self._tell(do="checkouts", pages=pages, seconds=seconds, most=most)
            into.late_s.append(self._catch_up(told + _EVENTS_EACH * answer["done"]))
        into.webhooks += self.stack.deliveries - told
        into.add(answer)
        return into

    def page_gets(self, path: str, seconds: float) -> Sum:
        """GETs of one path of the API."""
        found = Sum()
        with self._measured(found):
            answer = self._tell(do="page_gets", path=path, seconds=seconds, most=_MOST)
        found.add(answer)
        return found

    @contextmanager
    def _measured(self, into: Sum) -> Iterator[None]:
        """Add what the block costs."""
        parts = {**self.stack.parts, "driver": Process(self._driver.pid)}
        before, machine, started = cpu_ms(parts), machine_cpu_ms(), time.monotonic()
        yield
        into.wall_s += time.monotonic() - started
        after = cpu_ms(parts)
        spent = {name: after[name] - before[name] for name in parts}
        into.cpu_ms = {name: into.cpu_ms.get(name, 0) + ms for name, ms in spent.items()}
        into.others_ms += machine_cpu_ms() - machine - sum(spent.values())

    def limit(self, script: Path, seconds: int) -> limit.Reached:
        """The same rows by pgbench."""
        return limit.run(self.stack.server, script, number=next(self._runs), clients=BUYERS, seconds=seconds)

    def statements(self, most: int) -> tuple[Counter[str], int, int]:
        """SQL statements by text, how many of them the API says it sent, and for how many checkouts."""
        with statements.counted(self.stack.server) as found:
            api = self.stack.api_statements
            bought = self.checkouts(Sum(), 10, [self.stack.page], most)
            api = self.stack.api_statements - api
        return found, api, bought.done

    def idle_cpu(self, seconds: float) -> dict[str, float]:
        """CPU of each part in per cent of one core while nobody buys."""
        before = cpu_ms(self.stack.parts)
        time.sleep(seconds)
        after = cpu_ms(self.stack.parts)
        return {name: (after[name] - before[name]) / seconds / 10 for name in before}

    def _tell(self, **command: Any) -> dict[str, Any]:
        facts = self.stack.facts
        where = {"api": facts["base_url"], "bank": facts["simulator_url"], "buyers": BUYERS, "run": next(self._runs)}
        if self._driver.stdin is None or self._driver.stdout is None:
            raise RuntimeError("the driver has no pipes")
        self._driver.stdin.write(json.dumps({**where, **command}) + "\n")
        self._driver.stdin.flush()
        answer: dict[str, Any] = json.loads(self._driver.stdout.readline())
        return answer

    def _catch_up(self, expected: int) -> float:
        """Wait for the merchants' webhooks; how long that took."""
        started = time.monotonic()
        while self.stack.deliveries < expected and time.monotonic() - started < _CATCH_UP_S:
            time.sleep(0.02)
        return time.monotonic() - started
