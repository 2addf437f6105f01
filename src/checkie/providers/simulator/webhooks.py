"""Sending webhooks: signed, up to 16 at once, retried until 2xx by a schedule that outlives the process.

The outbox in the store is the only record of what is to be sent. Each event has one id however often it is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from checkie.providers.simulator.client import Client, NoAnswer
from checkie.providers.simulator.store import Due, Store

AT_ONCE: Final = 16
RETRY_AFTER_S: Final = (0.2, 1, 5, 30, 120, 600, 1800, 3600, 7200)
"""The wait after the first failure, the second, and so on; the last repeats."""
GIVE_UP_AFTER_S: Final = 3 * 86_400
_log = logging.getLogger("checkie.simulator")


def signature(secret: str, sent_at: int, body: bytes) -> str:
    """The value of the header Simulator-Signature for a body sent at that unix second."""
    return f"t={sent_at},v1={digest(secret, str(sent_at), body)}"


def digest(secret: str, sent_at: str, body: bytes) -> str:
    """What the header's v1 must be."""
    return hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()


def retry_at(event: Due, now_s: float) -> float | None:
    """When to try again after a failure now; None: three days have passed, give up."""
    if now_s - event.created_at > GIVE_UP_AFTER_S:
        return None
    return now_s + RETRY_AFTER_S[min(event.tries, len(RETRY_AFTER_S) - 1)]


class Sender:
    """Sends what the store's outbox says is due. `pump` is called whenever something may have become due."""

    def __init__(self, store: Store, *, url: str, secret: str, clock: Callable[[], float]) -> None:
        parts = urlsplit(url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._client = Client(f"{parts.scheme}://{parts.netloc}", connections=AT_ONCE)
        self._store, self._secret, self._clock = store, secret, clock
        self._flying: dict[int, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def pump(self) -> None:
        """Set what is due on its way, as far as there is room, and a timer for what is due next.

        While a batch is open it does nothing: what is not yet committed must not be told, and the commit pumps.
        """
        if not self._store.batches.is_settled:
            return
        if self._timer:
            self._timer.cancel()
            self._timer = None
        for event in self._store.due(2 * AT_ONCE):
            wait_s = event.due_at - self._clock()
            if wait_s > 0:
                self._timer = self._loop.call_later(wait_s + 0.001, self.pump)
                return
            if event.seq not in self._flying and len(self._flying) < AT_ONCE:
                self._flying[event.seq] = self._loop.create_task(self._send(event))

    async def aclose(self) -> None:
        """Stop sending. What is unsent stays in the outbox."""
        if self._timer:
            self._timer.cancel()
        tasks = list(self._flying.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _send(self, event: Due) -> None:
        try:
            if event.copies == 1:
                arrived = await self._post(event)
            else:
                arrived = all(await asyncio.gather(*[self._post(event) for _ in range(event.copies)]))
            now_s = self._clock()
            if arrived:
                self._store.delivered(event, now_s)
            else:
                self._store.put_off(event, retry_at(event, now_s))
        finally:
            del self._flying[event.seq]

    async def _post(self, event: Due) -> bool:
        body = event.body.encode()
        signed = signature(self._secret, int(self._clock()), body)
        headers = {"content-type": "application/json", "simulator-signature": signed}
        try:
            status, _ = await self._client.call("POST", self._path, headers, body)
        except NoAnswer as error:
            _log.warning(
                json.dumps({"event": "webhook_failed", "id": event.id, "try": event.tries + 1, "why": error.why})
            )
            return False
        if not 200 <= status < 300:
            _log.warning(
                json.dumps({"event": "webhook_failed", "id": event.id, "try": event.tries + 1, "status": status})
            )
            return False
        return True
