"""The port's side of the simulator: our words into its calls, its answers and webhooks into ours."""

from __future__ import annotations

import hmac
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
from checkie.providers.simulator.client import Client, NoAnswer
from checkie.providers.simulator.links import publishable_key
from checkie.providers.simulator.webhooks import digest

_TOLERANCE_S: Final = 300
_REFUSED: Final = frozenset({400, 401, 403, 422})
"""Statuses that say for sure that nothing was made."""
_LONGEST_DESCRIPTION: Final = 500
_ACTIONS: Final = {"requires_confirmation": Action.CONFIRM, "requires_action": Action.AUTHENTICATE}
_FACTS: Final = ("brand", "last4")


class Simulator:
    """The simulator as a provider. `base_url` is where our servers reach it."""

    name = "simulator"

    def __init__(self, base_url: str, api_key: str, webhook_secret: str, timeout_s: float = 10) -> None:
        self._client = Client(base_url, total_s=timeout_s)
        self._headers = {"authorization": f"Bearer {api_key}", "content-type": "application/json"}
        self._webhook_secret = webhook_secret
        self.publishable_key = publishable_key(api_key)

    async def authorize(self, intent: Intent) -> Outcome:
        """Make the simulator's twin of this attempt, or find it: same key, same twin."""
        asked = {
            "amount": intent.amount.minor,
            "currency": intent.amount.currency,
            "description": intent.description[:_LONGEST_DESCRIPTION],
            "return_url": intent.return_url,
            "email": intent.email,
            "metadata": {"attempt": intent.key, "payment": intent.payment},
        }
        answer = await self._ask("POST", "/v1/intents", key=intent.key, body=json.dumps(asked).encode())
        if isinstance(answer, Unknown):
            return answer
        status, body = answer
        if status in _REFUSED:
            error = body.get("error")
            facts = error if isinstance(error, dict) else {}
            return Declined(None, str(facts.get("code", "refused")), str(facts.get("message", f"HTTP {status}")))
        return _outcome(status, body)

    async def find(self, key: AttemptId, reference: str | None) -> Outcome:
        """How the attempt stands now.

        A key that the simulator never saw is cancelled there first: a create may still be on its way, and `Cancelled`
        promises that it cannot come alive. A key that it has forgotten (we know its reference) is `Unknown`.
        """
        answer = await self._ask("GET", f"/v1/intents?key={quote(key)}")
        if isinstance(answer, Unknown):
            return answer
        status, body = answer
        return await self.cancel(key, reference) if status == 404 else _outcome(status, body)

    async def cancel(self, key: AttemptId, reference: str | None) -> Outcome:
        """Make sure that it can no longer succeed."""
        answer = await self._ask("POST", f"/v1/intents/cancel?key={quote(key)}")
        if isinstance(answer, Unknown):
            return answer
        outcome = _outcome(*answer)
        if outcome == Cancelled(None) and reference is not None:
            return Unknown(f"the simulator forgot {reference}")
        if isinstance(outcome, ActionNeeded | InProgress):
            return Unknown("too late to cancel: the bank is at work")
        return outcome

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        """The notice in a webhook; None for an event that is not about our attempts. Raises BadSignature."""
        _check(headers.get("simulator-signature", ""), body, self._webhook_secret, now_s)
        event_id, kind, data = _event(body)
        intent = data.get("intent")
        metadata = intent.get("metadata") if isinstance(intent, dict) else None
        try:
            key = AttemptId.parse(metadata["attempt"]) if isinstance(metadata, dict) else None
        except (KeyError, AttributeError, ValueError):
            return None  # another installation's, or not about an attempt
        if key is None or not isinstance(intent, dict):
            return None
        outcome = _refunded(intent) if kind == "intent.refunded" else _outcome(200, intent)
        return None if isinstance(outcome, Unknown) else Notice(event_id, key, outcome)

    async def aclose(self) -> None:
        """Let connections go."""
        await self._client.aclose()

    async def _ask(
        self, method: str, path: str, *, key: str | None = None, body: bytes = b""
    ) -> tuple[int, Mapping[str, Any]] | Unknown:
        headers = {**self._headers, "idempotency-key": key} if key else self._headers
        try:
            status, answer = await self._client.call(method, path, headers, body)
            parsed = json.loads(answer)
        except NoAnswer as error:
            return Unknown(error.why)
        except ValueError:
            return Unknown("nonsense: the answer is not JSON")
        if status >= 500:
            return Unknown(f"HTTP {status}")
        return (status, parsed) if isinstance(parsed, dict) else Unknown("nonsense: the answer is no JSON object")


def _event(body: bytes) -> tuple[str, str, dict[str, Any]]:
    """Id, type and data of an event. What cannot be read is no more to be trusted than what is badly signed."""
    try:
        event = json.loads(body)
        event_id, kind, data = event["id"], event["type"], event["data"]
    except (ValueError, LookupError, TypeError):
        raise BadSignature("The body is not an event.") from None
    if not (isinstance(event_id, str) and isinstance(kind, str) and isinstance(data, dict)):
        raise BadSignature("The body is not an event.")
    return event_id, kind, data


def _outcome(status: int, intent: Mapping[str, Any]) -> Outcome:
    """What an intent of the simulator means to us. Anything that does not make sense is Unknown."""
    if status != 200:
        return Unknown(f"HTTP {status}")
    try:
        return _understood(intent)
    except (LookupError, TypeError, ValueError):
        return Unknown("nonsense: not an intent")


def _understood(intent: Mapping[str, Any]) -> Outcome:
    reference = _text(intent["id"])
    match intent["status"]:
        case "succeeded":
            return Approved(reference, _money(intent["amount_received"], intent["currency"]), _facts(intent))
        case "requires_confirmation" | "requires_action" as status:
            return _action(_ACTIONS[status], intent)
        case "processing":
            return InProgress(reference)
        case "declined":
            return Declined(reference, _text(intent["failure"]["code"]), _text(intent["failure"]["message"]))
        case "cancelled":
            return Cancelled(None if intent["amount"] is None else reference)
        case other:
            return Unknown(f"nonsense: status {other!r}")


def _refunded(intent: Mapping[str, Any]) -> Refunded | Unknown:
    try:
        return Refunded(_text(intent["id"]), _money(intent["refunded"], intent["currency"]))
    except (LookupError, TypeError, ValueError):
        return Unknown("nonsense: not an intent")


def _action(action: Action, intent: Mapping[str, Any]) -> ActionNeeded:
    """Webhooks carry no secrets, so what comes by them has neither client secret nor pages."""
    found = [intent.get(name) for name in ("client_secret", "confirm_url", "hosted_url", "publishable_key")]
    secret, confirm_url, hosted_url, key = found
    return ActionNeeded(_text(intent["id"]), action, secret or "", confirm_url, hosted_url, key)


def _facts(intent: Mapping[str, Any]) -> dict[str, str]:
    card = intent.get("card") or {}
    facts = {name: _text(card[name]) for name in _FACTS if name in card}
    if intent.get("three_d_secure"):
        facts["three_d_secure"] = _text(intent["three_d_secure"])
    return facts


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    if "\0" in value or (not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise ValueError("holds what no row can hold")
    return value


def _money(minor: object, currency: object) -> Money:
    if type(minor) is not int:
        raise TypeError("not a whole number")
    return Money(minor, _text(currency))


def _check(header: str, body: bytes, secret: str, now_s: float) -> None:
    """Raise BadSignature unless the header proves that whoever knows the secret sent this body lately."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    sent_at, given = parts.get("t", ""), parts.get("v1", "")
    if not (sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= 12 and given.isascii()):
        raise BadSignature
    if not hmac.compare_digest(given, digest(secret, sent_at, body)):
        raise BadSignature
    if abs(now_s - int(sent_at)) > _TOLERANCE_S:
        raise BadSignature("The webhook was signed more than five minutes ago.")
