"""A session's status as it changes, as server-sent events (HTML Living Standard, 9.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from checkie.checkout import Status, read_status
from checkie.storefront.model import Ticket
from checkie.storefront.stage import UNDER_WAY, Stage, stage_of
from checkie.web import Services

LONGEST_S: Final = 60.0
_FIRST_PAUSE_S: Final = 0.3
_LONGEST_PAUSE_S: Final = 2.0
_GROWTH: Final = 1.15
MEDIA_TYPE: Final = "text/event-stream"


async def follow(services: Services, ticket: Ticket, is_gone: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    """An event for each change, until no payment is under way, the browser is gone or a minute has passed.

    The browser then asks again by itself if it still wants to know. Refuses with WrongSecret and NoSuchSession.
    """
    told, waited_s, pause_s = b"", 0.0, _FIRST_PAUSE_S
    while True:
        status = await read_status(services.db, ticket.session, ticket.secret)
        stage = stage_of(status, services.now())
        news = event(status, stage)
        yield news if news != told else b":\n\n"
        told = news
        if stage not in UNDER_WAY or waited_s >= LONGEST_S or await is_gone():
            return
        await asyncio.sleep(pause_s)
        waited_s += pause_s
        pause_s = min(pause_s * _GROWTH, _LONGEST_PAUSE_S)


def event(status: Status, stage: Stage) -> bytes:
    """A server-sent event with this status."""
    return f"data: {json.dumps(body(status, stage))}\n\n".encode()


def body(status: Status, stage: Stage) -> dict[str, object]:
    """The status as JSON. It has no personal data."""
    return {
        "status": status.session.status,
        "payment": status.payment.status if status.payment else None,
        "attempts_left": status.attempts_left,
        "stage": stage,
    }
