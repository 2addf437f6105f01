"""A simulator that is killed, stopped, inspected and configured: it loses nothing, and stores no card numbers."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from checkie.kernel.ids import AttemptId
from tests.contract.simulator_server import NOW, RETURN_URL, SimulatorServer, running, simulator_server

__all__ = ["simulator_server"]

GOOD, REQUIRES_3DS, BAD = "4242424242424242", "4000000000003220", "4000000000000002"


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[SimulatorServer]:
    """A simulator that a test may kill."""
    async with running(tmp_path) as server:
        yield server


class TestKilled:
    async def test_before_a_webhook_is_delivered_it_is_sent_after_the_restart(
        self, own_server: SimulatorServer
    ) -> None:
        intent = await own_server.create()
        attempt = intent["metadata"]["attempt"]
        own_server.listener.refusing[attempt] = 1000
        assert (await own_server.confirm(intent, GOOD)).json() == {"status": "succeeded"}
        own_server.end(signal.SIGKILL)
        before = own_server.listener.about(attempt)
        own_server.listener.refusing.clear()
        await own_server.start()
        webhooks = await own_server.listener.wait(attempt, len(before) + 1)
        assert {hook.event["type"] for hook in webhooks} == {"intent.succeeded"}
        assert len({hook.event["id"] for hook in webhooks}) == 1

    async def test_at_any_time_every_change_that_was_confirmed_is_kept(self, own_server: SimulatorServer) -> None:
        responded = []

        async def buy() -> None:
            while True:
                intent = await own_server.create()
                if (await own_server.confirm(intent, GOOD)).json() == {"status": "succeeded"}:
                    responded.append(intent)

        buyers = [asyncio.create_task(buy()) for _ in range(8)]
        await asyncio.sleep(0.7)
        own_server.end(signal.SIGKILL)
        await asyncio.gather(*buyers, return_exceptions=True)
        await own_server.start()
        charged = {each["intent"]: each["times_charged"] for each in await own_server.charges()}
        assert len(responded) > 10
        assert {charged.get(intent["id"]) for intent in responded} == {1}
        for intent_id in charged:
            attempt = (await own_server.get({"id": intent_id}))["metadata"]["attempt"]
            await own_server.listener.wait(attempt)

    async def test_before_a_scheduled_decision_it_is_made_after_the_restart(self, own_server: SimulatorServer) -> None:
        intent = await own_server.create()
        assert (await own_server.confirm(intent, "4000099000000103")).json() == {"status": "processing"}
        own_server.end(signal.SIGKILL)
        await own_server.start()
        webhook = await own_server.listener.wait_for(lambda hook: hook.event["type"] == "intent.succeeded")
        assert webhook.event["data"]["intent"]["id"] == intent["id"]

    async def test_configured_faults_are_kept(self, own_server: SimulatorServer) -> None:
        await own_server.control("/control/faults", {"fault": "outage", "match": {"call": "find"}})
        own_server.end(signal.SIGKILL)
        await own_server.start()
        assert (await own_server.merchant.get("/v1/intents?key=x")).status_code == 503
        assert (await own_server.merchant.get("/v1/intents?key=x")).status_code == 404


class TestStopped:
    async def test_it_exits_promptly_and_cleanly_while_a_call_hangs(self, own_server: SimulatorServer) -> None:
        await own_server.control("/control/faults", {"fault": "create_hangs", "hang_s": 600})
        hanging = asyncio.create_task(own_server.create())
        await asyncio.sleep(0.2)
        assert own_server.end() == 0
        await asyncio.gather(hanging, return_exceptions=True)
        assert b"Traceback" not in own_server.log.read_bytes()
        await own_server.start()


class TestSecrecy:
    async def test_no_card_number_or_security_code_is_stored(self, own_server: SimulatorServer) -> None:
        cvc, good = "987", "5555555555554444"
        for number in (good, REQUIRES_3DS, BAD, "4111111111111111", "4242424242424241"):
            intent = await own_server.create()
            await own_server.confirm(intent, number, cvc=cvc)
            hosted = await own_server.create()
            typed = {"number": number, "exp": "12 / 34", "cvc": cvc}
            await own_server.browser.post(hosted["hosted_url"], data=typed)
            await own_server.browser.post(intent["confirm_url"], content=f'{{"card": "{number}", "cvc": {cvc}'.encode())
        own_server.end(signal.SIGKILL)
        written = b"".join(path.read_bytes() for path in own_server.data.rglob("*") if path.is_file())
        assert b"sim_00000001" in written
        for number in (good, REQUIRES_3DS, BAD, "4111111111111111", "4242424242424241"):
            assert number.encode() not in written
            assert f"{number[:4]} {number[4:8]} {number[8:12]} {number[12:]}".encode() not in written
        with sqlite3.connect(own_server.data / "simulator.sqlite") as file:
            assert cvc not in {str(value) for row in file.execute("select * from intent") for value in row}
        file.close()
        await own_server.start()


class TestControl:
    async def test_lists_are_paged_by_cursor(self, own_server: SimulatorServer) -> None:
        created = [(await own_server.create())["id"] for _ in range(5)]
        seen: list[str] = []
        more = True
        while more:
            after = f"&starting_after={seen[-1]}" if seen else ""
            page = await own_server.control(f"/control/intents?limit=2{after}")
            seen += [intent["id"] for intent in page["data"]]
            more = page["has_more"]
        assert seen == created
        for query in ("limit=0", "limit=9999", "limit=x", "starting_after=x"):
            assert (await own_server.merchant.get(f"/control/intents?{query}")).status_code == 422

    async def test_an_attempt_charged_by_two_intents_is_reported(self, simulator_server: SimulatorServer) -> None:
        attempt = AttemptId.new(7, NOW)
        for key in ("one", "two"):
            response = await simulator_server.post_intent(f"{attempt}-{key}", metadata={"attempt": attempt})
            await simulator_server.confirm(response.json(), GOOD)
        charges = [each for each in await simulator_server.charges() if each["attempt"] == attempt]
        assert [each["times_charged"] for each in charges] == [2, 2]

    async def test_a_finished_intent_redirects_to_the_return_url(self, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        await simulator_server.confirm(intent, GOOD)
        assert (await simulator_server.browser.get(intent["hosted_url"])).headers["location"] == RETURN_URL
