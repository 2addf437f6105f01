"""What sessions publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from checkie.outbox import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent(Event):
    """What every event of a session tells. `payment` and `order` are None when it ended before paying began."""

    session: str
    page: str
    payment: str | None
    order: str | None
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCompleted(SessionEvent):
    """The buyer paid."""

    name: ClassVar[str] = "session.completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReopened(SessionEvent):
    """An attempt failed or was called off; the buyer may try again."""

    name: ClassVar[str] = "session.reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionExpired(SessionEvent):
    """Its time ran out (`TIME`), or no attempt is left (`ATTEMPTS`)."""

    name: ClassVar[str] = "session.expired"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAbandoned(SessionEvent):
    """The buyer told an address and left."""

    name: ClassVar[str] = "session.abandoned"
