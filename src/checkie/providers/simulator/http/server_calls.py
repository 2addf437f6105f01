"""Calls of a merchant's server, with the API key: create, find, cancel and refund intents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from checkie.kernel import Money, exponent
from checkie.providers.simulator.bank.bank import Bank
from checkie.providers.simulator.bank.errors import invalid
from checkie.providers.simulator.bank.intents import IntentParams
from checkie.providers.simulator.http.links import Links
from checkie.providers.simulator.http.messages import Request, Response, integer, is_text, json_response, text

_MAX_KEY: Final = 255
_MAX_METADATA_KEYS: Final = 50
_MAX_METADATA_NAME: Final = 40
_MAX_METADATA_VALUE: Final = 500


@dataclass(frozen=True, slots=True)
class ServerCalls:
    """One method per call."""

    bank: Bank
    links: Links

    def create(self, request: Request) -> Response:
        """POST /v1/intents: create the intent of an Idempotency-Key, or return it."""
        key = request.header(b"idempotency-key")
        if not 1 <= len(key) <= _MAX_KEY:
            raise invalid(f"The header Idempotency-Key must have 1 to {_MAX_KEY} characters.", param="Idempotency-Key")
        intent, fault = self.bank.create(key, parse_params(request.json()))
        return json_response(self.links.for_server(intent), fault=fault)

    def get(self, request: Request) -> Response:
        """GET /v1/intents/{id}."""
        return json_response(self.links.for_server(self.bank.get(request.intent_id)))

    def find(self, request: Request) -> Response:
        """GET /v1/intents?key=…"""
        return json_response(self.links.for_server(self.bank.find(_key(request))))

    def cancel(self, request: Request) -> Response:
        """POST /v1/intents/{id}/cancel."""
        return json_response(self.links.for_server(self.bank.cancel(self.bank.get(request.intent_id))))

    def cancel_by_key(self, request: Request) -> Response:
        """POST /v1/intents/cancel?key=…: an unused key is cancelled too, so nothing can be paid under it later."""
        return json_response(self.links.for_server(self.bank.cancel_by_key(_key(request))))

    def refund(self, request: Request) -> Response:
        """POST /v1/intents/{id}/refunds: with an Idempotency-Key, at most once per key."""
        intent = self.bank.get(request.intent_id)
        amount = integer(request.json(), "amount", min_value=1, max_value=Money.MAX_MINOR)
        refunded = self.bank.refund(intent, amount, request.header(b"idempotency-key") or None)
        return json_response(self.links.for_server(refunded))


def parse_params(body: Mapping[str, Any]) -> IntentParams:
    """The parameters of a create. Refuses invalid ones, naming the field."""
    amount = integer(body, "amount", min_value=1, max_value=Money.MAX_MINOR)
    currency = text(body, "currency", max_length=4)
    try:
        exponent(currency)
    except ValueError as error:
        raise invalid(str(error), param="currency") from None
    description = text(body, "description", max_length=500)
    return_url = text(body, "return_url", max_length=2048)
    if not (return_url.startswith(("http://", "https://")) and return_url.isascii() and return_url.isprintable()):
        raise invalid("return_url must be an http(s) URL in ASCII.", param="return_url")
    email = body.get("email")
    if email is not None:
        email = text(body, "email", max_length=320)
    metadata = _metadata(body.get("metadata", {}))
    values = [amount, currency, description, return_url, email, metadata]
    fingerprint = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    return IntentParams(amount, currency, description, return_url, email, metadata, fingerprint)


def _metadata(given: object) -> dict[str, str]:
    if not isinstance(given, dict) or len(given) > _MAX_METADATA_KEYS:
        raise invalid(f"metadata must be an object of at most {_MAX_METADATA_KEYS} strings.", param="metadata")
    limits = f"Metadata keys have up to {_MAX_METADATA_NAME} characters, values up to {_MAX_METADATA_VALUE}."
    for name, value in given.items():
        if len(name) > _MAX_METADATA_NAME or not is_text(name):
            raise invalid(limits, param="metadata")
        if not is_text(value) or len(value) > _MAX_METADATA_VALUE:
            raise invalid(limits, param=f"metadata.{name}")
    return given


def _key(request: Request) -> str:
    return text(request.query(), "key", max_length=_MAX_KEY)
