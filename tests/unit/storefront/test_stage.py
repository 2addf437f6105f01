"""Which page a session has."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkie.checkout import SessionStatus, Status
from checkie.payments import AttemptStatus, PaymentStatus
from checkie.payments.events import INTEGRITY
from checkie.storefront.stage import Stage, stage_of
from tests import make

_S, _P, _A = SessionStatus, PaymentStatus, AttemptStatus


def status_of(session: SessionStatus, payment: PaymentStatus, attempt: AttemptStatus, **facts: object) -> Status:
    return Status(
        make.session(status=session, expires_at=make.START + timedelta(hours=1)),
        make.payment(status=payment, **facts),
        make.attempt(status=attempt),
    )


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        (status_of(_S.OPEN, _P.FAILED, _A.FAILED, failures=1), Stage.FORM),
        (status_of(_S.PROCESSING, _P.PENDING, _A.PENDING), Stage.STARTED),
        (status_of(_S.PROCESSING, _P.PROCESSING, _A.PROCESSING), Stage.PROCESSING),
        (status_of(_S.AWAITING_ACTION, _P.REQUIRES_ACTION, _A.REQUIRES_ACTION), Stage.ACTION_REQUIRED),
        (status_of(_S.PROCESSING, _P.REQUIRES_ACTION, _A.REQUIRES_ACTION), Stage.ACTION_REQUIRED),
        (status_of(_S.PROCESSING, _P.PENDING, _A.UNKNOWN), Stage.UNKNOWN),
        (status_of(_S.PROCESSING, _P.FAILED, _A.FAILED, failures=1), Stage.STARTED),
        (status_of(_S.PROCESSING, _P.SUCCEEDED, _A.SUCCEEDED), Stage.PAID),
        (status_of(_S.EXPIRED, _P.SUCCEEDED, _A.SUCCEEDED), Stage.PAID),
        (status_of(_S.COMPLETED, _P.REFUNDED, _A.SUCCEEDED), Stage.PAID),
        (status_of(_S.PROCESSING, _P.FAILED, _A.INTEGRITY_FAILURE, failure_code=INTEGRITY), Stage.UNDER_REVIEW),
        (status_of(_S.EXPIRED, _P.FAILED, _A.INTEGRITY_FAILURE, failure_code=INTEGRITY), Stage.UNDER_REVIEW),
        (status_of(_S.EXPIRED, _P.FAILED, _A.FAILED, failures=3), Stage.FAILED),
        (status_of(_S.EXPIRED, _P.CANCELLED, _A.CANCELLED), Stage.EXPIRED),
        (status_of(_S.ABANDONED, _P.CANCELLED, _A.CANCELLED), Stage.EXPIRED),
    ],
)
def test_a_stage_follows_from_session_payment_and_attempt(status: Status, stage: Stage) -> None:
    assert stage_of(status, make.START) is stage


def test_a_session_is_expired_before_the_worker_marks_it() -> None:
    status = Status(make.session(expires_at=make.START), None, None)
    assert stage_of(status, make.START) is Stage.EXPIRED
    assert stage_of(status, make.START - timedelta(seconds=1)) is Stage.FORM
