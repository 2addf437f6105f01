"""What a buyer's browser calls: confirm, 3-D Secure, the hosted card page, the card fields' frame. No API key here.

What a buyer may do hangs on the intent's client secret. Card numbers and security codes go from the request into
`cards` and end there: nothing here keeps or logs them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from checkie.providers.simulator import cards, words
from checkie.providers.simulator.bank import NO_TROUBLE, Bank, Trouble
from checkie.providers.simulator.cards import Typed
from checkie.providers.simulator.exchange import Reply, Request, is_text, json_reply, see_other, text
from checkie.providers.simulator.intents import FINISHED, Intent, State
from checkie.providers.simulator.links import Links
from checkie.providers.simulator.pages import Pages, Shown
from checkie.providers.simulator.problem import invalid

_LONGEST_FIELD: Final = 40
_ORIGIN: Final = re.compile(r"https?://[^/?#\s\"'<>]{1,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BuyerCalls:
    """One method a call."""

    bank: Bank
    links: Links
    pages: Pages

    def confirm(self, request: Request) -> Reply:
        """POST /v1/intents/{id}/confirm: the card fields' call."""
        body = request.json()
        intent = self.bank.get(request.intent_id, secret=text(body, "client_secret", longest=200))
        card = body.get("card")
        if not isinstance(card, dict):
            raise invalid("card is an object of number, exp_month, exp_year and cvc", param="card")
        typed = Typed(
            cards.ascii_digits(text(card, "number", longest=_LONGEST_FIELD, param="card.number")),
            _number(card, "exp_month"),
            _number(card, "exp_year"),
            cards.ascii_digits(text(card, "cvc", longest=_LONGEST_FIELD, param="card.cvc")),
        )
        confirmed, trouble = self.bank.confirm(intent, typed)
        return json_reply(self.links.for_browser(confirmed), trouble=trouble)

    def show_challenge(self, request: Request) -> Reply:
        """GET /v1/intents/{id}/authenticate: the 3-D Secure page; back to the merchant when there is nothing to do."""
        intent = self._intent_of_link(request)
        if intent.status is not State.REQUIRES_ACTION:
            return self._onward(intent)
        return self.pages.challenge(intent, words.locale_of(request.header(b"accept-language")))

    def answer_challenge(self, request: Request) -> Reply:
        """POST the same: `result` pass or fail. A browser's form goes back to the merchant; a script gets JSON."""
        intent = self._intent_of_link(request)
        body = request.form() if request.is_form() else request.json()
        result = body.get("result")
        if result not in ("pass", "fail"):
            raise invalid("result is pass or fail", param="result")
        answered, trouble = self.bank.authenticate(intent, passed=result == "pass")
        if request.is_form() and request.wants_html():
            return self._onward(answered, trouble)
        return json_reply(self.links.for_browser(answered), trouble=trouble)

    def show_pay(self, request: Request) -> Reply:
        """GET /pay/{id}: the hosted card page; onward when there is nothing left to type."""
        intent = self._intent_of_link(request)
        if intent.status is not State.REQUIRES_CONFIRMATION:
            return self._onward(intent)
        return self.pages.pay(intent, words.locale_of(request.header(b"accept-language")), Shown())

    def pay(self, request: Request) -> Reply:
        """POST the same: to 3-D Secure or back to the merchant; the page again while there is something to mend."""
        intent = self._intent_of_link(request)
        if intent.status is not State.REQUIRES_CONFIRMATION:
            return self._onward(intent)
        form = {name: value[:_LONGEST_FIELD] for name, value in request.form().items()}
        number, exp, cvc = form.get("number", "").strip(), form.get("exp", "").strip(), form.get("cvc", "").strip()
        typed = Typed(cards.ascii_digits(number), *cards.expiry(exp), cards.ascii_digits(cvc))
        if errors := self.bank.flaws(typed):
            empty = {
                name: f"{name}_missing" for name, value in (("number", number), ("exp", exp), ("cvc", cvc)) if not value
            }
            shown = Shown(number, exp, {flaw.field: empty.get(flaw.field, flaw.code) for flaw in errors})
            return self.pages.pay(intent, words.locale_of(request.header(b"accept-language")), shown)
        return self._onward(*self.bank.confirm(intent, typed))

    def fields(self, request: Request) -> Reply:
        """GET /fields: the frame that holds the card fields. `parent` is the origin of the page that embeds it."""
        query = request.query()
        parent, key = query.get("parent", ""), query.get("key", "")
        if not _ORIGIN.fullmatch(parent):
            raise invalid("parent is the origin of the embedding page", param="parent")
        if key and key != self.links.publishable_key:
            raise invalid("key is not this simulator's publishable key", param="key")
        locale = words.locale_of(query.get("locale") or request.header(b"accept-language"))
        return self.pages.fields(parent, locale, query.get("dir", ""))

    def _intent_of_link(self, request: Request) -> Intent:
        return self.bank.get(request.intent_id, secret=request.query().get("secret", ""))

    def _onward(self, intent: Intent, trouble: Trouble = NO_TROUBLE) -> Reply:
        if intent.status is State.REQUIRES_ACTION:
            return see_other(self.links.challenge(intent), trouble=trouble)
        if intent.asked and intent.status in FINISHED:
            return see_other(intent.asked.return_url, trouble=trouble)
        return see_other(self.links.hosted(intent), trouble=trouble)


def _number(card: dict[str, object], name: str) -> int | None:
    value = card.get(name)
    if type(value) is int:
        return value
    if is_text(value) and len(value) <= 4 and value.isdecimal():
        return int(value)
    if value is None or not is_text(value):
        raise invalid(f"card.{name} is a number", param=f"card.{name}")
    return None
