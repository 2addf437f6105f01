"""Stripe's events as notices. Pure. Types of events: docs.stripe.com/api/events/types."""

from __future__ import annotations

from typing import Final, TypeVar

from checkie.kernel import Id
from checkie.kernel.ids import AttemptId, RefundId
from checkie.payments.port import (
    ActionNeeded,
    Notice,
    Outcome,
    ProviderReference,
    Refunded,
    Unknown,
)
from checkie.providers.stripe import hosted, mapping
from checkie.providers.stripe.mapping import Json

OurId = TypeVar("OurId", bound=Id)
_INTENT: Final = frozenset(
    f"payment_intent.{event}" for event in ("succeeded", "payment_failed", "requires_action", "canceled", "processing")
)
_HOSTED: Final = frozenset({"completed", "async_payment_succeeded", "async_payment_failed", "expired"})
"""The events of a Checkout Session that matter here."""

_REFUND: Final = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_DISPUTE: Final = "charge.dispute."


def notice_of(event: Json, publishable_key: str) -> Notice | None:
    """The notice in an event; None when it is not about an attempt of ours, or has no outcome for it.

    Raises ValueError for a refund or dispute that cannot be read: it must not be lost.
    """
    kind, obj = str(event.get("type")), event["data"]["object"]
    if kind in _REFUND or kind.startswith(_DISPUTE):
        return _reversal(str(event["id"]), kind, obj)
    attempt = _named(obj, "attempt", AttemptId)
    outcome = _outcome(kind, obj, publishable_key) if attempt else None
    if attempt is None or outcome is None or isinstance(outcome, Unknown):
        return None
    return Notice(str(event["id"]), attempt, outcome)


def _reversal(event: str, kind: str, obj: Json) -> Notice | None:
    """A refund or dispute. One that began at Stripe has no metadata of ours and names only the PaymentIntent."""
    is_refund, intent = kind in _REFUND, obj.get("payment_intent")
    subject = (
        (_named(obj, "refund", RefundId) if is_refund else None)
        or _named(obj, "attempt", AttemptId)
        or (ProviderReference(intent) if isinstance(intent, str) else None)
    )
    if subject is None:
        return None
    return Notice(event, subject, mapping.refund_of(obj) if is_refund else mapping.dispute_of(obj))


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


def _named(obj: Json, what: str, kind: type[OurId]) -> OurId | None:
    """The id of ours that the metadata names."""
    named = (obj.get("metadata") or {}).get(what)
    try:
        return kind.parse(named) if isinstance(named, str) else None
    except ValueError:
        return None
