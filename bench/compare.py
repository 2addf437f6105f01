"""Compare this release with another one. Both run at once and are measured in turn, so that conditions are the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench import stack, statements
from bench.measure import CHECKIE, Bench, Sum
from bench.report import aligned, readable
from bench.stack import OURS, Release

Reading = Mapping[str, float]
FIGURES: Final = {
    "cpu_ms_per_checkout": ("ms, all processes", "at most 1.05"),
    "checkouts_per_s": ("1/s", ""),
    "page_gets_per_s": ("1/s, HTML, a session each", "at least 0.95"),
    "cpu_ms_page_get": ("ms, all processes", "at most 1.05"),
    "hot_store_ratio": ("one store's rate to fifty stores' rate", "at least 0.95"),
    "hot_store_cpu_ratio": ("the same by CPU", "at least 0.95"),
    "rss_mb_max": ("MB, the largest process", "at most 1.05"),
}
"""What is compared: the unit, and the wanted ratio of new to old. Targets are printed, not enforced."""


@dataclass(slots=True)
class Comparison:
    """Readings of both releases, pair by pair."""

    old: list[Reading] = field(default_factory=list)
    new: list[Reading] = field(default_factory=list)

    def ratios(self, name: str) -> list[float]:
        """New to old in each pair."""
        return [new[name] / old[name] for old, new in zip(self.old, self.new, strict=True)]

    def as_json(self) -> dict[str, Any]:
        """Every figure with all its readings."""
        return {
            name: {
                "unit": unit,
                "target": target or None,
                "old": [round(reading[name], 4) for reading in self.old],
                "new": [round(reading[name], 4) for reading in self.new],
                "median_ratio": round(median(self.ratios(name)), 4),
            }
            for name, (unit, target) in FIGURES.items()
        }

    def text(self) -> str:
        """A table for people."""
        rows: list[Sequence[str]] = [("", "old", "new", "new/old", "lowest", "highest", "target", "unit")]
        for name, (unit, target) in FIGURES.items():
            ratios = self.ratios(name)
            medians = [readable(median(reading[name] for reading in side)) for side in (self.old, self.new)]
            shown = [f"{ratio:.3f}" for ratio in (median(ratios), min(ratios), max(ratios))]
            rows.append((name.replace("_", " "), *medians, *shown, target, unit))
        return "\n".join(aligned(rows, left=(0, 6, 7)))


@dataclass(slots=True)
class _Side:
    """One of the two releases under load."""

    bench: Bench
    many: Sequence[str]
    failures: Counter[str] = field(default_factory=Counter)

    def measure(self, pace: float, *, hot_first: bool) -> Reading:
        """One turn: checkouts in one store and in many stores, and page views."""
        page, hot, spread = self.bench.stack.page, Sum(), Sum()
        for into, pages in ((hot, [page]), (spread, self.many))[:: 1 if hot_first else -1]:
            self.bench.checkouts(into, 4 * pace, pages)
        gets = self.bench.page_gets(f"/{page}", 2 * pace)
        for found in (hot, spread, gets):
            self.failures.update(found.failures)
        return {
            "cpu_ms_per_checkout": hot.cpu_each,
            "checkouts_per_s": hot.per_s,
            "page_gets_per_s": gets.per_s,
            "cpu_ms_page_get": gets.cpu_each,
            "hot_store_ratio": hot.per_s / spread.per_s,
            "hot_store_cpu_ratio": spread.cpu_each / hot.cpu_each,
            "rss_mb_max": max(self.bench.stack.parts[name].peak_rss_mb for name in CHECKIE),
        }

    def check(self) -> None:
        """Count what `checkie doctor` finds as failures."""
        found = self.bench.stack.doctor()
        self.failures.update(f"doctor: {check['name']}" for check in found["checks"] if not check["ok"])
        if not found["ok"] and not found["checks"]:
            self.failures[f"doctor: {found['error'][-500:]}"] += 1


@contextmanager
def _started(folder: Path, release: Release, pace: float) -> Iterator[_Side]:
    """A release that runs and is warm, with many stores and current statistics."""
    with stack.running(folder, release) as running, closing(Bench(running)) as bench:
        side = _Side(bench, running.make_stores_by_release(50))
        for pages in ([running.page], side.many):
            bench.checkouts(Sum(), 4 * pace, pages)
        statements.analyze(running.server)
        bench.checkouts(Sum(), 2 * pace, [running.page])
        yield side


def compare(data: Path, other: Release, pairs: int, pace: float) -> int:
    """Measure both releases `pairs` times, print and store the result. 1 if a checkout or an invariant failed."""
    comparison = Comparison()
    with (
        _started(data.resolve() / "bench-old", other, pace) as old,
        _started(data.resolve() / "bench-new", OURS, pace) as new,
    ):
        for pair in range(pairs):
            for side, readings in ((old, comparison.old), (new, comparison.new))[:: 1 if pair % 2 else -1]:
                readings.append(side.measure(pace, hot_first=bool(pair // 2 % 2)))
            ratio = comparison.ratios("cpu_ms_per_checkout")[-1]
            print(f"pair {pair + 1} of {pairs}: CPU per checkout, new/old: {ratio:.3f}", flush=True)
        for side in (old, new):
            side.check()
    (data / "bench-compare.json").write_text(json.dumps(comparison.as_json(), indent=2) + "\n")
    print(f"\nMedians of {pairs} pairs; old is {other.folder}.\n{comparison.text()}")
    for name, side in (("old", old), ("new", new)):
        for why, count in side.failures.most_common(10):
            print(f"FAILED {count} times, {name} release: {why}")
    return 1 if old.failures.total() or new.failures.total() else 0
