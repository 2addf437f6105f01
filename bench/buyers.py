"""Buyers: each makes complete purchases, one after another, as a browser does, and records the time of each call."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

from bench.http1 import Connection, ConnectionBroken

FIRST_POLL_S: Final = 0.05
POLL_S: Final = 0.05
TIMEOUT_S: Final = 30.0
CALLS: Final = ("page", "change", "checkout", "confirm", "status", "whole")
_AGENT: Final = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) checkie-bench\r\nAccept: application/json\r\n"
_COMPLETED: Final = b'"status":"COMPLETED"'
_CARD: Final = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}


class Failed(Exception):
    """A checkout was not completed. The message names the call and its result."""


@dataclass(slots=True)
class Score:
    """What the buyers did and how long it took."""

    done: int = 0
    polls: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    took_ms: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CALLS})

    def record(self, call: str, started: float) -> float:
        """Record a call that has just ended. Returns the present time."""
        now = perf_counter()
        self.took_ms[call].append(round((now - started) * 1000, 2))
        return now


@dataclass(frozen=True, slots=True)
class Address:
    """A server's host and port."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Address:
        """The address in an `http://host:port` URL."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", parts.port or 80)

    def request(self, method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
        """A request, ready to be sent."""
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{_AGENT}{kind}{headers}\r\n"
        return head.encode() + body


@dataclass(slots=True)
class Buyer:
    """One buyer with a persistent connection to each server."""

    api: Address
    provider: Address
    score: Score
    _to_api: Connection | None = None
    _to_provider: Connection | None = None

    async def buy(self, page: str, email: str) -> None:
        """One checkout, from the page to a completed session. Failures are counted, not raised."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._buy(page, email)
        except (Failed, ConnectionBroken, OSError, TimeoutError) as error:
            self.score.failures[f"{type(error).__name__}: {error}"] += 1
            self.disconnect()

    def disconnect(self) -> None:
        """Close the connections."""
        for connection in (self._to_api, self._to_provider):
            if connection:
                connection.close()
        self._to_api = self._to_provider = None

    async def _buy(self, page: str, email: str) -> None:
        begun = started = perf_counter()
        api = self._to_api = self._to_api or await Connection.open(self.api.host, self.api.port)
        session = (await self._ask(api, self.api.request("GET", f"/api/widget/pages/{page}"), "page"))["session"]
        started = self.score.record("page", started)
        session_id, secret = session["id"], f"Authorization: Bearer {session['client_secret']}\r\n"
        body = b'{"email":"%b"}' % email.encode()
        await self._ask(api, self.api.request("PATCH", f"/api/widget/sessions/{session_id}", body, secret), "change")
        started = self.score.record("change", started)
        body = b'{"session_id":"%b"}' % session_id.encode()
        headers = f"{secret}Idempotency-Key: {session_id}\r\n"
        paying = await self._ask(api, self.api.request("POST", "/api/widget/checkout", body, headers), "checkout")
        self.score.record("checkout", started)
        await self._confirm(paying["provider"])
        await self._await_completion(api, session_id, secret)
        self.score.record("whole", begun)
        self.score.done += 1

    async def _confirm(self, payment: dict[str, Any]) -> None:
        if self._to_provider is None:
            self._to_provider = await Connection.open(self.provider.host, self.provider.port)
        body = json.dumps({"client_secret": payment["client_secret"], "card": _CARD}).encode()
        started = perf_counter()
        confirm = self.provider.request("POST", urlsplit(payment["confirm_url"]).path, body)
        answer = await self._ask(self._to_provider, confirm, "confirm")
        self.score.record("confirm", started)
        if answer["status"] != "succeeded":
            raise Failed(f"confirm returned {answer['status']}")

    async def _await_completion(self, api: Connection, session_id: str, secret: str) -> None:
        request = self.api.request("GET", f"/api/widget/sessions/{session_id}/status", headers=secret)
        pause_s = FIRST_POLL_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = POLL_S
            started = perf_counter()
            status, body = await api.exchange(request)
            self.score.record("status", started)
            self.score.polls += 1
            if status != 200:
                raise Failed(f"status returned {status}")
            if _COMPLETED in body:
                return

    async def _ask(self, connection: Connection, request: bytes, call: str) -> dict[str, Any]:
        status, body = await connection.exchange(request)
        if status != 200:
            raise Failed(f"{call} returned {status}: {body[:200].decode(errors='replace')}")
        answer: dict[str, Any] = json.loads(body)
        return answer


@dataclass(frozen=True, slots=True)
class Load:
    """Closed-loop load, limited in time and in number."""

    api: Address
    provider: Address
    buyers: int
    seconds: float
    max_count: int

    async def checkouts(self, run: str, pages: Sequence[str]) -> Score:
        """Complete checkouts on `pages` in turn. Those that start within `seconds` are run to their end."""
        score, begun, until = Score(), iter(range(self.max_count)), perf_counter() + self.seconds

        async def buy() -> None:
            buyer = Buyer(self.api, self.provider, score)
            while perf_counter() < until and (number := next(begun, None)) is not None:
                await buyer.buy(pages[number % len(pages)], f"buyer-{run}-{number}@example.com")
            buyer.disconnect()

        await asyncio.gather(*(buy() for _ in range(self.buyers)))
        return score

    async def page_gets(self, path: str) -> Score:
        """GETs of one path."""
        score, begun, until = Score(), iter(range(self.max_count)), perf_counter() + self.seconds
        request = self.api.request("GET", path)

        async def get() -> None:
            connection = await Connection.open(self.api.host, self.api.port)
            while perf_counter() < until and next(begun, None) is not None:
                started = perf_counter()
                status, _ = await connection.exchange(request)
                score.record("page", started)
                score.done += status == 200
                score.failures[f"returned {status}"] += status != 200
            connection.close()

        await asyncio.gather(*(get() for _ in range(self.buyers)))
        return score
