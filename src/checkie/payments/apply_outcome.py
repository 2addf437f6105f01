"""What an outcome from a provider changes in a payment: the whole decision, with no I/O.

What a provider reports is a fact and is never refused. An outcome that is out of date (a required action, after the
success) changes nothing; money that does not match is booked separately and published as such.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, assert_never

from checkie.kernel import Money
from checkie.ledger import Account, Kind, Transfer
from checkie.payments import events
from checkie.payments.events import INTEGRITY, PaymentEvent
from checkie.payments.model import (
    ATTEMPT,
    MAX_FAILURES,
    PAYMENT,
    Attempt,
    AttemptVerb,
    NotYetSucceeded,
    Payment,
    PaymentVerb,
    event_fields,
)
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    Cancelled,
    Declined,
    InProgress,
    Outcome,
    Refunded,
    Unknown,
)

_INTEGRITY_MESSAGE: Final = "The payment could not be verified. Do not pay again; the store will contact you."
_PAYMENT_VERBS: Final = {
    AttemptVerb.NEED_ACTION: PaymentVerb.NEED_ACTION,
    AttemptVerb.PROCESS: PaymentVerb.PROCESS,
    AttemptVerb.CANCEL: PaymentVerb.CANCEL,
}
"""What an attempt's change of status does to its payment, where it does anything."""


@dataclass(frozen=True, slots=True)
class Change:
    """The rows after the change, the transfers to book and the events to publish."""

    payment: Payment
    attempt: Attempt
    transfers: tuple[Transfer, ...] = ()
    events: tuple[PaymentEvent, ...] = ()


def apply_outcome(payment: Payment, attempt: Attempt, outcome: Outcome | Refunded) -> Change | None:  # noqa: PLR0911 one return a kind of outcome
    """The change that `outcome` of `attempt` makes; None when there is none. Raises NotYetSucceeded (see there)."""
    match outcome:
        case Approved():
            return _approved(payment, attempt, outcome)
        case Declined():
            return _declined(payment, attempt, outcome)
        case ActionNeeded():
            return _action_needed(payment, attempt, outcome)
        case InProgress():
            return _moved(payment, attempt, AttemptVerb.PROCESS, outcome.reference)
        case Cancelled():
            return _moved(payment, attempt, AttemptVerb.CANCEL, outcome.reference)
        case Unknown():
            return _moved(payment, attempt, AttemptVerb.MARK_UNKNOWN, None)
        case Refunded():
            return _refunded(payment, attempt, outcome)
        case _:
            assert_never(outcome)


def _is_decided_by(payment: Payment, attempt: Attempt, verb: PaymentVerb) -> bool:
    """Whether the payment's status follows this attempt: only the latest one may change it, without money."""
    return attempt.number == payment.attempts and PAYMENT.allows(payment.status, verb)


def _moved(payment: Payment, attempt: Attempt, verb: AttemptVerb, reference: str | None) -> Change | None:
    """A change of status without money."""
    if not ATTEMPT.allows(attempt.status, verb):
        return None
    attempt, _ = ATTEMPT.step(replace(attempt, reference=reference or attempt.reference), verb)
    payment_verb = _PAYMENT_VERBS.get(verb)
    if payment_verb is None or not _is_decided_by(payment, attempt, payment_verb):
        return Change(payment, attempt)
    payment, event = PAYMENT.step(payment, payment_verb)
    return Change(payment, attempt, events=(event(**event_fields(payment, attempt)),))


def _action_needed(payment: Payment, attempt: Attempt, outcome: ActionNeeded) -> Change | None:
    if outcome.action is Action.CONFIRM:
        return _moved(payment, attempt, AttemptVerb.AWAIT_BUYER, outcome.reference)
    attempt = replace(attempt, requires_3ds=True, three_ds_status="required")
    return _moved(payment, attempt, AttemptVerb.NEED_ACTION, outcome.reference)


def _approved(payment: Payment, attempt: Attempt, outcome: Approved) -> Change | None:
    if not ATTEMPT.allows(attempt.status, AttemptVerb.SUCCEED):
        return None
    facts = dict(outcome.facts)
    three_ds_status = facts.get("three_d_secure") or attempt.three_ds_status
    attempt = replace(attempt, reference=outcome.reference, facts=facts, three_ds_status=three_ds_status)
    if outcome.amount != attempt.amount:
        return _mismatched(payment, attempt, outcome.amount)
    attempt, _ = ATTEMPT.step(attempt, AttemptVerb.SUCCEED)
    if not PAYMENT.allows(payment.status, PaymentVerb.SUCCEED) or attempt.amount != payment.amount:
        return _unapplied(payment, attempt, outcome.amount, "DUPLICATE")
    return _paid(payment, replace(attempt, is_applied=True), outcome.reference)


def _paid(payment: Payment, attempt: Attempt, reference: str) -> Change:
    payment, _ = PAYMENT.step(replace(payment, failure_code=None, failure_message=None), PaymentVerb.SUCCEED)
    completed = events.PaymentCompleted(
        **event_fields(payment, attempt),
        fee=payment.fee.minor,
        net=(payment.amount - payment.fee).minor,
        provider_reference=reference,
    )
    return Change(payment, attempt, _sale(payment, attempt), (completed,))


def _sale(payment: Payment, attempt: Attempt) -> tuple[Transfer, ...]:
    clearing, merchant = Account(Kind.CLEARING, attempt.provider), Account(Kind.MERCHANT)
    gross = Transfer("payment", clearing, merchant, payment.amount, payment.id, f"{attempt.id}:payment")
    if not payment.fee:
        return (gross,)
    return gross, Transfer("fee", merchant, Account(Kind.FEES), payment.fee, payment.id, f"{attempt.id}:fee")


def _mismatched(payment: Payment, attempt: Attempt, received: Money) -> Change:
    """Another amount or currency than asked for: a person must review it before anything else happens."""
    attempt = replace(attempt, failure_code=INTEGRITY, failure_message=_INTEGRITY_MESSAGE)
    attempt, _ = ATTEMPT.step(attempt, AttemptVerb.FLAG_MISMATCH)
    change = _unapplied(payment, attempt, received, "INTEGRITY")
    if payment.is_paid:
        return change
    failed = replace(change.payment, failures=MAX_FAILURES)  # no further attempt until a person has reviewed it
    if not _is_decided_by(payment, attempt, PaymentVerb.FAIL):
        return replace(change, payment=failed)
    failed, event = _failed(failed, attempt, INTEGRITY, _INTEGRITY_MESSAGE)
    return replace(change, payment=failed, events=(*change.events, event))


def _unapplied(payment: Payment, attempt: Attempt, received: Money, reason: str) -> Change:
    """Money that does not pay the payment, booked separately."""
    event = events.PaymentUnapplied(
        **event_fields(payment, attempt),
        reason=reason,
        received=received.minor,
        received_currency=received.currency,
    )
    if received.minor <= 0:
        return Change(payment, attempt, events=(event,))
    source, target = Account(Kind.CLEARING, attempt.provider), Account(Kind.UNAPPLIED)
    booked = Transfer("unapplied", source, target, received, payment.id, f"{attempt.id}:unapplied")
    return Change(payment, attempt, (booked,), (event,))


def _declined(payment: Payment, attempt: Attempt, outcome: Declined) -> Change | None:
    if not ATTEMPT.allows(attempt.status, AttemptVerb.FAIL):
        return None
    reference = outcome.reference or attempt.reference
    attempt = replace(attempt, reference=reference, failure_code=outcome.code, failure_message=outcome.message)
    attempt, _ = ATTEMPT.step(attempt, AttemptVerb.FAIL)
    if not _is_decided_by(payment, attempt, PaymentVerb.FAIL):
        return Change(payment, attempt)
    payment = replace(payment, failures=min(payment.failures + 1, MAX_FAILURES))
    payment, event = _failed(payment, attempt, outcome.code, outcome.message)
    return Change(payment, attempt, events=(event,))


def _failed(payment: Payment, attempt: Attempt, code: str, message: str) -> tuple[Payment, events.PaymentFailed]:
    payment, _ = PAYMENT.step(replace(payment, failure_code=code, failure_message=message), PaymentVerb.FAIL)
    event = events.PaymentFailed(
        **event_fields(payment, attempt),
        code=code,
        message=message,
        attempts_left=payment.attempts_left,
    )
    return payment, event


def _refunded(payment: Payment, attempt: Attempt, outcome: Refunded) -> Change | None:
    """The provider reports the total of all refunds, so a repeated or reordered notice books nothing twice."""
    if not attempt.has_money:
        raise NotYetSucceeded
    refunded_minor = outcome.total.minor - attempt.refunded_minor
    if refunded_minor <= 0 or (attempt.is_applied and outcome.total.currency != attempt.amount.currency):
        return None
    attempt = replace(attempt, refunded_minor=outcome.total.minor)
    source = Account(Kind.MERCHANT if attempt.is_applied else Kind.UNAPPLIED)
    target = Account(Kind.CLEARING, attempt.provider)
    key = f"{attempt.id}:refund:{outcome.total.minor}"
    amount = Money(refunded_minor, outcome.total.currency)
    change = Change(payment, attempt, (Transfer("refund", source, target, amount, payment.id, key),))
    return _with_payment_refunded(change, refunded_minor) if attempt.is_applied else change


def _with_payment_refunded(change: Change, refunded_minor: int) -> Change:
    """A provider may refund more than was paid: that is booked, but a payment counts no more than its own amount."""
    payment = change.payment
    total = min(payment.refunded_minor + refunded_minor, payment.amount.minor)
    verb = PaymentVerb.REFUND_REST if total == payment.amount.minor else PaymentVerb.REFUND_PART
    if not PAYMENT.allows(payment.status, verb):
        return change
    payment, _ = PAYMENT.step(replace(payment, refunded_minor=total), verb)
    fields = event_fields(payment, change.attempt)
    event = events.PaymentRefunded(**fields, refund=refunded_minor, refunded=total)
    return replace(change, payment=payment, events=(event,))
