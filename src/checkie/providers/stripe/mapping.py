"""Stripe's words into ours: PaymentIntents and errors. Pure: JSON objects in, outcomes out.

States of a PaymentIntent: docs.stripe.com/payments/paymentintents/lifecycle. Errors: docs.stripe.com/api/errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    Cancelled,
    Declined,
    DisputeReport,
    DisputeStatus,
    InProgress,
    Intent,
    Outcome,
    RefundReport,
    RefundStatus,
    Unknown,
)
from checkie.providers.stripe import amounts

Json: TypeAlias = Mapping[str, Any]

NOT_MADE: Final = "The payment could not be made. Nothing was charged."
_NOT_AUTHENTICATED: Final = "Your bank did not confirm that it was you. Nothing was charged."
LONGEST_DESCRIPTION: Final = 1000
MARK: Final = "hosted"
"""Stands in the metadata of a PaymentIntent that Stripe's hosted page makes."""
_SECRET_REASONS: Final = frozenset({"generic_decline", "fraudulent", "lost_card", "merchant_blacklist", "stolen_card"})
"""Shown as a plain decline: docs.stripe.com/declines/codes forbids telling the buyer more."""
_THREE_D_SECURE: Final = {"authenticated": "passed", "attempt_acknowledged": "passed", "failed": "failed"}


_REFUND_STATUSES: Final = {"requires_action": RefundStatus.PENDING, "canceled": RefundStatus.CANCELLED}
"""Stripe's words that are not ours: docs.stripe.com/api/refunds/object."""


class Trouble(Exception):
    """Stripe answered with an error, or (`status` None) not in time; `error` is the body's `error` object."""

    def __init__(self, status: int | None, error: Json) -> None:
        super().__init__(f"{status or 'no answer'}: {error.get('code')}")
        self.status = status
        self.error = error


def create_params(intent: Intent) -> dict[str, Any]:
    """The body that makes `intent` at Stripe; the same for the same intent, as its idempotency wants.

    Raises amounts.Unsupported for an amount that Stripe cannot take exactly.
    """
    params: dict[str, Any] = {
        "amount": amounts.to_stripe(intent.amount),
        "currency": intent.amount.currency.lower(),
        "automatic_payment_methods": {"enabled": True},
        "metadata": {"attempt": intent.key, "payment": intent.payment},
        "description": intent.description[:LONGEST_DESCRIPTION],
        "receipt_email": intent.email,
    }
    return without_empty(params)


def placeholder_params(key: AttemptId) -> dict[str, Any]:
    """The body of an Intent that nobody can pay, which takes an attempt's key so that no other request can have it."""
    description = "Placeholder for a payment that was given up before it was made"
    return {"amount": 100, "currency": "usd", "description": description, "metadata": {"attempt": key}}


def without_empty(params: Mapping[str, Any]) -> dict[str, Any]:
    """Stripe refuses an empty string where it expects a text or nothing."""
    return {name: value for name, value in params.items() if value}


def is_hosted(intent: Json) -> bool:
    """Whether this PaymentIntent belongs to Stripe's hosted page."""
    return MARK in (intent.get("metadata") or {})


def outcome_of(intent: Json, publishable_key: str) -> Outcome:
    """How the attempt behind this PaymentIntent stands.

    Cancelled after an error counts as declined, not as withdrawn: that is how a decline is made final.
    """
    reference, error = str(intent.get("id")), intent.get("last_payment_error")
    match intent.get("status"):
        case "succeeded":
            return approved(intent)
        case "processing" | "requires_capture":
            return InProgress(reference)
        case "requires_payment_method" | "canceled" if error:
            return declined(reference, error)
        case "canceled":
            return Cancelled(reference)
        case "requires_payment_method" | "requires_confirmation" | "requires_action" as status:
            action = Action.AUTHENTICATE if status == "requires_action" else Action.CONFIRM
            secret = str(intent.get("client_secret") or "")
            return ActionNeeded(reference, action, secret, publishable_key=publishable_key)
        case status:
            return Unknown(f"Stripe reports the status {status!r}")


def approved(intent: Json) -> Approved | Unknown:
    """What a PaymentIntent that succeeded took."""
    received = money_of(intent.get("amount_received"), intent.get("currency"))
    if received is None:
        return Unknown("Stripe reports success without an amount that makes sense")
    return Approved(str(intent.get("id")), received, facts_of(intent.get("latest_charge")))


def refund_of(refund: Json) -> RefundReport:
    """A Refund. ValueError when it cannot be read."""
    status = str(refund.get("status"))
    return RefundReport(
        reference=_id_of(refund),
        amount=_amount_of(refund),
        status=_REFUND_STATUSES.get(status) or RefundStatus(status.upper()),
        reason=_text_or_none(refund.get("reason")),
    )


def dispute_of(dispute: Json) -> DisputeReport:
    """A Dispute. ValueError when it cannot be read."""
    return DisputeReport(
        reference=_id_of(dispute),
        amount=_amount_of(dispute),
        status=DisputeStatus(str(dispute.get("status")).upper()),
        reason=_text_or_none(dispute.get("reason")),
    )


def _id_of(thing: Json) -> str:
    found = _text_or_none(thing.get("id"))
    if found is None:
        raise ValueError("Stripe reports something without an id")
    return found


def _amount_of(thing: Json) -> Money:
    amount = money_of(thing.get("amount"), thing.get("currency"))
    if amount is None or amount.minor <= 0:
        raise ValueError("Stripe reports a refund or dispute without an amount")
    return amount


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def declined(reference: str | None, error: Json) -> Declined:
    """A definite no, in words for the buyer: of Stripe's messages only those of card errors are meant for buyers."""
    reason, code = error.get("decline_code"), str(error.get("code") or "declined")
    if code == "payment_intent_authentication_failure":
        return Declined(reference, "authentication_failed", _NOT_AUTHENTICATED)
    message = error.get("message") if error.get("type") == "card_error" else None
    return Declined(reference, code if not reason or reason in _SECRET_REASONS else str(reason), message or NOT_MADE)


def refused(trouble: Trouble) -> Declined | Unknown:
    """What it means that the making of an Intent met this.

    400, 401, 402, 403 and 404 are given before anything is made. Silence, 409 (the same key is at work), 429 and 5xx
    leave it open, and so does a key that was used for another request: its Intent may well exist.
    """
    status, error = trouble.status, trouble.error
    if status == 402:
        return declined(_reference_in(error), error)
    if status in (400, 404) and not is_taken(trouble):
        return Declined(None, str(error.get("code") or "invalid_request"), NOT_MADE)
    if status in (401, 403):
        return Declined(None, "provider_credentials_refused", NOT_MADE)
    return unknown(trouble)


def is_taken(trouble: Trouble) -> bool:
    """Whether the idempotency key was used for something else: other parameters, or another endpoint."""
    return trouble.status == 400 and trouble.error.get("type") == "idempotency_error"


def unknown(trouble: Trouble) -> Unknown:
    """An error that says nothing about how the attempt stands."""
    if trouble.status is None:
        return Unknown(f"no answer from Stripe ({trouble.error.get('code')})")
    details = (str(trouble.status), trouble.error.get("type"), trouble.error.get("code"))
    return Unknown("Stripe answered " + " ".join(str(detail) for detail in details if detail))


def money_of(minor: object, currency: object) -> Money | None:
    """An amount as Stripe tells it; None when it makes no sense."""
    if type(minor) is not int or not isinstance(currency, str):
        return None
    try:
        return amounts.from_stripe(minor, currency)
    except ValueError:
        return None


def facts_of(charge: object) -> dict[str, str]:
    """What a receipt may show; there only where the charge came expanded, which in webhooks it does not."""
    details = charge.get("payment_method_details") if isinstance(charge, Mapping) else None
    card = (details or {}).get("card") or {}
    result = str((card.get("three_d_secure") or {}).get("result"))
    facts = {"brand": card.get("brand"), "last4": card.get("last4"), "three_d_secure": _THREE_D_SECURE.get(result)}
    return {name: str(value) for name, value in facts.items() if value}


def _reference_in(error: Json) -> str | None:
    intent = error.get("payment_intent")
    return str(intent["id"]) if isinstance(intent, Mapping) and "id" in intent else None
