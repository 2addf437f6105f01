"""The buyers' process. Reads one JSON command a line, answers one JSON line each, ends with its input.

A process of its own, so that what the buyers cost is measured apart from what they cause.
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
        Address.of(command["api"]), Address.of(command["bank"]), command["buyers"], command["seconds"], command["most"]
    )
    started = perf_counter()
    if command["do"] == "checkouts":
        score = await load.checkouts(command["run"], command["pages"])
    else:
        score = await load.page_gets(command["path"])
    return _told(score, perf_counter() - started)


def _told(score: Score, seconds: float) -> dict[str, Any]:
    return {
        "done": score.done,
        "seconds": seconds,
        "polls": score.polls,
        "failures": {why: count for why, count in score.failures.items() if count},
        "took_ms": {call: times for call, times in score.took_ms.items() if times},
    }


def main() -> None:
    """Serve commands until the input ends."""
    gc.freeze()
    for line in sys.stdin:
        answer = uvloop.run(_do(json.loads(line)))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
