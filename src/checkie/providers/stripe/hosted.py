"""Checkout Sessions, Stripe's hosted page, as outcomes. Pure: JSON objects in, outcomes out.

Sources: docs.stripe.com/api/checkout/sessions/object, docs.stripe.com/checkout/fulfillment.

`payment_status` says whether the payment succeeded; `status` only whether the page is open. Stripe creates the
PaymentIntent when the buyer submits the page, and uses it again for the next card, so a decline there is not final. The
PaymentIntent is marked (`HOSTED_KEY`), and only its success counts; all other outcomes come from the Checkout Session.
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
"""From the attempt's creation. Stripe allows 30 minutes to 24 hours, and keeps idempotency keys for at least 24 hours.

So the page expires before its key does: if the key creates another object after that, the page cannot be paid too.
"""
_CREATED_WITHIN: Final = timedelta(minutes=1)
"""How far from the attempt's creation its page was created: a call takes seconds, the rest is clock skew."""
_PROCESSING: Final = frozenset({"processing", "requires_capture"})
_MAX_NAME: Final = 250


def is_hosted(reference: str) -> bool:
    """Whether this is the reference of a Checkout Session, not of a PaymentIntent."""
    return reference.startswith(_PREFIX)


def create_params(intent: Intent) -> dict[str, Any]:
    """The parameters of the Checkout Session for `intent`. Equal for equal intents, as its idempotency key requires.

    One line item with the total of the quote. Raises amounts.Unsupported.
    """
    metadata = {"attempt": intent.key, "payment": intent.payment}
    receipt = {"description": intent.description[: mapping.MAX_DESCRIPTION], "receipt_email": intent.email}
    price = {
        "currency": intent.amount.currency.lower(),
        "unit_amount": amounts.to_stripe(intent.amount),
        "product_data": {"name": intent.description[:_MAX_NAME] or intent.payment},
    }
    params: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": intent.key,
        "metadata": metadata,
        "payment_intent_data": {"metadata": {**metadata, mapping.HOSTED_KEY: "true"}, **mapping.without_empty(receipt)},
        "customer_email": intent.email,
        "success_url": intent.return_url,
        "cancel_url": intent.return_url,
        "expires_at": int((intent.key.made_at + _OPEN_FOR).timestamp()),
    }
    return mapping.without_empty(params)


def is_too_old(failure: mapping.CallFailed) -> bool:
    """Whether the attempt is too old for a page. Not a decline: an earlier call may have created one."""
    return failure.status == 400 and failure.error.get("param") == "expires_at"


def created_filter(key: AttemptId) -> dict[str, int]:
    """When the page of this attempt was created, as a filter for Stripe's lists."""
    first, last = key.made_at - _CREATED_WITHIN, key.made_at + _CREATED_WITHIN
    return {"gte": int(first.timestamp()), "lte": int(last.timestamp())}


def find_in(sessions: Sequence[object], key: AttemptId) -> str | None:
    """The reference of the session that was created for the attempt, if it is among these."""
    pairs = [(s.get("client_reference_id"), s.get("id")) for s in sessions if isinstance(s, Mapping)]
    return next((reference for client, reference in pairs if client == key and isinstance(reference, str)), None)


def outcome_of(session: Json) -> Outcome:
    """The outcome of the attempt that this Checkout Session belongs to; more precise with its PaymentIntent expanded.

    An approval refers to the PaymentIntent, as refunds and receipts do; every other outcome to the Checkout Session.
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
    """A delayed payment that failed (`checkout.session.async_payment_failed`). Its page stays closed."""
    return mapping.declined(str(session.get("id")), _intent_in(session).get("last_payment_error") or {})


def _approved(session: Json) -> Approved | Unknown:
    received = mapping.money_of(session.get("amount_total"), session.get("currency"))
    if received is None:
        return Unknown("Stripe reports success without a valid amount")
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
            # Expiry cancels the PaymentIntent, unless that is processing: then it can still succeed.
            return InProgress(reference) if intent.get("status") in _PROCESSING else Cancelled(reference)
        case status:
            return Unknown(f"Stripe reports the status {status!r}")


def _completed(reference: str, intent: Json) -> Outcome:
    """The buyer has submitted the page: the payment is processing, or has failed."""
    error = intent.get("last_payment_error")
    match intent.get("status"):
        case "canceled" if not error:
            return Cancelled(reference)
        case "requires_payment_method" | "canceled":
            return mapping.declined(reference, error or {})
        case _:
            return InProgress(reference)


def _intent_in(session: Json) -> Json:
    """The PaymentIntent, if it is expanded."""
    intent = session.get("payment_intent")
    return intent if isinstance(intent, Mapping) else {}
