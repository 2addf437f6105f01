"""What an answer or a notice from a provider means for a payment: the whole decision, with no I/O.

The provider's word is a fact, so it is never refused: news that is stale (a "requires action" after the success)
changes nothing, and money that does not fit is booked apart and told of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, assert_never

from checkie.kernel import Money
from checkie.ledger import Account, Kind, Transfer
from checkie.payments import events
from checkie.payments.events import PaymentEvent
from checkie.payments.model import ATTEMPT, MAX_FAILURES, PAYMENT, Attempt, NotYetSucceeded, Payment, event_fields
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

INTEGRITY: Final = "integrity_failure"
_INTEGRITY_MESSAGE: Final = "The payment could not be verified. Do not pay again; the store will contact you."


@dataclass(frozen=True, slots=True)
class Change:
    """The rows afterwards, the transfers to book and the events to publish."""

    payment: Payment
    attempt: Attempt
    transfers: tuple[Transfer, ...] = ()
    events: tuple[PaymentEvent, ...] = ()


def apply_outcome(payment: Payment, attempt: Attempt, outcome: Outcome | Refunded) -> Change | None:  # noqa: PLR0911 one return a kind of news
    """The change that `outcome` of `attempt` makes; None when it is no news. Raises NotYetSucceeded (see there)."""
    match outcome:
        case Approved():
            return _approved(payment, attempt, outcome)
        case Declined():
            return _declined(payment, attempt, outcome)
        case ActionNeeded():
            verb = "need_action" if outcome.action is Action.AUTHENTICATE else "await_buyer"
            return _follow(payment, _seen(attempt, outcome.reference, outcome.action), verb)
        case InProgress():
            return _follow(payment, _seen(attempt, outcome.reference), "process")
        case Cancelled():
            return _follow(payment, _seen(attempt, outcome.reference), "cancel")
        case Unknown():
            return _follow(payment, attempt, "mark_unknown")
        case Refunded():
            return _refunded(payment, attempt, outcome)
        case _:
            assert_never(outcome)


def _seen(attempt: Attempt, reference: str | None, action: Action | None = None) -> Attempt:
    if action is Action.AUTHENTICATE:
        attempt = replace(attempt, requires_3ds=True, three_ds_status="required")
    return replace(attempt, reference=reference or attempt.reference)


def _follow(payment: Payment, attempt: Attempt, verb: str) -> Change | None:
    """Moves without money: the payment goes along with its latest attempt."""
    if not ATTEMPT.allows(attempt.status, verb):
        return None
    attempt = replace(attempt, status=ATTEMPT.move(attempt.status, verb)[0])
    if attempt.number != payment.attempts or not PAYMENT.allows(payment.status, verb):
        return Change(payment, attempt)
    status, happened = PAYMENT.move(payment.status, verb)
    payment = replace(payment, status=status)
    return Change(payment, attempt, events=(happened(**event_fields(payment, attempt)),))


def _approved(payment: Payment, attempt: Attempt, outcome: Approved) -> Change | None:
    if not ATTEMPT.allows(attempt.status, "succeed"):
        return None
    facts = dict(outcome.facts)
    proof = facts.get("three_d_secure") or attempt.three_ds_status
    attempt = replace(attempt, reference=outcome.reference, facts=facts, three_ds_status=proof)
    if outcome.amount != attempt.amount:
        return _mismatched(payment, attempt, outcome.amount)
    attempt = replace(attempt, status=ATTEMPT.move(attempt.status, "succeed")[0])
    if not PAYMENT.allows(payment.status, "succeed") or attempt.amount != payment.amount:
        return _unapplied(payment, attempt, outcome.amount, "DUPLICATE")
    status, _ = PAYMENT.move(payment.status, "succeed")
    payment = replace(payment, status=status, failure_code=None, failure_message=None)
    event = events.PaymentCompleted(
        **event_fields(payment, attempt),
        fee=payment.fee.minor,
        net=(payment.amount - payment.fee).minor,
        provider_reference=outcome.reference,
    )
    return Change(payment, replace(attempt, is_applied=True), _sale(payment, attempt), (event,))


def _sale(payment: Payment, attempt: Attempt) -> tuple[Transfer, ...]:
    clearing, merchant = Account(Kind.CLEARING, attempt.provider), Account(Kind.MERCHANT)
    gross = Transfer("payment", clearing, merchant, payment.amount, payment.id, f"{attempt.id}:payment")
    if not payment.fee:
        return (gross,)
    return gross, Transfer("fee", merchant, Account(Kind.FEES), payment.fee, payment.id, f"{attempt.id}:fee")


def _mismatched(payment: Payment, attempt: Attempt, received: Money) -> Change:
    """Another amount or currency than asked for: nothing may follow from it but a person's look."""
    attempt = replace(
        attempt,
        status=ATTEMPT.move(attempt.status, "flag_mismatch")[0],
        failure_code=INTEGRITY,
        failure_message=_INTEGRITY_MESSAGE,
    )
    change = _unapplied(payment, attempt, received, "INTEGRITY")
    if payment.is_paid:
        return change
    failed = replace(change.payment, failures=MAX_FAILURES)  # nobody is asked for more before a person has looked
    if attempt.number != payment.attempts or not PAYMENT.allows(payment.status, "fail"):
        return replace(change, payment=failed)
    failed, event = _fail(failed, attempt, INTEGRITY, _INTEGRITY_MESSAGE)
    return replace(change, payment=failed, events=(*change.events, event))


def _unapplied(payment: Payment, attempt: Attempt, received: Money, reason: str) -> Change:
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
    if not ATTEMPT.allows(attempt.status, "fail"):
        return None
    attempt = replace(
        attempt,
        status=ATTEMPT.move(attempt.status, "fail")[0],
        reference=outcome.reference or attempt.reference,
        failure_code=outcome.code,
        failure_message=outcome.message,
    )
    if attempt.number != payment.attempts or not PAYMENT.allows(payment.status, "fail"):
        return Change(payment, attempt)
    payment = replace(payment, failures=min(payment.failures + 1, MAX_FAILURES))
    payment, event = _fail(payment, attempt, outcome.code, outcome.message)
    return Change(payment, attempt, events=(event,))


def _fail(payment: Payment, attempt: Attempt, code: str, message: str) -> tuple[Payment, events.PaymentFailed]:
    status, _ = PAYMENT.move(payment.status, "fail")
    payment = replace(payment, status=status, failure_code=code, failure_message=message)
    event = events.PaymentFailed(
        **event_fields(payment, attempt),
        code=code,
        message=message,
        attempts_left=payment.attempts_left,
    )
    return payment, event


def _refunded(payment: Payment, attempt: Attempt, outcome: Refunded) -> Change | None:
    """The provider tells the sum of all refunds, so a repeated or overtaken notice books nothing twice."""
    fresh = outcome.total.minor - attempt.refunded_minor
    if attempt.status not in ("SUCCEEDED", "INTEGRITY_FAILURE"):
        raise NotYetSucceeded
    if fresh <= 0 or (attempt.is_applied and outcome.total.currency != attempt.amount.currency):
        return None
    attempt = replace(attempt, refunded_minor=outcome.total.minor)
    source = Account(Kind.MERCHANT if attempt.is_applied else Kind.UNAPPLIED)
    target = Account(Kind.CLEARING, attempt.provider)
    key = f"{attempt.id}:refund:{outcome.total.minor}"
    amount = Money(fresh, outcome.total.currency)
    change = Change(payment, attempt, (Transfer("refund", source, target, amount, payment.id, key),))
    return _told_of_refund(change, fresh) if attempt.is_applied else change


def _told_of_refund(change: Change, fresh: int) -> Change:
    """Providers can give back more than was paid. It is booked, but a payment is refunded once it is refunded whole."""
    payment = change.payment
    total = min(payment.refunded_minor + fresh, payment.amount.minor)
    verb = "refund_rest" if total == payment.amount.minor else "refund_part"
    if not PAYMENT.allows(payment.status, verb):
        return change
    status, _ = PAYMENT.move(payment.status, verb)
    payment = replace(payment, status=status, refunded_minor=total)
    facts = event_fields(payment, change.attempt)
    event = events.PaymentRefunded(**facts, refund=fresh, refunded=total)
    return replace(change, payment=payment, events=(event,))
