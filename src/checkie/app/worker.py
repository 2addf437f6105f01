"""The worker: consumers of events and the jobs of all modules, for the partitions that it leases."""

from __future__ import annotations

import asyncio
import pkgutil
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final

import structlog
from prometheus_client import Counter

import checkie
from checkie.app.reactions import REACTIONS
from checkie.db import OUTAGES, Job, Leases
from checkie.outbox import Consumer, PostgresBus
from checkie.web import Services

_log = structlog.get_logger()
WORK = Counter("checkie_work_done", "Pieces of work done by the worker", ["work"])
_RENEW_S: Final = 3.0
_FAILED_S: Final = 1.0
_CONSUME_S: Final = {"progress": 0.025, "merchants": 0.1}
"""How long events may gather: a buyer waits for progress, while a webhook costs less the more are written at once."""


@dataclass(slots=True)
class Worker:
    """All background work of one process. Several may run; leases share the partitions among them."""

    services: Services
    leases: Leases = field(init=False)
    jobs: Sequence[Job] = field(init=False)

    def __post_init__(self) -> None:
        self.leases = Leases(self.services.db, "worker", f"worker-{secrets.token_hex(6)}")
        self.jobs = [*self._consumers(), *jobs_of_modules(self.services)]

    async def run(self) -> None:
        """Work until cancelled; then release the leases."""
        await self.leases.renew(self.services.now())
        lease = Job(name="leases", run=self._renew, min_s=_RENEW_S, max_s=_RENEW_S)
        try:
            async with asyncio.TaskGroup() as tasks:
                for job in (lease, *self.jobs):
                    for _ in range(job.copies):
                        tasks.create_task(self._repeat(job))
        finally:
            await self.leases.release(self.services.now())

    async def drain(self) -> None:
        """Do all that can be done now, housekeeping aside, until nothing is left (for tests and the demo's seed)."""
        await self.leases.renew(self.services.now())
        while sum([await job.run(self.leases.held) for job in self.jobs if not job.is_housekeeping]):
            pass
        await self.leases.release(self.services.now())

    async def _repeat(self, job: Job) -> None:
        pause_s = job.min_s
        while True:
            try:
                done = await job.run(self.leases.held)
            except OUTAGES as error:
                _log.warning("work_interrupted", work=job.name, error=repr(error))
                await asyncio.sleep(_FAILED_S)
                continue
            except Exception:  # noqa: BLE001 one job that fails must not end the others
                _log.exception("work_failed", work=job.name)
                await asyncio.sleep(_FAILED_S)
                continue
            if done:
                WORK.labels(job.name).inc(done)
            pause_s = job.min_s if done else min(pause_s * 2, job.max_s)
            await asyncio.sleep(pause_s)

    async def _renew(self, _partitions: Sequence[int]) -> int:
        await self.leases.renew(self.services.now())
        return 0

    def _consumers(self) -> list[Job]:
        bus = PostgresBus(self.services.db, self.leases)
        consumers = [Consumer(name, reactions, self.services.db, bus) for name, reactions in REACTIONS.items()]
        return [self._consume(consumer) for consumer in consumers]

    def _consume(self, consumer: Consumer) -> Job:
        async def run(_partitions: Sequence[int]) -> int:
            return await consumer.step(self.services.now())

        return Job(name=consumer.name, run=run, min_s=_CONSUME_S[consumer.name], max_s=0.12)


def jobs_of_modules(services: Services) -> list[Job]:
    """The jobs of every module whose front door has `jobs`: a new module need not be listed anywhere."""
    found: list[Job] = []
    for module in pkgutil.iter_modules(checkie.__path__, "checkie."):
        door = import_module(module.name)
        if "jobs" in getattr(door, "__all__", ()):
            found += door.jobs(services)
    return found
