"""A session's status as it changes, as server-sent events (HTML Living Standard, 9.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from checkie.checkout import Status, read_status
from checkie.storefront.model import SessionCredential
from checkie.storefront.stage import IN_PROGRESS, Stage, stage_of
from checkie.web import Services

MAX_S: Final = 60.0
MEDIA_TYPE: Final = "text/event-stream"
_FIRST_PAUSE_S: Final = 0.3
_MAX_PAUSE_S: Final = 2.0
_BACKOFF: Final = 1.15


async def stream_status(
    services: Services, credential: SessionCredential, is_disconnected: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """An event for each change, until no payment is in progress, the browser disconnects or a minute has passed.

    A browser that is still interested reconnects by itself. Refuses with WrongSecret and NoSuchSession.
    """
    sent, waited_s, pause_s = b"", 0.0, _FIRST_PAUSE_S
    while True:
        status = await read_status(services.db, credential.session, credential.secret)
        stage = stage_of(status, services.now())
        event = as_event(as_json(status, stage))
        yield event if event != sent else b":\n\n"
        sent = event
        if stage not in IN_PROGRESS or waited_s >= MAX_S or await is_disconnected():
            return
        await asyncio.sleep(pause_s)
        waited_s += pause_s
        pause_s = min(pause_s * _BACKOFF, _MAX_PAUSE_S)


def as_json(status: Status, stage: Stage) -> dict[str, Any]:
    """The status as the page's script reads it. Nothing in it identifies the buyer."""
    return {
        "status": status.session.status,
        "payment": status.payment.status if status.payment else None,
        "attempts_left": status.attempts_left,
        "stage": stage,
    }


def as_event(body: dict[str, Any]) -> bytes:
    """A server-sent event with this data."""
    return f"data: {json.dumps(body)}\n\n".encode()
