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
from checkie.webhooks import sql
from checkie.webhooks.model import DELIVERY, Decision, NoResponse, Outcome, Response, Verb, decide
from checkie.webhooks.post import Poster
from checkie.webhooks.sign import sign
from checkie.webhooks.sql import Claimed, Result

MAX_ENDPOINTS: Final = 8
"""How many endpoints are served at the same time."""
MAX_POSTS: Final = 8
"""How many deliveries are posted to one endpoint at the same time."""
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

    Each endpoint is served in a task of its own, so that a slow receiver delays no other in this call; the call lasts
    as long as its slowest endpoint (10 s and a little). Calls may run concurrently, in one process or in many: claims
    keep them apart. A crash at any point repeats a try 60 s later, with the same `webhook-id`, and loses none.
    """
    work = _Work(db, keyring, poster, now)
    endpoints: dict[tuple[int, UUID], list[UUID]] = {}
    for store, endpoint, delivery in await sql.find_due(db, partitions, now(), limit):
        endpoints.setdefault((store, endpoint), []).append(delivery)
    slots = asyncio.Semaphore(MAX_ENDPOINTS)

    async def serve(store: int, deliveries: Sequence[UUID]) -> int:
        async with slots:
            return await work.serve(store, deliveries)

    return sum(await asyncio.gather(*(serve(store, deliveries) for (store, _), deliveries in endpoints.items())))


@dataclass(frozen=True, slots=True)
class _Work:
    db: Database
    keyring: Keyring
    poster: Poster
    now: Callable[[], datetime]

    async def serve(self, store: int, deliveries: Sequence[UUID]) -> int:
        """Serve one endpoint until nothing is left or it is paused; how many tries were made."""
        made = 0
        for start in range(0, len(deliveries), MAX_POSTS):
            try:
                claimed = await sql.claim(self.db, store, deliveries[start : start + MAX_POSTS], self.now())
                made += len(claimed)
                if claimed and not await self._post_all(store, claimed):
                    break
            except Exception:  # noqa: BLE001  what was claimed is due again in 60 s; the other endpoints go on
                _log.exception("webhook_endpoint_failed", store=store)
                break
        return made

    async def _post_all(self, store: int, claimed: Sequence[Claimed]) -> bool:
        """Make these tries at the same time and record how they ended. False: the endpoint is paused."""
        outcomes = await asyncio.gather(*(self._post(one) for one in claimed))
        now, endpoint = self.now(), claimed[0].endpoint
        decisions = [
            decide(one.attempt, outcome, now) if one.is_active else Decision(Verb.GIVE_UP)
            for one, outcome in zip(claimed, outcomes, strict=True)
        ]
        disables = next((decision.disables for decision in decisions if decision.disables), None)
        pauses = [decision.paused_until for decision in decisions if decision.paused_until]
        if disables:
            await sql.disable(self.db, store, endpoint, disables)
        await sql.record(self.db, store, list(map(_result, claimed, outcomes, decisions)))
        if pauses:
            await sql.postpone(self.db, store, endpoint, now=now, until=max(pauses))
        return not pauses

    async def _post(self, claimed: Claimed) -> Outcome:
        if not claimed.is_active:
            return NoResponse("not sent: the endpoint is disabled")
        try:
            secrets = sql.unseal(self.keyring, claimed)
        except ValueError:
            return NoResponse("not sent: no key decrypts the endpoint's secret")
        signatures = sign(claimed.event, claimed.body, secrets, int(self.now().timestamp()))
        return await self.poster.post(claimed.url, {**_HEADERS, **signatures}, claimed.body)


def _result(claimed: Claimed, outcome: Outcome, decision: Decision) -> Result:
    status, _ = DELIVERY.next(claimed.attempt.status, decision.verb)
    if isinstance(outcome, NoResponse):
        return Result(claimed.attempt, status, None, None, outcome.reason, decision.next_retry_at)
    return Result(claimed.attempt, status, outcome.status, outcome.body, _error(outcome), decision.next_retry_at)


def _error(response: Response) -> str | None:
    if 200 <= response.status < 300:
        return None
    return "redirects are not followed" if 300 <= response.status < 400 else f"responded with {response.status}"
