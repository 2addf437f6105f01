"""Stripe's hosted page, a Checkout Session, in our words. Pure: JSON objects in, outcomes out.

Sources: docs.stripe.com/api/checkout/sessions/object, docs.stripe.com/checkout/fulfillment.

`payment_status` tells whether money moved; `status` only whether the page is open. Stripe makes the PaymentIntent when
the buyer submits the page, and makes the next try on the same one: a card that is declined there is no news for us. So
the Intent is marked (`MARK`), and of what happens to it only its success counts; the rest the Checkout Session tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from checkie.kernel.ids import AttemptId
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    Cancelled,
    Declined,
    InProgress,
    Intent,
    Outcome,
    Unknown,
)
from checkie.providers.stripe import amounts, mapping
from checkie.providers.stripe.mapping import Json

_PREFIX: Final = "cs_"
_OPEN_FOR: Final = timedelta(hours=23)
"""From the attempt's birth. Stripe takes 30 minutes to 24 hours, and keeps an idempotency key for 24 hours or more.

So the page is closed before its key can be forgotten: whatever the key makes after that, the page cannot be paid too.
"""
_MADE_WITHIN: Final = timedelta(minutes=1)
"""How far from the attempt's birth its page was made. A call takes seconds; the clocks may differ by the rest."""
_AT_WORK: Final = frozenset({"processing", "requires_capture"})
_LONGEST_NAME: Final = 250


def is_hosted(reference: str) -> bool:
    """Whether this is the reference of a Checkout Session, and not of a PaymentIntent."""
    return reference.startswith(_PREFIX)


def create_params(intent: Intent) -> dict[str, Any]:
    """The body that makes the page for `intent`; the same for the same intent, as its idempotency wants.

    One line of the frozen total: what the buyer sees in the quote. Raises amounts.Unsupported.
    """
    names = {"attempt": intent.key, "payment": intent.payment}
    receipt = {"description": intent.description[: mapping.LONGEST_DESCRIPTION], "receipt_email": intent.email}
    price = {
        "currency": intent.amount.currency.lower(),
        "unit_amount": amounts.to_stripe(intent.amount),
        "product_data": {"name": intent.description[:_LONGEST_NAME] or intent.payment},
    }
    params: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": intent.key,
        "metadata": names,
        "payment_intent_data": {"metadata": {**names, mapping.MARK: "true"}, **mapping.without_empty(receipt)},
        "customer_email": intent.email,
        "success_url": intent.return_url,
        "cancel_url": intent.return_url,
        "expires_at": int((intent.key.made_at + _OPEN_FOR).timestamp()),
    }
    return mapping.without_empty(params)


def came_too_late(trouble: mapping.Trouble) -> bool:
    """Whether the attempt is too old for a page. No decline: an earlier call may have begun it."""
    return trouble.status == 400 and trouble.error.get("param") == "expires_at"


def made_around(key: AttemptId) -> dict[str, int]:
    """When the page of this attempt was made, as a filter of Stripe's lists."""
    first, last = key.made_at - _MADE_WITHIN, key.made_at + _MADE_WITHIN
    return {"gte": int(first.timestamp()), "lte": int(last.timestamp())}


def find_in(sessions: Sequence[object], key: AttemptId) -> str | None:
    """The reference of the one among these that was made for the attempt."""
    pairs = [(s.get("client_reference_id"), s.get("id")) for s in sessions if isinstance(s, Mapping)]
    return next((reference for name, reference in pairs if name == key and isinstance(reference, str)), None)


def outcome_of(session: Json) -> Outcome:
    """How the attempt behind this Checkout Session stands; surer with its PaymentIntent expanded.

    Money is referred to by the PaymentIntent, which refunds and receipts name, all else by the Checkout Session.
    """
    paid, intent = session.get("payment_status"), _intent_in(session)
    if paid == "paid":
        return _approved(session)
    if intent.get("status") == "succeeded":
        return mapping.approved(intent)
    if paid == "unpaid":
        return _unpaid(str(session.get("id")), session, intent)
    return Unknown(f"Stripe reports the payment status {paid!r}")


def declined(session: Json) -> Declined:
    """A slow payment that failed in the end (`checkout.session.async_payment_failed`): its page is closed for good."""
    return mapping.declined(str(session.get("id")), _intent_in(session).get("last_payment_error") or {})


def _approved(session: Json) -> Approved | Unknown:
    received = mapping.money_of(session.get("amount_total"), session.get("currency"))
    if received is None:
        return Unknown("Stripe reports success without an amount that makes sense")
    expanded = _intent_in(session)
    intent = expanded.get("id") or session.get("payment_intent") or session.get("id")
    return Approved(str(intent), received, mapping.facts_of(expanded.get("latest_charge")))


def _unpaid(reference: str, session: Json, intent: Json) -> Outcome:
    match session.get("status"):
        case "open":
            url = session.get("url")
            return ActionNeeded(reference, Action.CONFIRM, "", hosted_url=url if isinstance(url, str) else None)
        case "complete":
            return _completed(reference, intent)
        case "expired":
            # A page that closes takes its Intent along, unless that is at work: then its success still counts.
            return InProgress(reference) if intent.get("status") in _AT_WORK else Cancelled(reference)
        case status:
            return Unknown(f"Stripe reports the status {status!r}")


def _completed(reference: str, intent: Json) -> Outcome:
    """The buyer has submitted the page, and the money is on its way, or was in vain."""
    error = intent.get("last_payment_error")
    match intent.get("status"):
        case "canceled" if not error:
            return Cancelled(reference)
        case "requires_payment_method" | "canceled":
            return mapping.declined(reference, error or {})
        case _:
            return InProgress(reference)


def _intent_in(session: Json) -> Json:
    """The PaymentIntent, where it came expanded."""
    intent = session.get("payment_intent")
    return intent if isinstance(intent, Mapping) else {}
