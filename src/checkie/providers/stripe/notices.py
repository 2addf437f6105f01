"""Stripe's events into our notices. Pure. Kinds of events: docs.stripe.com/api/events/types."""

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
    f"payment_intent.{what}" for what in ("succeeded", "payment_failed", "requires_action", "canceled", "processing")
)
_HOSTED: Final = frozenset({"completed", "async_payment_succeeded", "async_payment_failed", "expired"})
"""What can happen to a Checkout Session."""

_REFUND: Final = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_DISPUTE: Final = "charge.dispute."


def notice_of(event: Json, publishable_key: str) -> Notice | None:
    """What an event says about one of our attempts; None when it is about something else, or says nothing.

    Raises ValueError for a refund or dispute that cannot be read: it must not be lost.
    """
    kind, thing = str(event.get("type")), event["data"]["object"]
    if kind in _REFUND or kind.startswith(_DISPUTE):
        return _reversal(str(event["id"]), kind, thing)
    attempt = _named(thing, "attempt", AttemptId)
    outcome = _outcome(kind, thing, publishable_key) if attempt else None
    if attempt is None or outcome is None or isinstance(outcome, Unknown):
        return None
    return Notice(str(event["id"]), attempt, outcome)


def _reversal(event: str, kind: str, thing: Json) -> Notice | None:
    """A refund or dispute. One that began at Stripe has no metadata of ours and names only the PaymentIntent."""
    is_refund, intent = kind in _REFUND, thing.get("payment_intent")
    subject = (
        (_named(thing, "refund", RefundId) if is_refund else None)
        or _named(thing, "attempt", AttemptId)
        or (ProviderReference(intent) if isinstance(intent, str) else None)
    )
    if subject is None:
        return None
    return Notice(event, subject, mapping.refund_of(thing) if is_refund else mapping.dispute_of(thing))


def _outcome(kind: str, thing: Json, publishable_key: str) -> Outcome | Refunded | None:
    if kind == "charge.refunded":
        return _refunded(thing)
    if hosted.is_hosted(str(thing.get("id"))):
        return _of_page(kind.rpartition(".")[2], thing)
    if kind not in _INTENT or (mapping.is_hosted(thing) and kind != "payment_intent.succeeded"):
        return None  # a card that is declined on a hosted page ends nothing: the buyer tries the next one there
    outcome = mapping.outcome_of(thing, publishable_key)
    if kind == "payment_intent.payment_failed" and isinstance(outcome, ActionNeeded):
        return mapping.declined(outcome.reference, {})
    return outcome


def _of_page(what: str, session: Json) -> Outcome | None:
    if what not in _HOSTED:
        return None
    return hosted.declined(session) if what == "async_payment_failed" else hosted.outcome_of(session)


def _refunded(charge: Json) -> Refunded | Unknown:
    """A charge has the metadata of its PaymentIntent."""
    total = mapping.money_of(charge.get("amount_refunded"), charge.get("currency"))
    reference = charge.get("payment_intent")
    if total is None or not isinstance(reference, str):
        return Unknown("Stripe reports a refund without an amount or a payment")
    return Refunded(reference, total)


def _named(thing: Json, what: str, kind: type[OurId]) -> OurId | None:
    """The id of ours that the metadata names."""
    named = (thing.get("metadata") or {}).get(what)
    try:
        return kind.parse(named) if isinstance(named, str) else None
    except ValueError:
        return None
