"""Endpoints, deliveries and the rules of trying again. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from checkie.kernel import Conflict, Invalid, Lifecycle, NotFound
from checkie.kernel.ids import DeliveryId, EndpointId

EVERYTHING: Final = "*"
CLAIM: Final = timedelta(seconds=60)
"""How long a try belongs to the worker that claimed it; after that it is due again. Longer than any try may take."""
LONGEST_RETRY_AFTER: Final = timedelta(days=1)
QUIET: Final = timedelta(seconds=30)
"""How long an endpoint that gave no answer at all is left alone; its other deliveries lose no try by that."""
_SPREAD: Final = 0.2
_GONE: Final = 410
_THROTTLED: Final = (429, 503)


class EndpointUrlInvalid(Invalid):
    """The URL is not an http or https address that webhooks can be sent to."""

    code = "webhook_url_invalid"


class EndpointEventsInvalid(Invalid):
    """An endpoint names the event types that it wants (`noun.verbed`), or `*` for all."""

    code = "webhook_events_invalid"


class EndpointScheduleInvalid(Invalid):
    """The retry schedule is `standard` or `seed`."""

    code = "webhook_schedule_invalid"


class SecretInvalid(Invalid):
    """A signing secret is `whsec_` and the base64 of 24 to 64 random bytes."""

    code = "webhook_secret_invalid"


class EndpointNotFound(NotFound):
    """This store has no such webhook endpoint."""

    code = "webhook_endpoint_not_found"


class DeliveryOver(Conflict):
    """This delivery has ended: it is delivered or given up."""

    code = "webhook_delivery_over"


class Status(StrEnum):
    """How a delivery stands."""

    PENDING = "PENDING"
    RETRYING = "RETRYING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


DELIVERY: Final = Lifecycle[Status, Any, None](
    name="delivery",
    start=Status.PENDING,
    transitions={
        (Status.PENDING, "deliver"): (Status.DELIVERED, None),
        (Status.PENDING, "retry"): (Status.RETRYING, None),
        (Status.PENDING, "give_up"): (Status.FAILED, None),
        (Status.RETRYING, "deliver"): (Status.DELIVERED, None),
        (Status.RETRYING, "retry"): (Status.RETRYING, None),
        (Status.RETRYING, "give_up"): (Status.FAILED, None),
    },
    refusal=DeliveryOver,
)


class Schedule(StrEnum):
    """When a failed try is repeated."""

    STANDARD = "standard"
    """Ten tries over three days, each wait up to 20 % longer or shorter (the example of Standard Webhooks 1.0.0)."""
    SEED = "seed"
    """Six tries: at once, then five retries after 1, 2, 4, 8 and 16 minutes exactly."""


WAITS: Final[Mapping[Schedule, tuple[timedelta, ...]]] = {
    Schedule.STANDARD: (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
    ),
    Schedule.SEED: tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16)),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a merchant wants to be told, and of what. Its secret is no field: it is shown once, when it is made."""

    id: EndpointId
    url: str
    events: tuple[str, ...]
    schedule: Schedule
    is_active: bool
    disabled_reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """The receiver answered, whatever it said. `body` is what was kept of it."""

    status: int
    body: str
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing that HTTP calls an answer came in time, or the address may not be called."""

    why: str


Answer: TypeAlias = Answered | NoAnswer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means for the delivery and for its endpoint."""

    verb: str
    next_retry_at: datetime | None = None
    quiet_until: datetime | None = None
    """Until when the endpoint's other deliveries wait too."""
    disables: str | None = None
    """Why the endpoint gets no more webhooks."""


@dataclass(frozen=True, slots=True)
class Try:
    """One claimed try: the `number`th of this delivery."""

    delivery: DeliveryId
    status: Status
    number: int
    schedule: Schedule


def wants(events: Collection[str], event_type: str) -> bool:
    """Whether an endpoint that named `events` hears of `event_type`."""
    return EVERYTHING in events or event_type in events


def judge(attempt: Try, answer: Answer, now: datetime) -> Verdict:
    """Delivered by 2xx and nothing else; 410 ends it and disables the endpoint; the rest is tried again by schedule."""
    match answer:
        case Answered(status=status) if 200 <= status < 300:
            return Verdict("deliver")
        case Answered(status=status) if status == _GONE:
            return Verdict("give_up", disables="The endpoint answered 410 Gone.")
        case Answered(status=status, retry_after=str(asked)) if status in _THROTTLED:
            quiet = retry_after(asked, now)
        case NoAnswer():
            quiet = QUIET
        case _:
            quiet = None
    quiet_until = now + quiet if quiet else None
    due = _due_again(attempt, now)
    if due is None:
        return Verdict("give_up", quiet_until=quiet_until)
    throttled_until = quiet_until if quiet_until and isinstance(answer, Answered) else due
    return Verdict("retry", max(due, throttled_until), quiet_until)


def retry_after(text: str, now: datetime) -> timedelta | None:
    """The wait that Retry-After asks for (RFC 9110 10.2.3: seconds or a date), a day at most; None if unreadable."""
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)


def _due_again(attempt: Try, now: datetime) -> datetime | None:
    waits = WAITS[attempt.schedule]
    if attempt.number > len(waits):
        return None
    wait = waits[attempt.number - 1]
    return now + (wait * _jitter(attempt) if attempt.schedule is Schedule.STANDARD else wait)


def _jitter(attempt: Try) -> float:
    """Between 0.8 and 1.2, even over deliveries and repeatable: drawn from the delivery's random id."""
    drawn = zlib.crc32(f"{attempt.delivery}:{attempt.number}".encode()) / 0xFFFF_FFFF
    return 1 + _SPREAD * (2 * drawn - 1)
