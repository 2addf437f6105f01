"""Which page a session gets. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from checkie.checkout import SessionStatus, Status
from checkie.payments import AttemptStatus
from checkie.payments.events import INTEGRITY


class Stage(StrEnum):
    """What the buyer is to see."""

    FORM = "form"
    """The page: fill it in and pay, perhaps once more after a decline."""
    BEGUN = "begun"
    """A payment has begun: the card is yet to be entered, or was just now and the news is on its way."""
    WAITING = "waiting"
    """A bank takes its time."""
    ACTION = "action"
    """The bank asks the buyer to confirm."""
    ASKING = "asking"
    """The provider was silent: money may have moved, so nobody must pay again."""
    PAID = "paid"
    UNTRUSTED = "untrusted"
    """Money moved, but not what was asked for: a person has to look."""
    EXHAUSTED = "exhausted"
    """Every attempt failed."""
    EXPIRED = "expired"


UNDER_WAY: Final = (Stage.BEGUN, Stage.WAITING, Stage.ACTION, Stage.ASKING)
_PAYING: Final = (SessionStatus.PROCESSING, SessionStatus.AWAITING_ACTION)
_BY_ATTEMPT: Final = {
    AttemptStatus.PROCESSING: Stage.WAITING,
    AttemptStatus.REQUIRES_ACTION: Stage.ACTION,
    AttemptStatus.UNKNOWN: Stage.ASKING,
}


def stage_of(status: Status, now: datetime) -> Stage:
    """What the buyer of a session that stands like this is to see at `now`."""
    session, payment, attempt = status.session, status.payment, status.attempt
    if session.status is SessionStatus.COMPLETED or (payment and payment.is_paid):
        return Stage.PAID
    if payment and payment.failure_code == INTEGRITY:
        return Stage.UNTRUSTED
    if session.status in _PAYING:
        return _BY_ATTEMPT.get(attempt.status, Stage.BEGUN) if attempt else Stage.BEGUN
    if session.status is SessionStatus.OPEN and now < session.expires_at:
        return Stage.FORM
    return Stage.EXHAUSTED if payment and payment.attempts_left <= 0 else Stage.EXPIRED
