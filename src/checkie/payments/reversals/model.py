"""Refunds and disputes: their lifecycles. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypedDict

from checkie.kernel import Conflict, Lifecycle, Money, NotFound
from checkie.kernel.ids import AttemptId, DisputeId, PaymentId, RefundId
from checkie.payments import events
from checkie.payments.port import DisputeStatus, RefundStatus


class NoSuchRefund(NotFound):
    """The webhook refers to a refund that does not exist. The provider should send it again later."""

    code = "refund_not_found"


class NoSuchDispute(NotFound):
    """The webhook refers to a dispute that does not exist. The provider should send it again later."""

    code = "dispute_not_found"


class IllegalRefundTransition(Conflict):
    """The status of the refund does not allow this transition."""

    code = "refund_illegal_transition"


class IllegalDisputeTransition(Conflict):
    """The status of the dispute does not allow this transition."""

    code = "dispute_illegal_transition"


class RefundVerb(StrEnum):
    """What changes a refund's status."""

    PROCESS = "process"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    SUPERSEDE = "supersede"


class DisputeVerb(StrEnum):
    """What changes a dispute's status."""

    REVIEW_WARNING = "review_warning"
    CLOSE_WARNING = "close_warning"
    REQUIRE_RESPONSE = "require_response"
    REVIEW = "review"
    WIN = "win"
    LOSE = "lose"
    PREVENT = "prevent"


_R, _RV, _D, _DV = RefundStatus, RefundVerb, DisputeStatus, DisputeVerb
_UNDER_WAY: Final = (_R.PENDING, _R.PROCESSING)
_WARNINGS: Final = (_D.WARNING_NEEDS_RESPONSE, _D.WARNING_UNDER_REVIEW)

REFUND: Final = Lifecycle[RefundStatus, RefundVerb, type[events.RefundEvent] | None](
    name="refund",
    start=_R.PENDING,
    refusal=IllegalRefundTransition,
    transitions={
        (_R.PENDING, _RV.PROCESS): (_R.PROCESSING, None),
        **{(state, _RV.SUCCEED): (_R.SUCCEEDED, events.RefundSucceeded) for state in _UNDER_WAY},
        **{(state, _RV.FAIL): (_R.FAILED, events.RefundFailed) for state in (*_UNDER_WAY, _R.SUCCEEDED)},
        **{(state, _RV.CANCEL): (_R.CANCELLED, events.RefundCancelled) for state in _UNDER_WAY},
        # known from the refunded total alone, it turned out to be refunds that have rows of their own
        (_R.SUCCEEDED, _RV.SUPERSEDE): (_R.CANCELLED, events.RefundCancelled),
    },
)
REFUND_VERBS: Final = {
    _R.PROCESSING: _RV.PROCESS,
    _R.SUCCEEDED: _RV.SUCCEED,
    _R.FAILED: _RV.FAIL,
    _R.CANCELLED: _RV.CANCEL,
}
"""The verb that leads to a status."""

DISPUTE: Final = Lifecycle[DisputeStatus, DisputeVerb, type[events.DisputeEvent]](
    name="dispute",
    start=_D.WARNING_NEEDS_RESPONSE,
    refusal=IllegalDisputeTransition,
    transitions={
        (_D.WARNING_NEEDS_RESPONSE, _DV.REVIEW_WARNING): (_D.WARNING_UNDER_REVIEW, events.DisputeUpdated),
        **{(state, _DV.CLOSE_WARNING): (_D.WARNING_CLOSED, events.DisputeClosed) for state in _WARNINGS},
        **{(state, _DV.REQUIRE_RESPONSE): (_D.NEEDS_RESPONSE, events.DisputeUpdated) for state in _WARNINGS},
        **{(s, _DV.REVIEW): (_D.UNDER_REVIEW, events.DisputeUpdated) for s in (*_WARNINGS, _D.NEEDS_RESPONSE)},
        **{(s, _DV.WIN): (_D.WON, events.DisputeClosed) for s in (*_WARNINGS, _D.NEEDS_RESPONSE, _D.UNDER_REVIEW)},
        **{(s, _DV.LOSE): (_D.LOST, events.DisputeClosed) for s in (*_WARNINGS, _D.NEEDS_RESPONSE, _D.UNDER_REVIEW)},
        **{(s, _DV.PREVENT): (_D.PREVENTED, events.DisputeClosed) for s in (*_WARNINGS, _D.NEEDS_RESPONSE)},
    },
)
DISPUTE_VERBS: Final = {
    _D.WARNING_UNDER_REVIEW: _DV.REVIEW_WARNING,
    _D.WARNING_CLOSED: _DV.CLOSE_WARNING,
    _D.NEEDS_RESPONSE: _DV.REQUIRE_RESPONSE,
    _D.UNDER_REVIEW: _DV.REVIEW,
    _D.WON: _DV.WIN,
    _D.LOST: _DV.LOSE,
    _D.PREVENTED: _DV.PREVENT,
}
"""The verb that leads to a status."""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money of one attempt that goes back to the buyer.

    `reference` is the provider's id; None while the refund is known from the refunded total of its attempt alone.
    `is_booked`: that total includes it, and the ledger with it. `version` 0: it is not written yet.
    """

    id: RefundId
    payment: PaymentId
    attempt: AttemptId
    amount: Money
    status: RefundStatus
    reason: str | None
    reference: str | None
    is_booked: bool
    seq: int
    version: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """A buyer's objection at their bank to one attempt. It books nothing yet. `version` 0: it is not written yet."""

    id: DisputeId
    payment: PaymentId
    attempt: AttemptId
    amount: Money
    status: DisputeStatus
    reason: str | None
    reference: str
    seq: int
    version: int


class RefundFields(TypedDict):
    """The fields that all events of a refund have."""

    refund: str
    payment: str
    attempt: str
    amount: int
    currency: str
    status: str
    reason: str | None
    provider_reference: str | None


class DisputeFields(TypedDict):
    """The fields that all events of a dispute have."""

    dispute: str
    payment: str
    attempt: str
    amount: int
    currency: str
    status: str
    reason: str | None
    provider_reference: str


def refund_fields(refund: Refund) -> RefundFields:
    """The fields that all events of this refund have."""
    return {
        "refund": refund.id,
        "payment": refund.payment,
        "attempt": refund.attempt,
        "amount": refund.amount.minor,
        "currency": refund.amount.currency,
        "status": refund.status,
        "reason": refund.reason,
        "provider_reference": refund.reference,
    }


def dispute_fields(dispute: Dispute) -> DisputeFields:
    """The fields that all events of this dispute have."""
    return {
        "dispute": dispute.id,
        "payment": dispute.payment,
        "attempt": dispute.attempt,
        "amount": dispute.amount.minor,
        "currency": dispute.amount.currency,
        "status": dispute.status,
        "reason": dispute.reason,
        "provider_reference": dispute.reference,
    }
