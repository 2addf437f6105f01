"""One stack for all journeys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.buyer import Buyer
from tests.stack import Stack, running


class Merchant:
    """A running stack, seen from outside: its pages, its provider's controls, the webhooks of its merchant."""

    def __init__(self, stack: Stack, facts: dict[str, Any], http: httpx.AsyncClient) -> None:
        self.stack = stack
        self.facts = facts
        self.http = http
        self._count = 0
        self._key = json.loads((stack.data / "secrets.json").read_text())["simulator_api_key"]

    def buyer(self, page: str = "field-notes") -> Buyer:
        """A new buyer."""
        self._count += 1
        return Buyer(self.http, self.facts["base_url"], f"demo/{page}", f"buyer{self._count}@example.com")

    async def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the simulator's control API."""
        url = f"{self.facts['simulator_url']}/control/{path}"
        answer = await self.http.request(method, url, json=body, headers={"Authorization": f"Bearer {self._key}"})
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def delivered(self, payment: str) -> list[tuple[str, str, dict[str, Any]]]:
        """The webhooks about a payment: event id, type and data of each delivery."""
        bodies = [
            (received["headers"]["webhook-id"], json.loads(received["body"])) for received in self.stack.webhooks()
        ]
        return [(event, body["type"], body["data"]) for event, body in bodies if body["data"]["id"] == payment]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, dict[str, Any]]]:
    """A demo, running."""
    data: Path = tmp_path_factory.mktemp("journeys")
    with running(data) as found:
        yield found


@pytest.fixture
async def merchant(stack: tuple[Stack, dict[str, Any]]) -> AsyncIterator[Merchant]:
    """The demo's store, with the provider well."""
    async with httpx.AsyncClient(timeout=20) as http:
        merchant = Merchant(*stack, http)
        yield merchant
        await merchant.control("DELETE", "faults")
