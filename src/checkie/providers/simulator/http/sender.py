"""Sends the webhooks in the outbox: signed, up to 16 at once, retried on a schedule that survives restarts.

The outbox in the database is the only record of what is to be sent. An event keeps its id however often it is sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from checkie.providers.simulator import signature
from checkie.providers.simulator.bank.database import Database, DueEvent
from checkie.providers.simulator.bank.webhooks import retry_at
from checkie.providers.simulator.client import Client, NoResponse

MAX_CONCURRENT: Final = 16
_log = logging.getLogger("checkie.simulator")


class Sender:
    """Sends the events that are due. `pump` is called after each commit, since one may have become due."""

    def __init__(self, db: Database, *, url: str, secret: str, clock: Callable[[], float]) -> None:
        parts = urlsplit(url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._client = Client(f"{parts.scheme}://{parts.netloc}", connections=MAX_CONCURRENT)
        self._db, self._secret, self._clock = db, secret, clock
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def pump(self) -> None:
        """Start sending what is due, as far as there is capacity, and set a timer for what is due next.

        It does nothing while writes are pending: an event is sent only after it is committed, and the commit pumps.
        """
        if self._db.file.has_pending_writes:
            return
        if self._timer:
            self._timer.cancel()
            self._timer = None
        for event in self._db.list_due(2 * MAX_CONCURRENT):
            wait_s = event.due_at - self._clock()
            if wait_s > 0:
                self._timer = self._loop.call_later(wait_s + 0.001, self.pump)
                return
            if event.seq not in self._in_flight and len(self._in_flight) < MAX_CONCURRENT:
                self._in_flight[event.seq] = self._loop.create_task(self._send(event))

    async def aclose(self) -> None:
        """Stop sending. Unsent events stay in the outbox."""
        if self._timer:
            self._timer.cancel()
        tasks = list(self._in_flight.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _send(self, event: DueEvent) -> None:
        try:
            if event.copies == 1:
                delivered = await self._post(event)
            else:
                delivered = all(await asyncio.gather(*[self._post(event) for _ in range(event.copies)]))
            now_s = self._clock()
            if delivered:
                self._db.mark_delivered(event, now_s)
            else:
                self._db.reschedule(event, retry_at(event, now_s))
        finally:
            del self._in_flight[event.seq]

    async def _post(self, event: DueEvent) -> bool:
        body = event.body.encode()
        signed = signature.sign(self._secret, int(self._clock()), body)
        headers = {"content-type": "application/json", signature.HEADER: signed}
        try:
            status, _ = await self._client.call("POST", self._path, headers, body)
        except NoResponse as error:
            return _failed(event, why=error.why)
        return True if 200 <= status < 300 else _failed(event, status=status)


def _failed(event: DueEvent, **facts: object) -> bool:
    _log.warning(json.dumps({"event": "webhook_failed", "id": event.id, "try": event.tries + 1, **facts}))
    return False
