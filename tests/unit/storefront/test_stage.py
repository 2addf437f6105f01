"""Which page a session gets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkie.checkout import SessionStatus, Status
from checkie.payments import AttemptStatus, PaymentStatus
from checkie.payments.events import INTEGRITY
from checkie.storefront.stage import Stage, stage_of
from tests import make

_S, _P, _A = SessionStatus, PaymentStatus, AttemptStatus


def standing(session: SessionStatus, payment: PaymentStatus, attempt: AttemptStatus, **facts: object) -> Status:
    return Status(
        make.session(status=session, expires_at=make.START + timedelta(hours=1)),
        make.payment(status=payment, **facts),
        make.attempt(status=attempt),
    )


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        (standing(_S.OPEN, _P.FAILED, _A.FAILED, failures=1), Stage.FORM),
        (standing(_S.PROCESSING, _P.PENDING, _A.PENDING), Stage.BEGUN),
        (standing(_S.PROCESSING, _P.PROCESSING, _A.PROCESSING), Stage.WAITING),
        (standing(_S.AWAITING_ACTION, _P.REQUIRES_ACTION, _A.REQUIRES_ACTION), Stage.ACTION),
        (standing(_S.PROCESSING, _P.REQUIRES_ACTION, _A.REQUIRES_ACTION), Stage.ACTION),
        (standing(_S.PROCESSING, _P.PENDING, _A.UNKNOWN), Stage.ASKING),
        (standing(_S.PROCESSING, _P.FAILED, _A.FAILED, failures=1), Stage.BEGUN),
        (standing(_S.PROCESSING, _P.SUCCEEDED, _A.SUCCEEDED), Stage.PAID),
        (standing(_S.EXPIRED, _P.SUCCEEDED, _A.SUCCEEDED), Stage.PAID),
        (standing(_S.COMPLETED, _P.REFUNDED, _A.SUCCEEDED), Stage.PAID),
        (standing(_S.PROCESSING, _P.FAILED, _A.INTEGRITY_FAILURE, failure_code=INTEGRITY), Stage.UNTRUSTED),
        (standing(_S.EXPIRED, _P.FAILED, _A.INTEGRITY_FAILURE, failure_code=INTEGRITY), Stage.UNTRUSTED),
        (standing(_S.EXPIRED, _P.FAILED, _A.FAILED, failures=3), Stage.EXHAUSTED),
        (standing(_S.EXPIRED, _P.CANCELLED, _A.CANCELLED), Stage.EXPIRED),
        (standing(_S.ABANDONED, _P.CANCELLED, _A.CANCELLED), Stage.EXPIRED),
    ],
)
def test_a_stage_follows_from_session_payment_and_attempt(status: Status, stage: Stage) -> None:
    assert stage_of(status, make.START) is stage


def test_time_is_up_before_the_worker_says_so() -> None:
    status = Status(make.session(expires_at=make.START), None, None)
    assert stage_of(status, make.START) is Stage.EXPIRED
    assert stage_of(status, make.START - timedelta(seconds=1)) is Stage.FORM
