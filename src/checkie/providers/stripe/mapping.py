"""PaymentIntents and errors of Stripe as outcomes. Pure: JSON objects in, outcomes out.

Statuses of a PaymentIntent: docs.stripe.com/payments/paymentintents/lifecycle. Errors: docs.stripe.com/api/errors.
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

NOT_CHARGED: Final = "The payment could not be processed. You have not been charged."
_NOT_AUTHENTICATED: Final = "Your bank could not authenticate you. You have not been charged."
MAX_DESCRIPTION: Final = 1000
HOSTED_KEY: Final = "hosted"
"""The metadata key of a PaymentIntent that belongs to Stripe's hosted page."""
_HIDDEN_REASONS: Final = frozenset({"generic_decline", "fraudulent", "lost_card", "merchant_blacklist", "stolen_card"})
"""Shown as a generic decline: docs.stripe.com/declines/codes says not to report more to the buyer."""
_THREE_D_SECURE: Final = {"authenticated": "passed", "attempt_acknowledged": "passed", "failed": "failed"}


_REFUND_STATUSES: Final = {"requires_action": RefundStatus.PENDING, "canceled": RefundStatus.CANCELLED}
"""Stripe's words that are not ours: docs.stripe.com/api/refunds/object."""


class CallFailed(Exception):
    """Stripe responded with an error, or (`status` None) not at all. `error` is the `error` object of the body."""

    def __init__(self, status: int | None, error: Json) -> None:
        super().__init__(f"{status or 'no response'}: {error.get('code')}")
        self.status = status
        self.error = error


def create_params(intent: Intent) -> dict[str, Any]:
    """The parameters of the PaymentIntent for `intent`. Equal for equal intents, as its idempotency key requires.

    Raises amounts.Unsupported for an amount that Stripe cannot charge exactly.
    """
    params: dict[str, Any] = {
        "amount": amounts.to_stripe(intent.amount),
        "currency": intent.amount.currency.lower(),
        "automatic_payment_methods": {"enabled": True},
        "metadata": {"attempt": intent.key, "payment": intent.payment},
        "description": intent.description[:MAX_DESCRIPTION],
        "receipt_email": intent.email,
    }
    return without_empty(params)


def placeholder_params(key: AttemptId) -> dict[str, Any]:
    """The parameters of a PaymentIntent that only uses up an attempt's key, so that no other request can use it."""
    description = "Placeholder for a payment that was cancelled before it was created"
    return {"amount": 100, "currency": "usd", "description": description, "metadata": {"attempt": key}}


def without_empty(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that have a value: Stripe refuses empty strings."""
    return {name: value for name, value in params.items() if value}


def is_hosted(intent: Json) -> bool:
    """Whether this PaymentIntent belongs to Stripe's hosted page."""
    return HOSTED_KEY in (intent.get("metadata") or {})


def outcome_of(intent: Json, publishable_key: str) -> Outcome:
    """The outcome of the attempt that this PaymentIntent belongs to.

    Cancelled after an error is declined, not withdrawn: that is how a decline is made final.
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
    """The outcome of a PaymentIntent that succeeded."""
    received = money_of(intent.get("amount_received"), intent.get("currency"))
    if received is None:
        return Unknown("Stripe reports success without a valid amount")
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
    """A decline with a message for the buyer. Only the messages of card errors are meant for buyers."""
    reason, code = error.get("decline_code"), str(error.get("code") or "declined")
    if code == "payment_intent_authentication_failure":
        return Declined(reference, "authentication_failed", _NOT_AUTHENTICATED)
    message = error.get("message") if error.get("type") == "card_error" else None
    return Declined(reference, code if not reason or reason in _HIDDEN_REASONS else str(reason), message or NOT_CHARGED)


def create_failed(failure: CallFailed) -> Declined | Unknown:
    """The outcome of a create that failed.

    400, 401, 402, 403 and 404 mean that nothing was created. No response, 409 (the same key is in use), 429 and 5xx
    leave that open, and so does a key that another request used: its object may exist.
    """
    status, error = failure.status, failure.error
    if status == 402:
        return declined(_reference_in(error), error)
    if status in (400, 404) and not is_key_used(failure):
        return Declined(None, str(error.get("code") or "invalid_request"), NOT_CHARGED)
    if status in (401, 403):
        return Declined(None, "provider_credentials_refused", NOT_CHARGED)
    return unknown(failure)


def is_key_used(failure: CallFailed) -> bool:
    """Whether the idempotency key was used with other parameters or at another endpoint."""
    return failure.status == 400 and failure.error.get("type") == "idempotency_error"


def unknown(failure: CallFailed) -> Unknown:
    """A failure that leaves the attempt's outcome open."""
    if failure.status is None:
        return Unknown(f"no response from Stripe ({failure.error.get('code')})")
    details = (str(failure.status), failure.error.get("type"), failure.error.get("code"))
    return Unknown("Stripe responded " + " ".join(str(detail) for detail in details if detail))


def money_of(minor: object, currency: object) -> Money | None:
    """An amount in Stripe's units; None when it is invalid."""
    if type(minor) is not int or not isinstance(currency, str):
        return None
    try:
        return amounts.from_stripe(minor, currency)
    except ValueError:
        return None


def facts_of(charge: object) -> dict[str, str]:
    """What a receipt may show. Empty unless the charge is expanded; in webhooks it is not."""
    details = charge.get("payment_method_details") if isinstance(charge, Mapping) else None
    card = (details or {}).get("card") or {}
    result = str((card.get("three_d_secure") or {}).get("result"))
    facts = {"brand": card.get("brand"), "last4": card.get("last4"), "three_d_secure": _THREE_D_SECURE.get(result)}
    return {name: str(value) for name, value in facts.items() if value}


def _reference_in(error: Json) -> str | None:
    intent = error.get("payment_intent")
    return str(intent["id"]) if isinstance(intent, Mapping) and "id" in intent else None
