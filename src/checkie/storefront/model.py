"""What the buyer's page knows of the world around it, and what it keeps in the buyer's browser. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from checkie.kernel import Conflict
from checkie.kernel.ids import SessionId

MOST_TICKETS: Final = 4
_BETWEEN: Final = "~"


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """What the page needs to know of a provider: the script of its card fields, and further origins that it uses.

    `page_origins` is where its own page for buyers without JavaScript may be; empty: where the script comes from.
    """

    name: str
    script_url: str
    publishable_key: str
    script_origins: tuple[str, ...] = ()
    frame_origins: tuple[str, ...] = ()
    connect_origins: tuple[str, ...] = ()
    page_origins: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where its script comes from."""
        return "/".join(self.script_url.split("/", 3)[:3])


class PageWithoutProvider(Conflict):
    """The payment provider of this page is not configured."""

    code = "page_without_provider"


@dataclass(frozen=True, slots=True)
class ProviderPages:
    """What the page needs to know of each configured provider."""

    configured: Mapping[str, ProviderPage]

    def get(self, name: str) -> ProviderPage:
        """The provider of this name. Refuses with PageWithoutProvider."""
        found = self.configured.get(name)
        if found is None:
            raise PageWithoutProvider
        return found


@dataclass(frozen=True, slots=True)
class Ticket:
    """What lets a browser back into its session."""

    session: SessionId
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wallet:
    """The tickets that a browser holds for one page, newest first, and the language that its reader chose there.

    There may be several, for a page may be open in several tabs, each with a session of its own.
    """

    tickets: tuple[Ticket, ...] = ()
    locale: str | None = None

    @classmethod
    def parse(cls, text: str) -> Wallet:
        """The wallet in a cookie. What is no ticket is left out: anybody can write a cookie."""
        locale, *rest = text.split(_BETWEEN)
        found = (_ticket(part) for part in rest[:MOST_TICKETS])
        return cls(tuple(ticket for ticket in found if ticket), locale or None)

    def spell(self) -> str:
        """The cookie's value: what `parse` understands, in characters that need no quotes."""
        return _BETWEEN.join((self.locale or "", *(f"{ticket.session}.{ticket.secret}" for ticket in self.tickets)))

    def secret_of(self, session: str) -> str | None:
        """The client secret of the session with that id, if this browser holds it."""
        return next((ticket.secret for ticket in self.tickets if ticket.session == session), None)

    def with_ticket(self, ticket: Ticket) -> Wallet:
        """The wallet with this ticket on top; the oldest falls out."""
        others = _without(self.tickets, ticket.session)
        return Wallet((ticket, *others)[:MOST_TICKETS], self.locale)


def _without(tickets: Iterable[Ticket], session: SessionId) -> list[Ticket]:
    return [ticket for ticket in tickets if ticket.session != session]


def _ticket(text: str) -> Ticket | None:
    session, _, secret = text.partition(".")
    try:
        return Ticket(SessionId.parse(session), secret) if secret else None
    except ValueError:
        return None
