"""10,000 requests generated from the OpenAPI document: no 5xx, no undocumented response, and a consistent ledger.

Two processes, each with a seed of its own, call a whole demo over HTTP. `reach.py` leads them to resources that
exist, `schemathesis.toml` says what is checked. To repeat one:

    checkie demo --data .checkie
    python -m tests.fuzz.run .checkie --seed SEED --report /tmp/report.json
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stack import Stack

ROOT = Path(__file__).parents[2]
CASES = 10_000
PROCESSES = 2
LIMIT_S = 400
LED = (
    "get_page",
    "get_session",
    "change_session",
    "update_session",
    "get_status",
    "check_out",
    "initiate_payment",
    "receive_webhook",
)
"""What a case reaches only with an id that exists."""
ELSEWHERE = {("ready", "503"), ("get_page", "409")} | {
    (operation, "413") for operation in ("change_session", "update_session", "check_out", "receive_webhook")
}
"""Documented answers that schemathesis cannot bring about: large bodies (see test_odd_requests), no
database, and a page with the simulator in a live store, which nothing can create."""


@dataclass
class Run:
    """What came of one process."""

    seed: int
    report: dict[str, Any]
    seen: Counter[str]
    said: str


@dataclass
class Result:
    """The results of all runs, and the doctor's report afterwards."""

    runs: list[Run]
    document: dict[str, Any]
    doctor: dict[str, Any]
    took_s: float

    @property
    def answers(self) -> Counter[tuple[str, str]]:
        """How often each operation gave each status."""
        found: Counter[tuple[str, str]] = Counter()
        for run in self.runs:
            for answer, times in run.seen.items():
                operation, status = answer.split()[:2]
                found[operation, status] += times
        return found


def spawn(data: Path, seed: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.fuzz.run", str(data), "--seed", str(seed)]
    with (data / f"fuzz-{seed}.txt").open("wb") as said:
        return subprocess.Popen([*command, "--report", str(data / f"{seed}.json")], stdout=said, stderr=said, cwd=ROOT)


def finish(process: subprocess.Popen[bytes], data: Path, seed: int, deadline: float) -> Run:
    try:
        process.wait(max(1, deadline - time.monotonic()))
    finally:
        process.kill()
    said = (data / f"fuzz-{seed}.txt").read_text()
    report, seen = data / f"{seed}.json", data / f"{seed}.json.seen"
    assert report.exists(), said[-4000:]
    return Run(seed, json.loads(report.read_text()), Counter(json.loads(seen.read_text())), said)


def fuzz(stack: Stack, base_url: str, seeds: list[int]) -> Result:
    started = time.monotonic()
    processes = [spawn(stack.data, seed) for seed in seeds]
    deadline = started + LIMIT_S
    runs = [finish(process, stack.data, seed, deadline) for process, seed in zip(processes, seeds, strict=True)]
    took_s = time.monotonic() - started
    return Result(runs, httpx.get(f"{base_url}/api/openapi.json").json(), stack.doctor(), took_s)


def table(result: Result) -> str:
    lines = [
        f"{run.report['test_cases']['generated']:6} cases, seed {run.seed}, {run.report['running_time']:.0f} s"
        for run in result.runs
    ]
    answers: dict[str, list[str]] = {}
    for (operation, status), times in sorted(result.answers.items()):
        answers.setdefault(operation, []).append(f"{status}: {times}")
    return "\n".join([*lines, *(f"  {operation:16} {', '.join(found)}" for operation, found in answers.items())])


@pytest.fixture(scope="module")
def result(demo: tuple[Stack, dict[str, Any]], request: pytest.FixtureRequest) -> Result:
    seed = request.config.getoption("randomly_seed", 1)
    seeds = [seed * PROCESSES + number for number in range(PROCESSES)]
    print(f"\nschemathesis with seeds {seeds}")
    stack, facts = demo
    found = fuzz(stack, facts["base_url"], seeds)
    print(f"{table(found)}\n{found.took_s:.0f} s in all")
    return found


class TestTenThousandRequests:
    def test_are_sent(self, result: Result) -> None:
        assert sum(run.report["test_cases"]["generated"] for run in result.runs) >= CASES
        assert all(run.report["complete"] and not run.report["errors"] for run in result.runs)

    def test_get_documented_answers_only(self, result: Result) -> None:
        for run in result.runs:
            assert not run.report["failures"], run.said[run.said.find("= FAILURES") :][:12_000]
            assert run.report["exit_code"] == 0

    def test_break_nothing(self, result: Result) -> None:
        assert [answer for answer in result.answers if answer[1] >= "500"] == []

    @pytest.mark.parametrize("operation", LED)
    def test_reach_resources_that_exist(self, result: Result, operation: str) -> None:
        answers = {status: times for (name, status), times in result.answers.items() if name == operation}
        assert answers["200"] >= sum(answers.values()) * 0.1, answers

    def test_get_every_documented_answer(self, result: Result) -> None:
        documented = {
            (operation["operationId"], status)
            for path in result.document["paths"].values()
            for operation in path.values()
            for status in operation["responses"]
        }
        assert documented - result.answers.keys() <= ELSEWHERE

    def test_leave_a_consistent_ledger(self, result: Result) -> None:
        assert result.doctor["ok"], [check for check in result.doctor["checks"] if not check["ok"]]
