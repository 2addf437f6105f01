"""The process of the buyers. It reads one JSON command per line and answers each with one JSON line.

It is a process of its own so that the CPU of the buyers is measured separately. It ends when its input ends.
"""

from __future__ import annotations

import gc
import json
import sys
from time import perf_counter
from typing import Any

import uvloop

from bench.buyers import Address, Load, Score


async def _do(command: dict[str, Any]) -> dict[str, Any]:
    load = Load(
        Address.of(command["api"]),
        Address.of(command["provider"]),
        command["buyers"],
        command["seconds"],
        command["max_count"],
    )
    started = perf_counter()
    if command["do"] == "checkouts":
        score = await load.checkouts(command["run"], command["pages"])
    else:
        score = await load.page_gets(command["path"])
    return _as_json(score, perf_counter() - started)


def _as_json(score: Score, seconds: float) -> dict[str, Any]:
    return {
        "done": score.done,
        "seconds": seconds,
        "polls": score.polls,
        "failures": {why: count for why, count in score.failures.items() if count},
        "took_ms": {call: times for call, times in score.took_ms.items() if times},
    }


def main() -> None:
    """Execute commands until the input ends."""
    gc.freeze()
    for line in sys.stdin:
        answer = uvloop.run(_do(json.loads(line)))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
