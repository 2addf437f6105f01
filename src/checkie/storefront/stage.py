"""Which page a session has. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from checkie.checkout import SessionStatus, Status
from checkie.payments import AttemptStatus
from checkie.payments.events import INTEGRITY


class Stage(StrEnum):
    """What the buyer sees."""

    FORM = "form"
    """The form: to be filled in and paid, or paid again after a decline."""
    STARTED = "started"
    """A payment was started: the card has yet to be entered, or the outcome has not arrived yet."""
    PROCESSING = "processing"
    """The bank is processing the payment."""
    ACTION_REQUIRED = "action_required"
    """The bank asks the buyer to confirm the payment."""
    UNKNOWN = "unknown"
    """The provider did not respond: money may have moved, so the buyer must not pay again."""
    PAID = "paid"
    UNDER_REVIEW = "under_review"
    """Money moved, but not the amount that was asked for: a person has to review it."""
    FAILED = "failed"
    """Every attempt failed."""
    EXPIRED = "expired"


IN_PROGRESS: Final = (Stage.STARTED, Stage.PROCESSING, Stage.ACTION_REQUIRED, Stage.UNKNOWN)
_PAYING: Final = (SessionStatus.PROCESSING, SessionStatus.AWAITING_ACTION)
_BY_ATTEMPT: Final = {
    AttemptStatus.PROCESSING: Stage.PROCESSING,
    AttemptStatus.REQUIRES_ACTION: Stage.ACTION_REQUIRED,
    AttemptStatus.UNKNOWN: Stage.UNKNOWN,
}


def stage_of(status: Status, now: datetime) -> Stage:
    """What the buyer of a session with this status sees at `now`."""
    session, payment, attempt = status.session, status.payment, status.attempt
    if session.status is SessionStatus.COMPLETED or (payment and payment.is_paid):
        return Stage.PAID
    if payment and payment.failure_code == INTEGRITY:
        return Stage.UNDER_REVIEW
    if session.status in _PAYING:
        return _BY_ATTEMPT.get(attempt.status, Stage.STARTED) if attempt else Stage.STARTED
    if session.status is SessionStatus.OPEN and now < session.expires_at:
        return Stage.FORM
    return Stage.FAILED if payment and payment.attempts_left <= 0 else Stage.EXPIRED
