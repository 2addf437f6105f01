"""The simulator as a provider: `payments.port` over its API and its webhooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    BadSignature,
    Cancelled,
    Declined,
    InProgress,
    Intent,
    Notice,
    Outcome,
    Refunded,
    Unknown,
)
from checkie.providers.simulator import signature
from checkie.providers.simulator.client import Client, NoResponse

_REFUSED: Final = frozenset({400, 401, 403, 422})
"""Statuses that mean that no intent was created."""
_MAX_DESCRIPTION: Final = 500
_ACTIONS: Final = {"requires_confirmation": Action.CONFIRM, "requires_action": Action.AUTHENTICATE}
_CARD_FACTS: Final = ("brand", "last4")


class Simulator:
    """The provider `simulator`. `base_url` is where our servers reach it."""

    name = "simulator"

    def __init__(self, base_url: str, api_key: str, webhook_secret: str, timeout_s: float = 10) -> None:
        self._client = Client(base_url, total_s=timeout_s)
        self._headers = {"authorization": f"Bearer {api_key}", "content-type": "application/json"}
        self._webhook_secret = webhook_secret

    async def authorize(self, intent: Intent) -> Outcome:
        """Create the intent of this attempt, or return the one created under its key before."""
        params = {
            "amount": intent.amount.minor,
            "currency": intent.amount.currency,
            "description": intent.description[:_MAX_DESCRIPTION],
            "return_url": intent.return_url,
            "email": intent.email,
            "metadata": {"attempt": intent.key, "payment": intent.payment},
        }
        response = await self._call("POST", "/v1/intents", key=intent.key, body=json.dumps(params).encode())
        if isinstance(response, Unknown):
            return response
        status, body = response
        if status in _REFUSED:
            error = body.get("error")
            details = error if isinstance(error, dict) else {}
            return Declined(None, str(details.get("code", "refused")), str(details.get("message", f"HTTP {status}")))
        return _outcome(status, body)

    async def find(self, key: AttemptId, reference: str | None) -> Outcome:
        """The attempt's current outcome.

        A key that the simulator does not know is cancelled there first: a create may still be in flight, and
        `Cancelled` promises that it cannot succeed. If it had a reference, the simulator lost its data: `Unknown`.
        """
        response = await self._call("GET", f"/v1/intents?key={quote(key)}")
        if isinstance(response, Unknown):
            return response
        status, body = response
        return await self.cancel(key, reference) if status == 404 else _outcome(status, body)

    async def cancel(self, key: AttemptId, reference: str | None) -> Outcome:
        """Make sure that the attempt can no longer succeed."""
        response = await self._call("POST", f"/v1/intents/cancel?key={quote(key)}")
        if isinstance(response, Unknown):
            return response
        outcome = _outcome(*response)
        if outcome == Cancelled(None) and reference is not None:
            return Unknown(f"the simulator does not know {reference}")
        if isinstance(outcome, ActionNeeded | InProgress):
            return Unknown("too late to cancel: the bank is processing the payment")
        return outcome

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        """The notice in a webhook. None for an event about anything but an attempt of ours. Raises BadSignature."""
        signature.verify(headers.get(signature.HEADER, ""), body, self._webhook_secret, now_s)
        event_id, kind, data = _event(body)
        intent = data.get("intent")
        metadata = intent.get("metadata") if isinstance(intent, dict) else None
        try:
            key = AttemptId.parse(metadata["attempt"]) if isinstance(metadata, dict) else None
        except (KeyError, AttributeError, ValueError):
            return None  # of another installation, or not about an attempt
        if key is None or not isinstance(intent, dict):
            return None
        outcome = _refunded(intent) if kind == "intent.refunded" else _outcome(200, intent)
        return None if isinstance(outcome, Unknown) else Notice(event_id, key, outcome)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _call(
        self, method: str, path: str, *, key: str | None = None, body: bytes = b""
    ) -> tuple[int, Mapping[str, Any]] | Unknown:
        headers = {**self._headers, "idempotency-key": key} if key else self._headers
        try:
            status, response = await self._client.call(method, path, headers, body)
        except NoResponse as error:
            return Unknown(error.why)
        try:
            parsed = json.loads(response)
        except ValueError:
            return Unknown("invalid response: not JSON")
        if status >= 500:
            return Unknown(f"HTTP {status}")
        return (status, parsed) if isinstance(parsed, dict) else Unknown("invalid response: not a JSON object")


def _event(body: bytes) -> tuple[str, str, dict[str, Any]]:
    """Id, type and data of an event. A body that is not an event is refused like a bad signature."""
    try:
        event = json.loads(body)
        event_id, kind, data = event["id"], event["type"], event["data"]
    except (ValueError, LookupError, TypeError):
        raise BadSignature("The body is not an event.") from None
    if not (isinstance(event_id, str) and isinstance(kind, str) and isinstance(data, dict)):
        raise BadSignature("The body is not an event.")
    return event_id, kind, data


def _outcome(status: int, intent: Mapping[str, Any]) -> Outcome:
    """The outcome of an intent of the simulator. Unknown for an invalid one."""
    if status != 200:
        return Unknown(f"HTTP {status}")
    try:
        return _parse_outcome(intent)
    except (LookupError, TypeError, ValueError):
        return Unknown("invalid response: not an intent")


def _parse_outcome(intent: Mapping[str, Any]) -> Outcome:
    reference = _text(intent["id"])
    match intent["status"]:
        case "succeeded":
            return Approved(reference, _money(intent["amount_received"], intent["currency"]), _receipt_facts(intent))
        case "requires_confirmation" | "requires_action" as status:
            return _action(_ACTIONS[status], intent)
        case "processing":
            return InProgress(reference)
        case "declined":
            return Declined(reference, _text(intent["failure"]["code"]), _text(intent["failure"]["message"]))
        case "cancelled":
            return Cancelled(None if intent["amount"] is None else reference)
        case other:
            return Unknown(f"invalid response: status {other!r}")


def _refunded(intent: Mapping[str, Any]) -> Refunded | Unknown:
    try:
        return Refunded(_text(intent["id"]), _money(intent["refunded"], intent["currency"]))
    except (LookupError, TypeError, ValueError):
        return Unknown("invalid response: not an intent")


def _action(action: Action, intent: Mapping[str, Any]) -> ActionNeeded:
    """Webhooks carry no secrets, so an intent in a webhook has neither client secret nor URLs."""
    names = ("client_secret", "confirm_url", "hosted_url", "publishable_key")
    secret, confirm_url, hosted_url, key = (intent.get(name) for name in names)
    return ActionNeeded(_text(intent["id"]), action, secret or "", confirm_url, hosted_url, key)


def _receipt_facts(intent: Mapping[str, Any]) -> dict[str, str]:
    card = intent.get("card") or {}
    facts = {name: _text(card[name]) for name in _CARD_FACTS if name in card}
    if intent.get("three_d_secure"):
        facts["three_d_secure"] = _text(intent["three_d_secure"])
    return facts


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    if "\0" in value or (not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)):
        raise ValueError("has characters that cannot be stored")
    return value


def _money(minor: object, currency: object) -> Money:
    if type(minor) is not int:
        raise TypeError("not an integer")
    return Money(minor, _text(currency))
