"""Calls of a buyer's browser: confirm, 3-D Secure, the hosted card page, the frame of the card fields. No API key here.

The intent's client secret authorizes the buyer. Card numbers and security codes go from the request into `cards` and no
further: nothing here stores or logs them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from checkie.providers.simulator.bank import cards
from checkie.providers.simulator.bank.bank import NO_FAULT, Bank, ResponseFault
from checkie.providers.simulator.bank.cards import CardDetails
from checkie.providers.simulator.bank.errors import invalid
from checkie.providers.simulator.bank.intents import FINISHED, Intent, State
from checkie.providers.simulator.http.links import Links
from checkie.providers.simulator.http.messages import Request, Response, is_text, json_response, redirect, text
from checkie.providers.simulator.http.pages import FormValues, Pages
from checkie.providers.simulator.http.translations import best_locale

_MAX_FIELD: Final = 40
_ORIGIN: Final = re.compile(r"https?://[^/?#\s\"'<>]{1,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BuyerCalls:
    """One method per call."""

    bank: Bank
    links: Links
    pages: Pages

    def confirm(self, request: Request) -> Response:
        """POST /v1/intents/{id}/confirm: the call of the card fields."""
        body = request.json()
        intent = self.bank.get(request.intent_id, secret=text(body, "client_secret", max_length=200))
        card = body.get("card")
        if not isinstance(card, dict):
            raise invalid("card must be an object of number, exp_month, exp_year and cvc.", param="card")
        details = CardDetails(
            cards.ascii_digits(text(card, "number", max_length=_MAX_FIELD, param="card.number")),
            _number(card, "exp_month"),
            _number(card, "exp_year"),
            cards.ascii_digits(text(card, "cvc", max_length=_MAX_FIELD, param="card.cvc")),
        )
        confirmed, fault = self.bank.confirm(intent, details)
        return json_response(self.links.for_browser(confirmed), fault=fault)

    def show_challenge(self, request: Request) -> Response:
        """GET /v1/intents/{id}/authenticate: the 3-D Secure page, or a redirect when there is nothing to do."""
        intent = self._authorized_intent(request)
        if intent.status is not State.REQUIRES_ACTION:
            return self._redirect(intent)
        return self.pages.challenge(intent, best_locale(request.header(b"accept-language")))

    def authenticate(self, request: Request) -> Response:
        """POST the same: `result` pass or fail. The page's form redirects to the merchant; a script gets JSON."""
        intent = self._authorized_intent(request)
        body = request.form() if request.is_form() else request.json()
        result = body.get("result")
        if result not in ("pass", "fail"):
            raise invalid("result must be pass or fail.", param="result")
        authenticated, fault = self.bank.authenticate(intent, passed=result == "pass")
        if request.is_form() and request.accepts_html():
            return self._redirect(authenticated, fault)
        return json_response(self.links.for_browser(authenticated), fault=fault)

    def show_pay(self, request: Request) -> Response:
        """GET /pay/{id}: the hosted card page, or a redirect when no card is needed."""
        intent = self._authorized_intent(request)
        if intent.status is not State.REQUIRES_CONFIRMATION:
            return self._redirect(intent)
        return self.pages.pay(intent, best_locale(request.header(b"accept-language")), FormValues())

    def pay(self, request: Request) -> Response:
        """POST the same: redirects to 3-D Secure or to the merchant; shows the page again when the form has errors."""
        intent = self._authorized_intent(request)
        if intent.status is not State.REQUIRES_CONFIRMATION:
            return self._redirect(intent)
        form = request.form()
        number, exp, cvc = (form.get(name, "")[:_MAX_FIELD].strip() for name in ("number", "exp", "cvc"))
        details = CardDetails(cards.ascii_digits(number), *cards.parse_expiry(exp), cards.ascii_digits(cvc))
        if errors := self.bank.validate(details):
            filled = {"number": number, "exp": exp, "cvc": cvc}
            keys = {each.field: each.code if filled[each.field] else f"{each.field}_missing" for each in errors}
            locale = best_locale(request.header(b"accept-language"))
            return self.pages.pay(intent, locale, FormValues(number, exp, keys))
        return self._redirect(*self.bank.confirm(intent, details))

    def fields(self, request: Request) -> Response:
        """GET /fields: the frame of the card fields. `parent` is the origin of the page that embeds it."""
        query = request.query()
        parent, key = query.get("parent", ""), query.get("key", "")
        if not _ORIGIN.fullmatch(parent):
            raise invalid("parent must be the origin of the embedding page.", param="parent")
        if key and key != self.links.publishable_key:
            raise invalid("key must be the publishable key of this simulator.", param="key")
        locale = best_locale(query.get("locale") or request.header(b"accept-language"))
        return self.pages.fields(parent, locale, query.get("dir", ""))

    def _authorized_intent(self, request: Request) -> Intent:
        return self.bank.get(request.intent_id, secret=request.query().get("secret", ""))

    def _redirect(self, intent: Intent, fault: ResponseFault = NO_FAULT) -> Response:
        """To the buyer's next page: 3-D Secure, the merchant's page, or the hosted card page."""
        if intent.status is State.REQUIRES_ACTION:
            return redirect(self.links.challenge(intent), fault=fault)
        if intent.params and intent.status in FINISHED:
            return redirect(intent.params.return_url, fault=fault)
        return redirect(self.links.hosted(intent), fault=fault)


def _number(card: dict[str, object], name: str) -> int | None:
    value = card.get(name)
    if type(value) is int:
        return value
    if is_text(value) and len(value) <= 4 and value.isdecimal():
        return int(value)
    if value is None or not is_text(value):
        raise invalid(f"card.{name} must be a number.", param=f"card.{name}")
    return None
