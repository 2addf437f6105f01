"""Stripe's events as notices. Pure. Types of events: docs.stripe.com/api/events/types."""

from __future__ import annotations

from typing import Final

from checkie.kernel.ids import AttemptId
from checkie.payments.port import ActionNeeded, Notice, Outcome, Refunded, Unknown
from checkie.providers.stripe import hosted, mapping
from checkie.providers.stripe.mapping import Json

_INTENT: Final = frozenset(
    f"payment_intent.{event}" for event in ("succeeded", "payment_failed", "requires_action", "canceled", "processing")
)
_HOSTED: Final = frozenset({"completed", "async_payment_succeeded", "async_payment_failed", "expired"})
"""The events of a Checkout Session that matter here."""


def notice_of(event: Json, publishable_key: str) -> Notice | None:
    """The notice in an event; None when it is not about an attempt of ours, or has no outcome for it."""
    kind, obj = event.get("type"), event["data"]["object"]
    key = _attempt(obj)
    if key is None:
        return None
    outcome = _outcome(str(kind), obj, publishable_key)
    return None if outcome is None or isinstance(outcome, Unknown) else Notice(str(event["id"]), key, outcome)


def _outcome(kind: str, obj: Json, publishable_key: str) -> Outcome | Refunded | None:
    if kind == "charge.refunded":
        return _refunded(obj)
    if hosted.is_hosted(str(obj.get("id"))):
        return _hosted_outcome(kind.rpartition(".")[2], obj)
    if kind not in _INTENT or (mapping.is_hosted(obj) and kind != "payment_intent.succeeded"):
        return None  # a decline on a hosted page ends nothing: the buyer can try another card there
    outcome = mapping.outcome_of(obj, publishable_key)
    if kind == "payment_intent.payment_failed" and isinstance(outcome, ActionNeeded):
        return mapping.declined(outcome.reference, {})
    return outcome


def _hosted_outcome(event: str, session: Json) -> Outcome | None:
    if event not in _HOSTED:
        return None
    return hosted.declined(session) if event == "async_payment_failed" else hosted.outcome_of(session)


def _refunded(charge: Json) -> Refunded | Unknown:
    """A charge has the metadata of its PaymentIntent."""
    total = mapping.money_of(charge.get("amount_refunded"), charge.get("currency"))
    reference = charge.get("payment_intent")
    if total is None or not isinstance(reference, str):
        return Unknown("Stripe reports a refund without an amount or a payment")
    return Refunded(reference, total)


def _attempt(obj: Json) -> AttemptId | None:
    attempt = (obj.get("metadata") or {}).get("attempt")
    try:
        return AttemptId.parse(attempt) if isinstance(attempt, str) else None
    except ValueError:
        return None
