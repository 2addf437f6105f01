"""Pages for people, rendered on the server: the hosted card page, 3-D Secure, errors, the card fields' frame."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from babel.numbers import format_currency
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from checkie.kernel import Money
from checkie.providers.simulator import words
from checkie.providers.simulator.exchange import NO_STORE, Reply
from checkie.providers.simulator.intents import Intent

_POLICY: Final = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; "
# Browsers apply form-action to every hop of the redirects after a form: after ours come the merchant's, anywhere.
_FORMS: Final = "form-action 'self' http: https:; "
_SAFE: Final = (("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"))
_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_EXAMPLES: Final = (
    ("4242 4242 4242 4242", "card_succeeds"),
    ("4000 0000 0000 3220", "card_challenges"),
    ("4000 0000 0000 0002", "card_declines"),
    ("4000 0000 0000 9995", "card_lacks_funds"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the buyer typed before, the security code excepted, and the word for what is wrong by field."""

    number: str = field(default="", repr=False)
    exp: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


class Pages:
    """Renders pages, each with the policy that lets it do what it needs and nothing else."""

    def __init__(self) -> None:
        loader = PackageLoader("checkie.providers.simulator")
        self._templates = Environment(loader=loader, autoescape=select_autoescape(), undefined=StrictUndefined)

    def pay(self, intent: Intent, locale: str, shown: Shown) -> Reply:
        """The hosted card page, 422 while something is to be mended."""
        facts = {"amount": _amount(intent, locale), "asked": intent.asked, "shown": shown, "examples": _EXAMPLES}
        # In a frame, a buyer could not see whose page asks for the card number.
        policy = _POLICY + _FORMS + "frame-ancestors 'none'"
        return self._page("pay.html", locale, facts, policy, 422 if shown.errors else 200)

    def challenge(self, intent: Intent, locale: str) -> Reply:
        """The 3-D Secure page. Merchants may frame it, as they frame those of real banks."""
        facts = {"amount": _amount(intent, locale), "card": f"{(intent.brand or '').title()} ···· {intent.last4}"}
        return self._page("challenge.html", locale, facts, _POLICY + _FORMS + "frame-ancestors http: https:")

    def error(self, status: int, locale: str) -> Reply:
        """What a person sees when a link is wrong or the simulator is told to fail."""
        name = "not_found" if status == 404 else "error"
        return self._page("error.html", locale, {"name": name}, _POLICY + "frame-ancestors 'none'", status)

    def fields(self, parent: str, locale: str, direction: str) -> Reply:
        """The frame of the card fields.

        Any page may embed it, and be embedded itself: a shop's own pages hold the checkout, on origins that the
        simulator is never told of. It talks to `parent` only, and the card number stays inside.
        """
        direction = direction if direction in ("ltr", "rtl") else words.direction_of(locale)
        flaws = {name: words.of(locale)[name] for name in words.FLAWS}
        facts = {"parent": parent, "direction": direction, "flaws": flaws}
        return self._page("fields.html", locale, facts, _POLICY + "form-action 'none'; frame-ancestors http: https:")

    def _page(self, name: str, locale: str, facts: Mapping[str, Any], policy: str, status: int = 200) -> Reply:
        known = {"locale": locale, "direction": words.direction_of(locale), "say": words.of(locale).__getitem__}
        body = self._templates.get_template(name).render({**known, **facts}).encode()
        headers = (NO_STORE, ("content-security-policy", policy), *_SAFE)
        return Reply(status, body, "text/html; charset=utf-8", headers)


def static_files() -> dict[str, Reply]:
    """Scripts and style sheets by path: /fields.js, which merchants link to, and the rest under /static/."""
    replies = {}
    for file in (files(__package__) / "static").iterdir():
        body = file.read_bytes()
        tag = ("etag", f'"{hashlib.sha256(body).hexdigest()[:16]}"')
        shared = (("cache-control", "public, max-age=300"), ("cross-origin-resource-policy", "cross-origin"))
        path = f"/{file.name}" if file.name == "fields.js" else f"/static/{file.name}"
        replies[path] = Reply(200, body, _TYPES[file.name.rpartition(".")[2]], (tag, *shared, *_SAFE))
    return replies


def _amount(intent: Intent, locale: str) -> str:
    if intent.asked is None:
        return ""
    money = Money(intent.asked.amount, intent.asked.currency)
    return format_currency(money.decimal(), money.currency, locale=locale)
