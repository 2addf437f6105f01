"""What a browser tells of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

from checkie.web.origin import origin
from checkie.web.runtime import runtime

_LONGEST: Final = 512
_LONGEST_NAME: Final = 40
_MOST_UTM: Final = 10
_BOT: Final = re.compile(r"bot(?=[/;)]|$)|crawl|spider|slurp|preview|facebookexternalhit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page. Cut to length: none of it is needed, all of it is somebody else's text."""

    ip: str | None = None
    user_agent: str | None = None
    referrer: str | None = None
    utm: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """What a row holds."""
        utm = {_clean(key)[:_LONGEST_NAME]: _clean(value) for key, value in list(self.utm.items())[:_MOST_UTM]}
        facts = {"ip": self.ip, "user_agent": self.user_agent, "referrer": self.referrer}
        return {**{key: _clean(value) for key, value in facts.items() if value}, **({"utm": utm} if utm else {})}


def visitor(request: Request) -> Visitor:
    """What the request tells of the browser that sends it."""
    utm = {key[4:]: value for key, value in request.query_params.items() if key.startswith("utm_")}
    headers = request.headers
    peer = request.client.host if request.client else None
    ip = origin(peer, headers.getlist("x-forwarded-for"), runtime(request).proxies)
    return Visitor(ip, headers.get("user-agent"), headers.get("referer"), utm)


def is_machine(request: Request) -> bool:
    """Whether a bot or a prefetch asks: no buyer, so no session."""
    purpose = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    return "prefetch" in purpose or _BOT.search(request.headers.get("user-agent", "")) is not None


def _clean(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:_LONGEST]
