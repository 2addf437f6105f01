"""Make an endpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NotRequired, TypedDict, Unpack

from checkie.db import UnitOfWork
from checkie.kernel import Keyring
from checkie.kernel.ids import EndpointId
from checkie.webhooks import guard, sql
from checkie.webhooks.model import EVERYTHING, Endpoint, EndpointEventsInvalid, EndpointScheduleInvalid, Schedule
from checkie.webhooks.sign import decode, new_secret

MOST_EVENTS: Final = 64
_TYPE: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


class NewEndpoint(TypedDict):
    """What the merchant asks for. Without a `secret` one is made."""

    url: str
    events: Sequence[str]
    secret: NotRequired[str | None]
    schedule: NotRequired[str]


async def create_endpoint(
    unit: UnitOfWork, keyring: Keyring, *, store: int, now: datetime, **wish: Unpack[NewEndpoint]
) -> tuple[Endpoint, str]:
    """A new active endpoint and its secret, which is shown only here.

    Refuses a URL, event types, a schedule or a secret of the wrong form. Where the URL leads is judged at
    each delivery, when its name is resolved: until then nobody can know.
    """
    guard.parse(wish["url"])
    secret = wish.get("secret") or new_secret()
    decode(secret)
    endpoint = Endpoint(
        id=EndpointId.new(store, now),
        url=wish["url"],
        events=_events(wish["events"]),
        schedule=_schedule(wish.get("schedule", "standard")),
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


def _events(wanted: Sequence[str]) -> tuple[str, ...]:
    events = tuple(dict.fromkeys(wanted))
    if not 0 < len(events) <= MOST_EVENTS or not all(e == EVERYTHING or _TYPE.fullmatch(e) for e in events):
        raise EndpointEventsInvalid(param="events")
    return events
