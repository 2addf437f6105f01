"""Post what is due: claim, post, record. No transaction is open while we wait for a merchant's server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from checkie.db import Database
from checkie.kernel import Keyring
from checkie.kernel.ids import EventId
from checkie.webhooks import sql
from checkie.webhooks.model import DELIVERY, Answer, Answered, NoAnswer, Verdict, judge
from checkie.webhooks.post import Poster
from checkie.webhooks.sign import sign
from checkie.webhooks.sql import Claimed, Result

LANES: Final = 8
"""How many endpoints are served at a time."""
ABREAST: Final = 8
"""How many deliveries an endpoint gets at a time."""
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "Checkie/1 (webhooks)"}
_log = structlog.get_logger()


async def deliver_due(
    db: Database,
    keyring: Keyring,
    poster: Poster,
    *,
    partitions: Sequence[int],
    now: Callable[[], datetime],
    limit: int,
) -> int:
    """Make up to `limit` tries that are due in `partitions`; how many were made.

    Each endpoint has a lane of its own, so that a slow receiver holds up nobody else in this call; the call itself
    lasts as long as its slowest lane (10 s and a little). Calls may run side by side, in one process or in many: claims
    keep them apart. A crash at any point repeats a try 60 s later, with the same `webhook-id`, and loses none.
    """
    work = _Work(db, keyring, poster, now)
    lanes: dict[tuple[int, UUID], list[UUID]] = {}
    for store, endpoint, delivery in await sql.find_due(db, partitions, now(), limit):
        lanes.setdefault((store, endpoint), []).append(delivery)
    slots = asyncio.Semaphore(LANES)

    async def serve(store: int, deliveries: Sequence[UUID]) -> int:
        async with slots:
            return await work.lane(store, deliveries)

    return sum(await asyncio.gather(*(serve(store, deliveries) for (store, _), deliveries in lanes.items())))


@dataclass(frozen=True, slots=True)
class _Work:
    db: Database
    keyring: Keyring
    poster: Poster
    now: Callable[[], datetime]

    async def lane(self, store: int, deliveries: Sequence[UUID]) -> int:
        """Serve one endpoint until nothing is left or it should be left alone; how many tries were made."""
        made = 0
        for start in range(0, len(deliveries), ABREAST):
            try:
                claimed = await sql.claim(self.db, store, deliveries[start : start + ABREAST], self.now())
                made += len(claimed)
                if claimed and not await self._some(store, claimed):
                    break
            except Exception:  # noqa: BLE001 whatever was claimed is due again in 60 s; the other lanes go on
                _log.exception("webhook_lane_failed", store=store)
                break
        return made

    async def _some(self, store: int, claimed: Sequence[Claimed]) -> bool:
        """Make these tries at once and write down how they ended. False: the endpoint should be left alone."""
        answers = await asyncio.gather(*(self._post(one) for one in claimed))
        now, endpoint = self.now(), claimed[0].endpoint
        verdicts = [
            judge(one.attempt, answer, now) if one.is_active else Verdict("give_up")
            for one, answer in zip(claimed, answers, strict=True)
        ]
        disables = next((verdict.disables for verdict in verdicts if verdict.disables), None)
        quiet = [verdict.quiet_until for verdict in verdicts if verdict.quiet_until]
        if disables:
            await sql.disable(self.db, store, endpoint, disables)
        await sql.record(self.db, store, list(map(_result, claimed, answers, verdicts)))
        if quiet:
            await sql.postpone(self.db, store, endpoint, now=now, until=max(quiet))
        return not quiet

    async def _post(self, claimed: Claimed) -> Answer:
        if not claimed.is_active:
            return NoAnswer("not sent: the endpoint is disabled")
        try:
            secrets = sql.unseal(self.keyring, claimed)
        except ValueError:
            return NoAnswer("not sent: none of our keys opens the endpoint's secret")
        proof = sign(EventId.of(claimed.event), claimed.body, secrets, int(self.now().timestamp()))
        return await self.poster.post(claimed.url, {**_HEADERS, **proof}, claimed.body)


def _result(claimed: Claimed, answer: Answer, verdict: Verdict) -> Result:
    status, _ = DELIVERY.next(claimed.attempt.status, verdict.verb)
    if isinstance(answer, NoAnswer):
        return Result(claimed.attempt, status, None, None, answer.why, verdict.next_retry_at)
    return Result(claimed.attempt, status, answer.status, answer.body, _error(answer), verdict.next_retry_at)


def _error(answer: Answered) -> str | None:
    if 200 <= answer.status < 300:
        return None
    return "redirects are not followed" if 300 <= answer.status < 400 else f"answered {answer.status}"
