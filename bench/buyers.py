"""Buyers: each runs whole checkouts, one after another, as a browser would, and notes how long each call took."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

from bench.http1 import Broken, Connection

FIRST_LOOK_S: Final = 0.05
LOOK_AGAIN_S: Final = 0.05
GIVE_UP_S: Final = 30.0
CALLS: Final = ("page", "change", "checkout", "confirm", "status", "whole")
_AGENT: Final = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) checkie-bench\r\nAccept: application/json\r\n"
_COMPLETED: Final = b'"status":"COMPLETED"'
_CARD: Final = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}


class Failed(Exception):
    """A checkout did not reach its end; the message says at which call and how."""


@dataclass(slots=True)
class Score:
    """What the buyers did."""

    done: int = 0
    polls: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    took_ms: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CALLS})

    def note(self, call: str, started: float) -> float:
        """A call that started then has ended now."""
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
        """A request, ready to be written."""
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{_AGENT}{kind}{headers}\r\n"
        return head.encode() + body


@dataclass(slots=True)
class Buyer:
    """One buyer with a kept connection to each server."""

    api: Address
    bank: Address
    score: Score
    _merchant: Connection | None = None
    _till: Connection | None = None

    async def buy(self, page: str, email: str) -> None:
        """One checkout, from the page to a completed session; what goes wrong is counted, not raised."""
        try:
            async with asyncio.timeout(GIVE_UP_S):
                await self._buy(page, email)
        except (Failed, Broken, OSError, TimeoutError) as error:
            self.score.failures[f"{type(error).__name__}: {error}"] += 1
            self.leave()

    def leave(self) -> None:
        """Let the connections go."""
        for connection in (self._merchant, self._till):
            if connection:
                connection.close()
        self._merchant = self._till = None

    async def _buy(self, page: str, email: str) -> None:
        begun = started = perf_counter()
        merchant = self._merchant = self._merchant or await Connection.open(self.api.host, self.api.port)
        session = (await self._ask(merchant, self.api.request("GET", f"/api/widget/pages/{page}"), "page"))["session"]
        started = self.score.note("page", started)
        session_id, secret = session["id"], session["client_secret"]
        bearer = f"Authorization: Bearer {secret}\r\n"
        body = b'{"email":"%b"}' % email.encode()
        changed = self.api.request("PATCH", f"/api/widget/sessions/{session_id}", body, bearer)
        await self._ask(merchant, changed, "change")
        started = self.score.note("change", started)
        body = b'{"session_id":"%b"}' % session_id.encode()
        key = f"Idempotency-Key: {session_id}\r\n"
        paying = await self._ask(merchant, self.api.request("POST", "/api/widget/checkout", body, key), "checkout")
        self.score.note("checkout", started)
        await self._confirm(paying["provider"])
        await self._await_completion(merchant, session_id)
        self.score.note("whole", begun)
        self.score.done += 1

    async def _confirm(self, provider: dict[str, Any]) -> None:
        till = self._till = self._till or await Connection.open(self.bank.host, self.bank.port)
        body = json.dumps({"client_secret": provider["client_secret"], "card": _CARD}).encode()
        started = perf_counter()
        confirm = self.bank.request("POST", urlsplit(provider["confirm_url"]).path, body)
        answer = await self._ask(till, confirm, "confirm")
        self.score.note("confirm", started)
        if answer["status"] != "succeeded":
            raise Failed(f"confirm answered {answer['status']}")

    async def _await_completion(self, merchant: Connection, session_id: str) -> None:
        request = self.api.request("GET", f"/api/widget/sessions/{session_id}/status")
        pause_s = FIRST_LOOK_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = LOOK_AGAIN_S
            started = perf_counter()
            status, body = await merchant.exchange(request)
            self.score.note("status", started)
            self.score.polls += 1
            if status != 200:
                raise Failed(f"status answered {status}")
            if _COMPLETED in body:
                return

    async def _ask(self, connection: Connection, request: bytes, call: str) -> dict[str, Any]:
        status, body = await connection.exchange(request)
        if status != 200:
            raise Failed(f"{call} answered {status}: {body[:200].decode(errors='replace')}")
        answer: dict[str, Any] = json.loads(body)
        return answer


@dataclass(frozen=True, slots=True)
class Load:
    """Closed-loop load, bounded in time and in count."""

    api: Address
    bank: Address
    buyers: int
    seconds: float
    most: int

    async def checkouts(self, run: str, pages: Sequence[str]) -> Score:
        """Whole checkouts over `pages` in turn. Those begun within `seconds` are run to their end."""
        score, begun, until = Score(), iter(range(self.most)), perf_counter() + self.seconds

        async def merchant() -> None:
            buyer = Buyer(self.api, self.bank, score)
            while perf_counter() < until and (number := next(begun, None)) is not None:
                await buyer.buy(pages[number % len(pages)], f"buyer-{run}-{number}@example.com")
            buyer.leave()

        await asyncio.gather(*(merchant() for _ in range(self.buyers)))
        return score

    async def page_gets(self, path: str) -> Score:
        """GETs of one path."""
        score, begun, until = Score(), iter(range(self.most)), perf_counter() + self.seconds
        request = self.api.request("GET", path)

        async def look() -> None:
            connection = await Connection.open(self.api.host, self.api.port)
            while perf_counter() < until and next(begun, None) is not None:
                started = perf_counter()
                status, _ = await connection.exchange(request)
                score.note("page", started)
                score.done += status == 200
                score.failures[f"answered {status}"] += status != 200
            connection.close()

        await asyncio.gather(*(look() for _ in range(self.buyers)))
        return score
