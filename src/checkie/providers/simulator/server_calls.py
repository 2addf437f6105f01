"""What a merchant's server may call, with the API key: make, find, cancel and refund intents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from checkie.kernel import exponent
from checkie.providers.simulator.bank import Bank
from checkie.providers.simulator.exchange import Reply, Request, is_text, json_reply, text, whole
from checkie.providers.simulator.intents import Asked
from checkie.providers.simulator.links import Links
from checkie.providers.simulator.problem import invalid

_LARGEST_AMOUNT: Final = 10**15  # as kernel.Money
_LONGEST_KEY: Final = 255
_LARGEST_METADATA: Final = 50
_LONGEST_NAME: Final = 40
_LONGEST_VALUE: Final = 500


@dataclass(frozen=True, slots=True)
class ServerCalls:
    """One method a call."""

    bank: Bank
    links: Links

    def create(self, request: Request) -> Reply:
        """POST /v1/intents: the intent for an Idempotency-Key."""
        key = request.header(b"idempotency-key")
        if not 1 <= len(key) <= _LONGEST_KEY:
            raise invalid(f"the header Idempotency-Key has 1 to {_LONGEST_KEY} characters", param="Idempotency-Key")
        intent, trouble = self.bank.create(key, asked(request.json()))
        return json_reply(self.links.for_server(intent), trouble=trouble)

    def get(self, request: Request) -> Reply:
        """GET /v1/intents/{id}."""
        return json_reply(self.links.for_server(self.bank.get(request.intent_id)))

    def find(self, request: Request) -> Reply:
        """GET /v1/intents?key=…"""
        return json_reply(self.links.for_server(self.bank.find(_key(request))))

    def cancel(self, request: Request) -> Reply:
        """POST /v1/intents/{id}/cancel."""
        return json_reply(self.links.for_server(self.bank.cancel(self.bank.get(request.intent_id))))

    def cancel_by_key(self, request: Request) -> Reply:
        """POST /v1/intents/cancel?key=…: a key never seen can never come alive afterwards."""
        return json_reply(self.links.for_server(self.bank.cancel_by_key(_key(request))))

    def refund(self, request: Request) -> Reply:
        """POST /v1/intents/{id}/refunds; with an Idempotency-Key, at most once for it."""
        intent = self.bank.get(request.intent_id)
        amount = whole(request.json(), "amount", low=1, high=_LARGEST_AMOUNT)
        refunded = self.bank.refund(intent, amount, request.header(b"idempotency-key") or None)
        return json_reply(self.links.for_server(refunded))


def asked(body: Mapping[str, Any]) -> Asked:
    """What a create asks for. Refuses what makes no sense, naming the field."""
    amount = whole(body, "amount", low=1, high=_LARGEST_AMOUNT)
    currency = text(body, "currency", longest=4)
    try:
        exponent(currency)
    except ValueError as error:
        raise invalid(str(error), param="currency") from None
    description = text(body, "description", longest=500)
    return_url = text(body, "return_url", longest=2048)
    if not (return_url.startswith(("http://", "https://")) and return_url.isascii() and return_url.isprintable()):
        raise invalid("return_url is an http(s) address in ASCII", param="return_url")
    email = body.get("email")
    if email is not None:
        email = text(body, "email", longest=320)
    metadata = _metadata(body.get("metadata", {}))
    facts = [amount, currency, description, return_url, email, metadata]
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return Asked(amount, currency, description, return_url, email, metadata, fingerprint)


def _metadata(given: object) -> dict[str, str]:
    if not isinstance(given, dict) or len(given) > _LARGEST_METADATA:
        raise invalid(f"metadata is an object of at most {_LARGEST_METADATA} texts", param="metadata")
    for name, value in given.items():
        if len(name) > _LONGEST_NAME or not is_text(name) or not is_text(value) or len(value) > _LONGEST_VALUE:
            raise invalid(
                f"names up to {_LONGEST_NAME}, texts up to {_LONGEST_VALUE} characters", param=f"metadata.{name}"
            )
    return given


def _key(request: Request) -> str:
    return text(request.query(), "key", longest=_LONGEST_KEY)
