"""Endpoints, deliveries and the rules of retrying. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, TypeAlias

from checkie.kernel import Conflict, Invalid, Lifecycle, NotFound
from checkie.kernel.ids import DeliveryId, EndpointId, EventId

ALL_EVENTS: Final = "*"
CLAIM: Final = timedelta(seconds=60)
"""How long a delivery belongs to the worker that claimed it; then it is due again. Longer than any try may take."""
MAX_RETRY_AFTER: Final = timedelta(days=1)
PAUSE: Final = timedelta(seconds=30)
"""How long nothing is sent to an endpoint that did not respond. Its other deliveries lose no try by that."""
_SPREAD: Final = 0.2
_GONE: Final = 410
_THROTTLED: Final = (429, 503)


class EndpointUrlInvalid(Invalid):
    """The URL must be a valid http or https URL, such as https://shop.example/webhooks."""

    code = "webhook_url_invalid"


class EndpointEventsInvalid(Invalid):
    """`events` must list 1 to 64 event types (such as `payment.completed`), or `*` for all."""

    code = "webhook_events_invalid"


class EndpointScheduleInvalid(Invalid):
    """The retry schedule must be `standard` or `exponential`."""

    code = "webhook_schedule_invalid"


class SecretInvalid(Invalid):
    """A signing secret must be `whsec_` followed by the base64 of 24 to 64 random bytes."""

    code = "webhook_secret_invalid"


class EndpointNotFound(NotFound):
    """The webhook endpoint does not exist in this store."""

    code = "webhook_endpoint_not_found"


class DeliveryOver(Conflict):
    """This delivery has already succeeded or failed. It cannot be changed."""

    code = "webhook_delivery_over"


class Status(StrEnum):
    """The status of a delivery."""

    PENDING = "PENDING"
    RETRYING = "RETRYING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class Verb(StrEnum):
    """What happens to a delivery."""

    DELIVER = "deliver"
    RETRY = "retry"
    GIVE_UP = "give_up"


_S = Status
DELIVERY: Final = Lifecycle[Status, Verb, None](
    name="delivery",
    start=_S.PENDING,
    transitions={
        (_S.PENDING, Verb.DELIVER): (_S.DELIVERED, None),
        (_S.PENDING, Verb.RETRY): (_S.RETRYING, None),
        (_S.PENDING, Verb.GIVE_UP): (_S.FAILED, None),
        (_S.RETRYING, Verb.DELIVER): (_S.DELIVERED, None),
        (_S.RETRYING, Verb.RETRY): (_S.RETRYING, None),
        (_S.RETRYING, Verb.GIVE_UP): (_S.FAILED, None),
    },
    refusal=DeliveryOver,
)


class Schedule(StrEnum):
    """When a failed try is retried."""

    STANDARD = "standard"
    """Ten tries over three days, each delay up to 20 % longer or shorter (the example of Standard Webhooks 1.0.0)."""
    EXPONENTIAL = "exponential"
    """Six tries: at once, then five retries after 1, 2, 4, 8 and 16 minutes exactly."""


RETRY_DELAYS: Final[Mapping[Schedule, tuple[timedelta, ...]]] = {
    Schedule.STANDARD: (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
    ),
    Schedule.EXPONENTIAL: tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16)),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a merchant receives which events. Its secret is not a field: it is shown once, when it is created."""

    id: EndpointId
    url: str
    events: Sequence[str]
    schedule: Schedule
    is_active: bool
    disabled_reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The active endpoints of a store, each with the event types that it is subscribed to."""

    store: int
    endpoints: Sequence[tuple[EndpointId, Collection[str]]]

    def endpoints_of(self, event_type: str) -> list[EndpointId]:
        """The endpoints that receive events of this type."""
        return [endpoint for endpoint, events in self.endpoints if ALL_EVENTS in events or event_type in events]


@dataclass(frozen=True, slots=True)
class Item:
    """A public event, rendered: `body` is signed and sent as it is. `resource` is the id of the object in it."""

    id: EventId
    type: str
    resource: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Response:
    """The receiver responded, with any status. `body` is the start of its body."""

    status: int
    body: str
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class NoResponse:
    """No valid HTTP response arrived in time, or the address may not be called."""

    reason: str


Outcome: TypeAlias = Response | NoResponse


@dataclass(frozen=True, slots=True)
class Decision:
    """What an outcome means for the delivery and for its endpoint."""

    verb: Verb
    next_retry_at: datetime | None = None
    paused_until: datetime | None = None
    """Until when the endpoint's other deliveries wait too."""
    disables: str | None = None
    """Why the endpoint receives no more webhooks."""


@dataclass(frozen=True, slots=True)
class Try:
    """One claimed try: the `number`th of this delivery."""

    delivery: DeliveryId
    status: Status
    number: int
    schedule: Schedule
    version: int


def decide(attempt: Try, outcome: Outcome, now: datetime) -> Decision:
    """Delivered by 2xx only; 410 ends it and disables the endpoint; anything else is retried by schedule."""
    match outcome:
        case Response(status=status) if 200 <= status < 300:
            return Decision(Verb.DELIVER)
        case Response(status=status) if status == _GONE:
            return Decision(Verb.GIVE_UP, disables="The endpoint responded with 410 Gone.")
        case Response(status=status, retry_after=str(asked)) if status in _THROTTLED:
            pause = retry_after(asked, now)
        case NoResponse():
            pause = PAUSE
        case _:
            pause = None
    paused_until = now + pause if pause else None
    due = _next_retry(attempt, now)
    if due is None:
        return Decision(Verb.GIVE_UP, paused_until=paused_until)
    throttled_until = paused_until if paused_until and isinstance(outcome, Response) else due
    return Decision(Verb.RETRY, max(due, throttled_until), paused_until)


def retry_after(text: str, now: datetime) -> timedelta | None:
    """The delay that Retry-After asks for (RFC 9110 10.2.3: seconds or a date), a day at most; None if invalid."""
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), MAX_RETRY_AFTER)


def _next_retry(attempt: Try, now: datetime) -> datetime | None:
    delays = RETRY_DELAYS[attempt.schedule]
    if attempt.number > len(delays):
        return None
    delay = delays[attempt.number - 1]
    return now + (delay * _jitter(attempt) if attempt.schedule is Schedule.STANDARD else delay)


def _jitter(attempt: Try) -> float:
    """Between 0.8 and 1.2, uniform over deliveries and repeatable: derived from the delivery's random id."""
    drawn = zlib.crc32(f"{attempt.delivery}:{attempt.number}".encode()) / 0xFFFF_FFFF
    return 1 + _SPREAD * (2 * drawn - 1)
