"""What the checkout page needs to know of a provider, and what it keeps in the buyer's browser. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from checkie.kernel import Conflict
from checkie.kernel.ids import SessionId

MAX_SESSIONS: Final = 4
_SEPARATOR: Final = "~"


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """What the page needs to know of a provider: the script of its card fields, and the other origins that it uses.

    `page_origins` are those of its own page for buyers without JavaScript; if empty, the script's origin.
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
        """The origin of its script."""
        return "/".join(self.script_url.split("/", 3)[:3])


class PageWithoutProvider(Conflict):
    """The payment provider of this page is not configured on this installation."""

    code = "page_without_provider"


@dataclass(frozen=True, slots=True)
class ProviderPages:
    """What the page needs to know of each configured provider, by name."""

    configured: Mapping[str, ProviderPage]

    def get(self, name: str) -> ProviderPage:
        """The provider with this name. Refuses with PageWithoutProvider."""
        found = self.configured.get(name)
        if found is None:
            raise PageWithoutProvider
        return found


@dataclass(frozen=True, slots=True)
class SessionCredential:
    """A session and its client secret, which gives access to it."""

    session: SessionId
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BuyerCookie:
    """The sessions that a browser holds for one page, newest first, and the language that the buyer chose there.

    There may be several: a page that is open in several tabs has a session in each.
    """

    credentials: tuple[SessionCredential, ...] = ()
    locale: str | None = None

    @classmethod
    def parse(cls, text: str) -> BuyerCookie:
        """The cookie with this value. Malformed parts are ignored: anybody can write a cookie."""
        locale, *rest = text.split(_SEPARATOR)
        found = (_credential(part) for part in rest[:MAX_SESSIONS])
        return cls(tuple(credential for credential in found if credential), locale or None)

    def serialize(self) -> str:
        """The cookie's value: what `parse` reads, in characters that need no quotes."""
        parts = (f"{credential.session}.{credential.secret}" for credential in self.credentials)
        return _SEPARATOR.join((self.locale or "", *parts))

    def secret_of(self, session: str) -> str | None:
        """The client secret of the session with that id, if this browser holds it."""
        return next((held.secret for held in self.credentials if held.session == session), None)

    def with_credential(self, credential: SessionCredential) -> BuyerCookie:
        """The cookie with this session as the newest; the oldest is dropped when there are too many."""
        others = _without(self.credentials, credential.session)
        return BuyerCookie((credential, *others)[:MAX_SESSIONS], self.locale)


def _without(credentials: Iterable[SessionCredential], session: SessionId) -> list[SessionCredential]:
    return [credential for credential in credentials if credential.session != session]


def _credential(text: str) -> SessionCredential | None:
    session, _, secret = text.partition(".")
    try:
        return SessionCredential(SessionId.parse(session), secret) if secret else None
    except ValueError:
        return None
