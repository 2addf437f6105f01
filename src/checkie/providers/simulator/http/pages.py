"""Pages rendered on the server: the hosted card page, 3-D Secure, errors, and the frame of the card fields."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from babel.numbers import format_currency
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from checkie.kernel import Money
from checkie.providers.simulator.bank.intents import Intent
from checkie.providers.simulator.http import translations
from checkie.providers.simulator.http.messages import NO_STORE, Response

_POLICY: Final = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; "
# Browsers apply form-action to every redirect after a form, and the last one leads to the merchant, on any origin.
_FORMS: Final = "form-action 'self' http: https:; "
_SAFE: Final = (("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"))
_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_EXAMPLES: Final = (
    ("4242 4242 4242 4242", "card_succeeds"),
    ("4000 0000 0000 3220", "card_requires_3d_secure"),
    ("4000 0000 0000 0002", "card_declined"),
    ("4000 0000 0000 9995", "card_insufficient_funds"),
)


@dataclass(frozen=True, slots=True)
class FormValues:
    """What the buyer entered before, without the security code, and the key of the error text by field."""

    number: str = field(default="", repr=False)
    exp: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


class Pages:
    """Renders pages. Each has a content security policy that allows what the page needs and nothing else."""

    def __init__(self) -> None:
        loader = PackageLoader("checkie.providers.simulator.http")
        self._templates = Environment(loader=loader, autoescape=select_autoescape(), undefined=StrictUndefined)

    def pay(self, intent: Intent, locale: str, values: FormValues) -> Response:
        """The hosted card page; 422 when the form has errors."""
        facts = {
            "amount": _amount(intent, locale),
            "description": intent.params.description if intent.params else "",
            "values": values,
            "examples": _EXAMPLES,
        }
        # In a frame, a buyer could not see whose page asks for the card number.
        policy = _POLICY + _FORMS + "frame-ancestors 'none'"
        return self._page("pay.html", locale, facts, policy, 422 if values.errors else 200)

    def challenge(self, intent: Intent, locale: str) -> Response:
        """The 3-D Secure page. Merchants may frame it, as they frame those of real banks."""
        facts = {"amount": _amount(intent, locale), "card": f"{(intent.brand or '').title()} ···· {intent.last4}"}
        return self._page("challenge.html", locale, facts, _POLICY + _FORMS + "frame-ancestors http: https:")

    def error(self, status: int, locale: str) -> Response:
        """The error page: not found, or internal error."""
        name = "not_found" if status == 404 else "error"
        return self._page("error.html", locale, {"name": name}, _POLICY + "frame-ancestors 'none'", status)

    def fields(self, parent: str, locale: str, direction: str) -> Response:
        """The frame of the card fields.

        Any page may embed it, and be embedded itself: stores show the checkout on their own pages, on origins that the
        simulator does not know. The frame talks to `parent` only, and the card number stays inside.
        """
        direction = direction if direction in ("ltr", "rtl") else translations.direction(locale)
        messages = {name: translations.texts(locale)[name] for name in translations.CARD_ERRORS}
        facts = {"parent": parent, "direction": direction, "messages": messages}
        return self._page("fields.html", locale, facts, _POLICY + "form-action 'none'; frame-ancestors http: https:")

    def _page(self, name: str, locale: str, facts: Mapping[str, Any], policy: str, status: int = 200) -> Response:
        language = {
            "locale": locale,
            "direction": translations.direction(locale),
            "t": translations.texts(locale).__getitem__,
        }
        body = self._templates.get_template(name).render({**language, **facts}).encode()
        headers = (NO_STORE, ("content-security-policy", policy), *_SAFE)
        return Response(status, body, "text/html; charset=utf-8", headers)


def static_files() -> dict[str, Response]:
    """Scripts and style sheets by path: /fields.js, which merchants link to, and the rest under /static/."""
    responses = {}
    for file in (files(__package__) / "static").iterdir():
        body = file.read_bytes()
        tag = ("etag", f'"{hashlib.sha256(body).hexdigest()[:16]}"')
        shared = (("cache-control", "public, max-age=300"), ("cross-origin-resource-policy", "cross-origin"))
        path = f"/{file.name}" if file.name == "fields.js" else f"/static/{file.name}"
        responses[path] = Response(200, body, _TYPES[file.name.rpartition(".")[2]], (tag, *shared, *_SAFE))
    return responses


def _amount(intent: Intent, locale: str) -> str:
    if intent.params is None:
        return ""
    money = Money(intent.params.amount, intent.params.currency)
    return format_currency(money.decimal(), money.currency, locale=locale)
