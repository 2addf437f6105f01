"""Create an endpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NotRequired, TypedDict, Unpack

from checkie.db import UnitOfWork
from checkie.kernel import Keyring
from checkie.kernel.ids import EndpointId
from checkie.webhooks import guard, sql
from checkie.webhooks.model import ALL_EVENTS, Endpoint, EndpointEventsInvalid, EndpointScheduleInvalid, Schedule
from checkie.webhooks.sign import decode, new_secret

MAX_EVENT_TYPES: Final = 64
_TYPE: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


class NewEndpoint(TypedDict):
    """An endpoint to create. Without a `secret` one is generated."""

    url: str
    events: Sequence[str]
    secret: NotRequired[str | None]
    schedule: NotRequired[str]


async def create_endpoint(
    unit: UnitOfWork, keyring: Keyring, *, store: int, now: datetime, **new: Unpack[NewEndpoint]
) -> tuple[Endpoint, str]:
    """A new active endpoint and its secret, which is shown only here.

    Refuses an invalid URL, event type, schedule or secret. The addresses behind the URL are checked at each delivery,
    when its name is resolved.
    """
    guard.parse(new["url"])
    secret = new.get("secret") or new_secret()
    decode(secret)
    endpoint = Endpoint(
        id=EndpointId.new(store, now),
        url=new["url"],
        events=_events(new["events"]),
        schedule=_schedule(new.get("schedule", "standard")),
        is_active=True,
        disabled_reason=None,
        created_at=now,
    )
    await sql.add_endpoint(unit, store, endpoint, sql.seal(keyring, endpoint.id, secret))
    return endpoint, secret


def _schedule(name: str) -> Schedule:
    if name not in set(Schedule):
        raise EndpointScheduleInvalid(param="schedule")
    return Schedule(name)


def _events(wanted: Sequence[str]) -> list[str]:
    events = list(dict.fromkeys(wanted))
    if not 0 < len(events) <= MAX_EVENT_TYPES or not all(e == ALL_EVENTS or _TYPE.fullmatch(e) for e in events):
        raise EndpointEventsInvalid(param="events")
    return events
