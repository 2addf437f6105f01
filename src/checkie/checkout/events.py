"""What sessions publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypedDict

from checkie.outbox import Event


class SessionFields(TypedDict):
    """The fields that every event of a session has."""

    session: str
    page: str
    payment: str | None
    order: str | None
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent(Event):
    """The fields that every event of a session has. `payment` and `order` are None if paying never started."""

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
    """An attempt failed or was cancelled, and the buyer may try again."""

    name: ClassVar[str] = "session.reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionExpired(SessionEvent):
    """The session ended unpaid: its time ran out (`TIME`), or no attempt is left (`ATTEMPTS`)."""

    name: ClassVar[str] = "session.expired"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAbandoned(SessionEvent):
    """The buyer entered an email address and left."""

    name: ClassVar[str] = "session.abandoned"
