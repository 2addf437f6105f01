"""What a provider's report changes in the refunds and disputes of an attempt: the whole decision, with no I/O.

Refunds that begin at the provider are seen in two ways, in any order, late and repeated: in the refunded total of their
attempt, which is what is booked, and in reports of each refund. Whatever the order, each refund that is reported is one
row, and the booked rows add up to the total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, DisputeId, PaymentId, RefundId
from checkie.payments import events
from checkie.payments.port import DisputeReport, RefundReport, RefundStatus
from checkie.payments.reversals.model import (
    DISPUTE,
    DISPUTE_VERBS,
    REFUND,
    REFUND_VERBS,
    Dispute,
    Refund,
    RefundVerb,
    dispute_fields,
    refund_fields,
)

_COUNTED: Final = (RefundStatus.PENDING, RefundStatus.PROCESSING, RefundStatus.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class RefundChange:
    """A refund after the change, and the event to publish if there is one."""

    refund: Refund
    event: events.RefundEvent | None = None


@dataclass(frozen=True, slots=True)
class DisputeChange:
    """A dispute after the change, and the event to publish."""

    dispute: Dispute
    event: events.DisputeEvent


@dataclass(frozen=True, slots=True)
class Origin:
    """The attempt that a refund or dispute is about, and its payment."""

    payment: PaymentId
    attempt: AttemptId


def book_refunds(refunds: Sequence[Refund], amount: Money, origin: Origin, new: RefundId) -> list[RefundChange]:
    """The refunded total grew by `amount`: it covers refunds that were reported before; the rest is unnamed so far."""
    booked, left = _covered([refund for refund in refunds if _is_awaited(refund)], amount)
    if not left:
        return booked
    unnamed = _unnamed(refunds, left.currency)
    if unnamed is None:
        return [*booked, _created(_seen_in_total(left, origin, new))]
    known = {change.refund.id for change in booked}
    more, left = _covered([one for one in refunds if _is_awaited(one) and one.id not in known], unnamed.amount + left)
    return [*booked, *more, _resized(unnamed, left)]


def record_refund(
    refunds: Sequence[Refund], report: RefundReport, subject: object, origin: Origin, new: RefundId
) -> list[RefundChange]:
    """One refund was reported: one that is known by our id (`subject`) or the provider's, or else a new one.

    A new one that the refunded total includes already is taken out of what is unnamed there.
    """
    known = next((one for one in refunds if one.id == subject or one.reference == report.reference), None)
    if known is not None:
        change = _moved(replace(known, reference=report.reference), report)
        return [] if change.refund == known else [change]
    refund = _reported(report, origin, new)
    unnamed = _unnamed(refunds, refund.amount.currency) if _is_awaited(refund) else None
    if unnamed is None or unnamed.amount.minor < refund.amount.minor:
        return [_created(refund)]
    if unnamed.amount == refund.amount:
        return [_moved(replace(unnamed, reference=report.reference, reason=report.reason), report)]
    return [_resized(unnamed, unnamed.amount - refund.amount), _created(replace(refund, is_booked=True))]


def record_dispute(
    disputes: Sequence[Dispute], report: DisputeReport, subject: object, origin: Origin, new: DisputeId
) -> DisputeChange | None:
    """A dispute was reported. None if that is known, or out of date. It books nothing: its money is not handled yet."""
    known = next((one for one in disputes if one.id == subject or one.reference == report.reference), None)
    if known is None:
        dispute = Dispute(
            id=new,
            payment=origin.payment,
            attempt=origin.attempt,
            amount=report.amount,
            status=report.status,
            reason=report.reason,
            reference=report.reference,
            seq=0,
            version=0,
        )
        return DisputeChange(dispute, events.DisputeCreated(**dispute_fields(dispute)))
    verb = DISPUTE_VERBS.get(report.status)
    if verb is None or not DISPUTE.allows(known.status, verb):
        return None
    dispute, event = DISPUTE.step(replace(known, reason=report.reason or known.reason), verb)
    return DisputeChange(dispute, event(**dispute_fields(dispute)))


def _reported(report: RefundReport, origin: Origin, new: RefundId) -> Refund:
    return Refund(
        id=new,
        payment=origin.payment,
        attempt=origin.attempt,
        amount=report.amount,
        status=report.status,
        reason=report.reason,
        reference=report.reference,
        is_booked=False,
        seq=0,
        version=0,
    )


def _seen_in_total(amount: Money, origin: Origin, new: RefundId) -> Refund:
    return Refund(
        id=new,
        payment=origin.payment,
        attempt=origin.attempt,
        amount=amount,
        status=RefundStatus.SUCCEEDED,
        reason=None,
        reference=None,
        is_booked=True,
        seq=0,
        version=0,
    )


def _is_awaited(refund: Refund) -> bool:
    """Whether the refunded total will include this refund, and does not yet."""
    return not refund.is_booked and refund.status in _COUNTED


def _covered(awaited: Sequence[Refund], amount: Money) -> tuple[list[RefundChange], Money]:
    """Those that `amount` pays for, booked, and what is left of it. One that it pays for exactly comes first."""
    booked = []
    for refund in sorted(awaited, key=lambda one: one.amount != amount):
        if refund.amount.currency == amount.currency and refund.amount.minor <= amount.minor:
            booked.append(RefundChange(replace(refund, is_booked=True)))
            amount -= refund.amount
    return booked, amount


def _unnamed(refunds: Sequence[Refund], currency: str) -> Refund | None:
    """What the refunded total includes and no report has named yet: one row for any number of refunds."""
    booked = [one for one in refunds if one.is_booked and one.amount.currency == currency]
    return next((one for one in booked if one.reference is None and one.status in _COUNTED), None)


def _resized(unnamed: Refund, amount: Money) -> RefundChange:
    """The unnamed row with the amount that is still unnamed; superseded when there is none left."""
    if amount:
        return RefundChange(replace(unnamed, amount=amount))
    unnamed, event = REFUND.step(replace(unnamed, is_booked=False), RefundVerb.SUPERSEDE)
    return RefundChange(unnamed, event(**refund_fields(unnamed)) if event else None)


def _moved(refund: Refund, report: RefundReport) -> RefundChange:
    verb = REFUND_VERBS.get(report.status)
    if verb is None or not REFUND.allows(refund.status, verb):
        return RefundChange(refund)
    refund, event = REFUND.step(refund, verb)
    return RefundChange(refund, event(**refund_fields(refund)) if event else None)


def _created(refund: Refund) -> RefundChange:
    return RefundChange(refund, events.RefundCreated(**refund_fields(refund)))
