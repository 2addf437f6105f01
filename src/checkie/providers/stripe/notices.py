"""Stripe's events into our notices. Pure. Kinds of events: docs.stripe.com/api/events/types."""

from __future__ import annotations

from typing import Final

from checkie.kernel.ids import AttemptId
from checkie.payments.port import ActionNeeded, Notice, Outcome, Refunded, Unknown
from checkie.providers.stripe import hosted, mapping
from checkie.providers.stripe.mapping import Json

_INTENT: Final = frozenset(
    f"payment_intent.{what}" for what in ("succeeded", "payment_failed", "requires_action", "canceled", "processing")
)
_HOSTED: Final = frozenset({"completed", "async_payment_succeeded", "async_payment_failed", "expired"})
"""What may become of a Checkout Session."""


def notice_of(event: Json, publishable_key: str) -> Notice | None:
    """What an event tells about one of our attempts; None when it is about something else, or tells nothing."""
    kind, thing = event.get("type"), event["data"]["object"]
    key = _attempt(thing)
    if key is None:
        return None
    news = _news(str(kind), thing, publishable_key)
    return None if news is None or isinstance(news, Unknown) else Notice(str(event["id"]), key, news)


def _news(kind: str, thing: Json, publishable_key: str) -> Outcome | Refunded | None:
    if kind == "charge.refunded":
        return _refunded(thing)
    if hosted.is_hosted(str(thing.get("id"))):
        return _of_page(kind.rpartition(".")[2], thing)
    if kind not in _INTENT or (mapping.is_hosted(thing) and kind != "payment_intent.succeeded"):
        return None  # a card that is declined on a hosted page ends nothing: the buyer tries the next one there
    news = mapping.outcome_of(thing, publishable_key)
    if kind == "payment_intent.payment_failed" and isinstance(news, ActionNeeded):
        return mapping.declined(news.reference, {})
    return news


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


def _attempt(thing: Json) -> AttemptId | None:
    named = (thing.get("metadata") or {}).get("attempt")
    try:
        return AttemptId.parse(named) if isinstance(named, str) else None
    except ValueError:
        return None
