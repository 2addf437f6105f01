"""The figures of a run, as a table for people and as bench.json."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.buyers import CALLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number. `ratio` is value to limit; `target` is the wanted value, in words: printed, not enforced."""

    value: float
    unit: str
    limit: float | None = None
    ratio: float | None = None
    target: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored in bench.json."""
        return {
            "value": round(self.value, 3),
            "unit": self.unit,
            "limit": None if self.limit is None else round(self.limit, 3),
            "ratio": None if self.ratio is None else round(self.ratio, 4),
            "target": self.target,
        }


@dataclass(slots=True)
class Report:
    """Figures by name, and notes about the run."""

    figures: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, target: str | None = None, limit: float | None = None) -> None:
        """Add a figure and, with a limit, its ratio to the limit."""
        ratio = value / limit if limit else None
        self.figures[name] = Figure(value=value, unit=unit, limit=limit, ratio=ratio, target=target)

    def write(self, path: Path) -> None:
        """Store the figures as JSON."""
        found = {name: figure.as_json() for name, figure in self.figures.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=2) + "\n")

    def text(self) -> str:
        """The figures and notes, for people."""
        rows: list[Sequence[str]] = [("", "value", "unit", "limit", "ratio", "target")]
        for name, figure in self.figures.items():
            limit = "" if figure.limit is None else readable(figure.limit)
            ratio = "" if figure.ratio is None else f"{figure.ratio:.0%}"
            rows.append(
                (name.replace("_", " "), readable(figure.value), figure.unit, limit, ratio, figure.target or "")
            )
        return "\n".join([*aligned(rows, left=(0, 2, 5)), "", *self.notes])


def percentile(times: Sequence[float], share: float) -> float:
    """The smallest time that at least that share of the times does not exceed."""
    ordered = sorted(times)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]


def latencies(took_ms: Mapping[str, Sequence[float]]) -> str:
    """A table of p50, p95 and p99 by call."""
    rows: list[Sequence[str]] = [("milliseconds", "calls", "p50", "p95", "p99")]
    for call in CALLS:
        times = took_ms.get(call, ())
        if times:
            shown = [f"{percentile(times, share):.1f}" for share in (0.5, 0.95, 0.99)]
            rows.append((call, str(len(times)), *shown))
    return "\n".join(aligned(rows, left=(0,)))


def readable(value: float) -> str:
    """A number with the digits that matter."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def aligned(rows: Sequence[Sequence[str]], *, left: Collection[int]) -> Iterable[str]:
    """The rows of a table as lines. The columns `left` are aligned to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
