"""The worker: consumers of events, and due work, for the partitions that it leases."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from checkie import checkout, ledger, outbox, payments, web, webhooks
from checkie.app.reactions import REACTIONS
from checkie.db import OUTAGES, Database, Due, Leases, run_due
from checkie.kernel import Keyring
from checkie.outbox import Consumer, PostgresBus
from checkie.payments.port import Providers

_log = structlog.get_logger()
WORK = Counter("checkie_work_done", "Pieces of work done by the worker", ["work"])
_DELIVERY_BATCH: Final = 100
_DELIVERY_CALLS: Final = 4
_STORES_A_FOLD: Final = 1000
_RENEW_S: Final = 3.0
_FAILED_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait when there was nothing to do: from `min_s`, doubling, to `max_s`."""

    min_s: float
    max_s: float


@dataclass(slots=True)
class Worker:
    """All background work of one process. Several may run; leases share the partitions among them."""

    db: Database
    keyring: Keyring
    providers: Providers
    poster: webhooks.Poster
    now: Callable[[], datetime]
    leases: Leases = field(init=False)
    consumers: Sequence[Consumer] = field(init=False)
    dues: Sequence[Due] = field(init=False)

    def __post_init__(self) -> None:
        self.leases = Leases(self.db, "worker", f"worker-{secrets.token_hex(6)}")
        bus = PostgresBus(self.db, self.leases)
        self.consumers = [Consumer(name, reactions, self.db, bus) for name, reactions in REACTIONS.items()]
        self.dues = [
            *payments.jobs(self.db, self.providers),
            Due("end_session", checkout.find_due, self._expire),
        ]

    async def run(self) -> None:
        """Work until cancelled; then give the leases up."""
        await self.leases.renew(self.now())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._every(Pace(_RENEW_S, _RENEW_S), "leases", self._renew))
                for consumer in self.consumers:
                    tasks.create_task(self._every(Pace(0.025, 0.12), consumer.name, self._consume(consumer)))
                for due in self.dues:
                    tasks.create_task(self._every(Pace(0.5, 0.5), due.name, self._due(due)))
                for _ in range(_DELIVERY_CALLS):
                    tasks.create_task(self._every(Pace(0.05, 0.4), "deliver", self._deliver))
                tasks.create_task(self._every(Pace(5, 5), "fold", self._fold))
                tasks.create_task(self._every(Pace(0.5, 60), "prune", self._prune))
        finally:
            await self.leases.release(self.now())

    async def drain(self) -> None:
        """Do all that can be done now, events and due work alike, until nothing is left (for tests and `doctor`)."""
        await self.leases.renew(self.now())
        while await self._round():
            pass
        await self.leases.release(self.now())

    async def _round(self) -> int:
        done = 0
        for consumer in self.consumers:
            done += await consumer.step(self.now())
        for due in self.dues:
            done += await run_due(self.db, due, self.leases.held, self.now())
        return done + await self._deliver()

    async def _every(self, pace: Pace, name: str, do: Callable[[], Awaitable[int]]) -> None:
        wait_s = pace.min_s
        while True:
            try:
                done = await do()
            except OUTAGES as error:
                _log.warning("work_interrupted", work=name, error=repr(error))
                await asyncio.sleep(_FAILED_S)
                continue
            except Exception:  # noqa: BLE001 one kind of work that fails must not end the others
                _log.exception("work_failed", work=name)
                await asyncio.sleep(_FAILED_S)
                continue
            if done:
                WORK.labels(name).inc(done)
            wait_s = pace.min_s if done else min(wait_s * 2, pace.max_s)
            await asyncio.sleep(wait_s)

    async def _renew(self) -> int:
        await self.leases.renew(self.now())
        return 0

    def _consume(self, consumer: Consumer) -> Callable[[], Awaitable[int]]:
        async def consume() -> int:
            return await consumer.step(self.now())

        return consume

    def _due(self, due: Due) -> Callable[[], Awaitable[int]]:
        async def work() -> int:
            return await run_due(self.db, due, self.leases.held, self.now())

        return work

    async def _deliver(self) -> int:
        return await webhooks.deliver_due(
            self.db,
            self.keyring,
            self.poster,
            partitions=self.leases.held,
            now=self.now,
            limit=_DELIVERY_BATCH,
        )

    async def _fold(self) -> int:
        return sum(
            [
                await ledger.fold(self.db, store, self.now())
                for store in await ledger.stores_to_fold(self.db, _STORES_A_FOLD)
            ]
        )

    async def _prune(self) -> int:
        return await web.prune(self.db, self.now()) + await outbox.prune_inbox(self.db, self.now())

    async def _expire(self, _: int, row_id: UUID, now: datetime) -> None:
        await checkout.expire_row(self.db, self.providers, row_id, now)
