"""What a browser says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Self

from starlette.requests import Request

from checkie.web.origin import origin
from checkie.web.parts import services

_MAX_TEXT: Final = 512
_MAX_NAME: Final = 40
_MAX_UTM: Final = 10
_BOT: Final = re.compile(r"bot(?=[/;)]|$)|crawl|spider|slurp|preview|facebookexternalhit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who requests a page. All of it is optional, unverified, and cut to length when it is stored."""

    ip: str | None = None
    user_agent: str | None = None
    referrer: str | None = None
    utm: dict[str, str] = field(default_factory=dict)
    is_machine: bool = False
    """A bot or a prefetch: no buyer, so it gets no session."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """The visitor who sent `request`."""
        headers = request.headers
        peer = request.client.host if request.client else None
        user_agent = headers.get("user-agent")
        purpose = headers.get("sec-purpose", "") + headers.get("purpose", "")
        return cls(
            ip=origin(peer, headers.getlist("x-forwarded-for"), services(request).proxies),
            user_agent=user_agent,
            referrer=headers.get("referer"),
            utm={key[4:]: value for key, value in request.query_params.items() if key.startswith("utm_")},
            is_machine="prefetch" in purpose or _BOT.search(user_agent or "") is not None,
        )

    def as_json(self) -> dict[str, object]:
        """What a row holds."""
        utm = {_clean(key)[:_MAX_NAME]: _clean(value) for key, value in list(self.utm.items())[:_MAX_UTM]}
        facts = {"ip": self.ip, "user_agent": self.user_agent, "referrer": self.referrer}
        return {**{key: _clean(value) for key, value in facts.items() if value}, **({"utm": utm} if utm else {})}


def _clean(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:_MAX_TEXT]
