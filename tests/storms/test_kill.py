"""Kill everything at any moment, again and again, while people buy: nothing is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
import collections
import json
import os
import random
import secrets
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.buyer import Buyer
from tests.stack import Stack, free_port

KILLS = int(os.environ.get("STORM_KILLS", "50"))  # noqa: TID251 an option of the command that runs this
BUYERS = 6
SETTLES_WITHIN_S = 90.0
NOTIFIED_WITHIN_S = 400.0  # the third try is made five minutes after the second


class Storm:
    """Buyers pay, one after another in each of a few lanes, while the stack is killed and started."""

    def __init__(self, stack: Stack, facts: dict[str, Any], seed: int) -> None:
        self.stack = stack
        self.facts = facts
        self.random = random.Random(seed)  # noqa: S311 the seed repeats a storm
        self.bought: list[Buyer] = []
        self.is_over = False

    async def buy_on(self, lane: int) -> None:
        """One purchase after another until the storm is over; one that was started is finished."""
        async with httpx.AsyncClient(timeout=15) as http:
            while not self.is_over:
                email = f"lane{lane}-{len(self.bought)}@example.com"
                buyer = Buyer(http, self.facts["base_url"], "demo/field-notes", email)
                answer = await buyer.buy(secrets.token_hex(8))
                assert answer["status"] == "succeeded", answer
                self.bought.append(buyer)

    async def kill_on(self) -> None:
        """Kill and start, at times that the seed chooses: in turn while everything runs and while it starts."""
        for number in range(KILLS):
            if number % 2:
                await asyncio.sleep(self.random.uniform(0.0, 2.0))
            else:
                self.facts = await asyncio.to_thread(self.stack.ready)
                await asyncio.sleep(self.random.uniform(0.0, 1.0))
            await asyncio.to_thread(self.stack.kill)
            await asyncio.to_thread(self.stack.launch)
        self.facts = await asyncio.to_thread(self.stack.ready)
        self.is_over = True

    async def charges(self) -> dict[str, int]:
        """How often the simulator charged each attempt, over all pages of the list."""
        key = json.loads((self.stack.data / "secrets.json").read_text())["simulator_api_key"]
        found: list[dict[str, Any]] = []
        async with httpx.AsyncClient(base_url=self.facts["simulator_url"], timeout=15) as http:
            more = True
            while more:
                query = {"limit": 100, **({"starting_after": found[-1]["intent"]} if found else {})}
                answer = await http.get("/control/charges", params=query, headers={"Authorization": f"Bearer {key}"})
                page = answer.raise_for_status().json()
                found += page["data"]
                more = page["has_more"]
        return {charge["attempt"]: charge["times_charged"] for charge in found}


@pytest.fixture
def stack(tmp_path: Path) -> Any:
    """A stack of its own, for it will be killed."""
    stack = Stack(tmp_path, free_port())
    yield stack
    if stack.process is not None and stack.process.poll() is None:
        stack.stop()


async def test_killed_at_any_moment_it_loses_nothing_and_does_nothing_twice(
    stack: Stack, pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("randomly_seed", default=1) or 1
    print(f"storm seed {seed}, {KILLS} kills")
    storm = Storm(stack, await asyncio.to_thread(stack.start), int(seed))
    async with asyncio.TaskGroup() as tasks:
        for lane in range(BUYERS):
            tasks.create_task(storm.buy_on(lane))
        tasks.create_task(storm.kill_on())
    print(f"{len(storm.bought)} purchases went through {KILLS} kills")
    assert len(storm.bought) >= KILLS // 2, "the kills left no time to buy anything"

    await asyncio.gather(*(_settled(buyer) for buyer in storm.bought))
    found = await asyncio.to_thread(stack.doctor)
    assert found["ok"], [check for check in found["checks"] if not check["ok"]]
    await _each_was_charged_once(storm)
    await _each_was_notified_once(storm)


async def _settled(buyer: Buyer) -> None:
    async with httpx.AsyncClient(timeout=15) as http:
        buyer.http = http
        await buyer.until("COMPLETED", within_s=SETTLES_WITHIN_S)


async def _each_was_charged_once(storm: Storm) -> None:
    times = await storm.charges()
    assert {attempt for attempt, count in times.items() if count != 1} == set(), "charged twice"
    wanted = {buyer.paying["attempt"]["id"] for buyer in storm.bought}
    assert wanted <= set(times), "succeeded, but not charged"


async def _each_was_notified_once(storm: Storm) -> None:
    """A kill between a try and its record costs the time until it is tried again; one id, however often."""
    wanted = {buyer.paying["payment"]["id"] for buyer in storm.bought}
    deadline = time.monotonic() + NOTIFIED_WITHIN_S
    while missing := wanted - set(found := await asyncio.to_thread(_notified, storm.stack)):
        assert time.monotonic() < deadline, f"no webhook for {missing}"
        await asyncio.sleep(0.5)
    assert {payment: ids for payment, ids in found.items() if len(ids) != 1} == {}


def _notified(stack: Stack) -> dict[str, set[str]]:
    """The ids of the webhooks that each completed payment had."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    for received in stack.webhooks():
        body = json.loads(received["body"])
        if body["type"] == "payment.completed":
            found[body["data"]["id"]].add(received["headers"]["webhook-id"])
    return found
