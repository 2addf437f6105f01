"""A payment provider in memory, kept honest by the contract suite that runs over the real ones."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, DisputeId, RefundId
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    BadSignature,
    Cancelled,
    Declined,
    DisputeReport,
    DisputeStatus,
    InProgress,
    Intent,
    Notice,
    Outcome,
    ProviderReference,
    Refunded,
    RefundReport,
    RefundStatus,
    Unknown,
)

GOOD: Final = "4242424242424242"
DECLINED: Final = "4000000000000341"
ASKS: Final = "4000002760003184"
HEADER: Final = "fake-signature"
_TOLERANCE_S: Final = 300
Pages: TypeAlias = Literal["always", "on request", "never"]
Reported: TypeAlias = (
    Approved | ActionNeeded | InProgress | Declined | Cancelled | Refunded | RefundReport | DisputeReport
)
Subject: TypeAlias = AttemptId | RefundId | DisputeId | ProviderReference
_KINDS: Final[Mapping[type, str]] = {
    Approved: "succeeded",
    ActionNeeded: "requires_action",
    InProgress: "processing",
    Declined: "declined",
    Cancelled: "cancelled",
    Refunded: "refunded",
    RefundReport: "refund",
    DisputeReport: "dispute",
}


@dataclass
class FakeAttempt:
    """The provider's own view of one attempt. Without an intent it is a tombstone: that key can never be charged."""

    key: AttemptId
    reference: str
    intent: Intent | None
    outcome: Outcome


@dataclass
class FakeProvider:
    """Implements `payments.port.Provider`.

    By default nothing fails. `unreachable` loses every call before it arrives; `loses_responses` handles every call and
    loses the response. `during_authorize(key)` runs inside `authorize`, before the response is returned.
    `pages` says which attempts have a page of the provider's own. "on request" they have that page and nothing else,
    and a card that is declined there ends nothing.
    """

    name: str = "fake"
    secret: str = field(default="whsec_fake", repr=False)
    unreachable: bool = False
    loses_responses: bool = False
    pages: Pages = "always"
    during_authorize: Callable[[AttemptId], Awaitable[object]] | None = field(default=None, repr=False)
    calls: list[tuple[str, AttemptId]] = field(default_factory=list, repr=False)
    sent: list[tuple[str, bytes]] = field(default_factory=list, repr=False)
    """Type and body of each webhook, unsigned, in order."""
    attempts: dict[AttemptId, FakeAttempt] = field(default_factory=dict, repr=False)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    async def authorize(self, intent: Intent) -> Outcome:
        return await self._call("authorize", intent.key, lambda: self._authorize(intent))

    async def find(self, key: AttemptId, reference: str | None) -> Outcome:
        return await self._call("find", key, lambda: self._attempt(key).outcome)

    async def cancel(self, key: AttemptId, reference: str | None) -> Outcome:
        return await self._call("cancel", key, lambda: self._cancel(key))

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        sent_at, _, given = headers.get(HEADER, "").removeprefix("t=").partition(",v1=")
        is_ours = sent_at.isdigit() and hmac.compare_digest(given, self._digest(sent_at, body))
        if not is_ours or abs(now_s - int(sent_at)) > _TOLERANCE_S:
            raise BadSignature
        try:
            event = json.loads(body)
            event_id, kind, data = event["id"], event["type"], event["data"]
        except (ValueError, LookupError, TypeError):
            raise BadSignature from None
        if not isinstance(data, dict):
            raise BadSignature
        subject = _subject(data)
        return None if subject is None else Notice(event_id, subject, _reported(kind.removeprefix("attempt."), data))

    async def aclose(self) -> None:
        """Nothing to close."""

    # -- what happens at the provider ---------------------------------------------------------------------------------

    def confirm(self, key: AttemptId, card: str = GOOD) -> None:
        """The buyer enters a card."""
        attempt = self.attempts[key]
        if not (isinstance(attempt.outcome, ActionNeeded) and attempt.intent):
            return
        if self._is_on_page(attempt) and card != GOOD:
            return  # the buyer is asked there for 3-D Secure, or for another card
        if card == DECLINED:
            self.settle(key, Declined(attempt.reference, "card_declined", "Your card was declined."))
        elif card == ASKS:
            self.settle(key, self._action(attempt, Action.AUTHENTICATE))
        else:
            self.approve(key)

    def authenticate(self, key: AttemptId, *, passes: bool = True) -> None:
        """The buyer answers 3-D Secure."""
        attempt = self.attempts[key]
        if passes:
            return self.approve(key)
        if self._is_on_page(attempt):
            return None
        return self.settle(key, Declined(attempt.reference, "authentication_failed", "Authentication failed."))

    def approve(self, key: AttemptId, amount: Money | None = None) -> None:
        """Money moves, as asked for, or `amount` instead."""
        attempt = self.attempts[key]
        if attempt.intent is None:
            raise KeyError(key)
        facts = {"brand": "visa", "last4": "4242"}
        self.settle(key, Approved(attempt.reference, amount or attempt.intent.amount, facts))

    def settle(self, key: AttemptId, outcome: Outcome) -> None:
        """Set the attempt's outcome and send its webhook."""
        attempt = self.attempts[key]
        attempt.outcome = outcome
        self.sent.append((_kind(outcome), self._body(key, outcome, self._event_id())))

    def webhook(
        self, key: Subject, at: datetime, outcome: Outcome | Reported | None = None, *, event: str | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a webhook, signed at `at`: the status of the attempt now, or `outcome`."""
        if outcome is None and isinstance(key, AttemptId):
            outcome = self.attempts[key].outcome
        assert outcome is not None
        body = self._body(key, outcome, event or self._event_id())
        return body, self.sign(body, int(at.timestamp()))

    def sign(self, body: bytes, at_s: int) -> dict[str, str]:
        """The headers that go with a body."""
        return {HEADER: f"t={at_s},v1={self._digest(str(at_s), body)}"}

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _call(self, verb: str, key: AttemptId, do: Callable[[], Outcome]) -> Outcome:
        self.calls.append((verb, key))
        await asyncio.sleep(0)
        if self.unreachable:
            return Unknown("not_sent: unreachable")
        outcome = do()
        if verb == "authorize" and self.during_authorize is not None:
            await self.during_authorize(key)
        return Unknown("timeout: no answer in time") if self.loses_responses else outcome

    def _authorize(self, intent: Intent) -> Outcome:
        known = self.attempts.get(intent.key)
        if known is None:
            known = FakeAttempt(intent.key, f"fake_{next(self._numbers)}", intent, Cancelled(None))
            known.outcome = self._action(known, Action.CONFIRM)
            self.attempts[intent.key] = known
        elif known.intent is not None and known.intent.amount != intent.amount:
            return Declined(None, "idempotency_mismatch", "This key is known with another amount.")
        return known.outcome

    def _attempt(self, key: AttemptId) -> FakeAttempt:
        return self.attempts.setdefault(key, FakeAttempt(key, "", None, Cancelled(None)))

    def _cancel(self, key: AttemptId) -> Outcome:
        attempt = self._attempt(key)
        if isinstance(attempt.outcome, ActionNeeded | InProgress):
            self.settle(key, Cancelled(attempt.reference))
        return attempt.outcome

    def _action(self, attempt: FakeAttempt, action: Action) -> ActionNeeded:
        url = f"http://fake.example/{attempt.reference}"
        if self._is_on_page(attempt):
            return ActionNeeded(attempt.reference, action, client_secret="", hosted_url=url)
        return ActionNeeded(
            attempt.reference,
            action,
            client_secret=f"{attempt.reference}_secret_abcdefgh",
            confirm_url=f"{url}/confirm",
            hosted_url=url if self.pages == "always" else None,
            publishable_key="pk_test_fake",
        )

    def _is_on_page(self, attempt: FakeAttempt) -> bool:
        return self.pages == "on request" and attempt.intent is not None and attempt.intent.hosted

    def _event_id(self) -> str:
        return f"{self.name}_event_{next(self._numbers)}"

    def _body(self, key: Subject, outcome: Outcome | Reported, event_id: str) -> bytes:
        named = {"payment": key.reference} if isinstance(key, ProviderReference) else {"key": key}
        data = {**named, **_facts(outcome)}
        return json.dumps({"id": event_id, "type": f"attempt.{_kind(outcome)}", "data": data}).encode()

    def _digest(self, sent_at: str, body: bytes) -> str:
        return hmac.new(self.secret.encode(), f"{sent_at}.".encode() + body, hashlib.sha256).hexdigest()


def _kind(outcome: Outcome | Reported) -> str:
    return _KINDS[type(outcome)]


def _facts(outcome: Outcome | Reported) -> dict[str, Any]:
    """What a webhook says about an outcome; no secrets."""
    match outcome:
        case Approved():
            return {"reference": outcome.reference, "money": outcome.amount.as_json(), "facts": dict(outcome.facts)}
        case Refunded():
            return {"reference": outcome.reference, "money": outcome.total.as_json()}
        case RefundReport() | DisputeReport():
            report = {"reference": outcome.reference, "status": outcome.status, "reason": outcome.reason}
            return {**report, "money": outcome.amount.as_json()}
        case Declined():
            return {"reference": outcome.reference, "code": outcome.code, "message": outcome.message}
        case ActionNeeded():
            return {"reference": outcome.reference, "action": outcome.action}
        case InProgress() | Cancelled():
            return {"reference": outcome.reference}
        case Unknown():
            raise ValueError("no webhook reports an unknown outcome")


def _subject(data: Mapping[str, Any]) -> Subject | None:
    if "payment" in data:
        return ProviderReference(data["payment"])
    for kind in (AttemptId, RefundId, DisputeId):
        try:
            return kind.parse(data["key"])
        except (LookupError, ValueError):
            continue
    return None


def _reported(kind: str, data: Mapping[str, Any]) -> Reported:
    if kind == "refund":
        return RefundReport(data["reference"], _money(data), RefundStatus(data["status"]), data["reason"])
    if kind == "dispute":
        return DisputeReport(data["reference"], _money(data), DisputeStatus(data["status"]), data["reason"])
    return _outcome(kind, data)


def _outcome(kind: str, data: Mapping[str, Any]) -> Reported:
    reference = data["reference"]
    match kind:
        case "succeeded":
            return Approved(reference, _money(data), data["facts"])
        case "refunded":
            return Refunded(reference, _money(data))
        case "declined":
            return Declined(reference, data["code"], data["message"])
        case "requires_action":
            return ActionNeeded(reference, Action(data["action"]), client_secret="")
        case "processing":
            return InProgress(reference)
        case _:
            return Cancelled(reference)


def _money(data: Mapping[str, Any]) -> Money:
    return Money(data["money"]["amount"], data["money"]["currency"])
