"""A session: its lifecycle, its agreement with its payment, and its secret."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkie.checkout import SessionStatus
from checkie.checkout.advance import verb_to_agree
from checkie.checkout.model import SESSION, IllegalSessionTransition, SessionVerb, Step, hash_secret
from checkie.payments import PaymentStatus
from checkie.web import Visitor
from tests import make
from tests.make import START
from tests.play import pairs, play

_S = SessionStatus


class TestLifecycle:
    def test_is_paid_after_authentication(self) -> None:
        play(
            SESSION,
            """
            act          !  session_illegal_transition
            change       -> OPEN
            pay          -> PROCESSING
            change       !  session_illegal_transition   # nobody pays the old price
            pay          !  session_illegal_transition
            need_action  -> AWAITING_ACTION
            act          -> PROCESSING
            need_action  -> AWAITING_ACTION
            succeed      -> COMPLETED
            expire       !  session_illegal_transition
            pay          !  session_illegal_transition
            """,
        )

    def test_is_declined_and_paid_in_the_end(self) -> None:
        play(
            SESSION,
            """
            pay             -> PROCESSING
            decline         -> OPEN
            pay             -> PROCESSING
            cancel_payment  -> OPEN
            pay             -> PROCESSING
            succeed         -> COMPLETED
            """,
        )

    def test_that_pays_is_abandoned_only_where_the_buyer_must_act(self) -> None:
        play(SESSION, "abandon ! session_illegal_transition", state=_S.PROCESSING)
        play(SESSION, "abandon -> ABANDONED", state=_S.AWAITING_ACTION)

    @pytest.mark.parametrize("state", [_S.OPEN, _S.EXPIRED, _S.ABANDONED])
    def test_accepts_a_late_success(self, state: SessionStatus) -> None:
        play(SESSION, "succeed -> COMPLETED", state=state)

    @pytest.mark.parametrize(("state", "verb"), pairs(SESSION))
    def test_refuses_every_pair_that_the_table_lacks(self, state: SessionStatus, verb: SessionVerb) -> None:
        if (state, verb) not in SESSION.transitions:
            with pytest.raises(IllegalSessionTransition):
                SESSION.next(state, verb)


class TestAgreeingWithThePayment:
    @pytest.mark.parametrize(
        ("payment", "failures", "verb"),
        [
            (PaymentStatus.PENDING, 0, None),
            (PaymentStatus.REQUIRES_ACTION, 0, SessionVerb.NEED_ACTION),
            (PaymentStatus.PROCESSING, 0, None),
            (PaymentStatus.SUCCEEDED, 0, SessionVerb.SUCCEED),
            (PaymentStatus.PARTIALLY_REFUNDED, 0, SessionVerb.SUCCEED),
            (PaymentStatus.REFUNDED, 0, SessionVerb.SUCCEED),
            (PaymentStatus.FAILED, 2, SessionVerb.DECLINE),
            (PaymentStatus.FAILED, 3, SessionVerb.EXHAUST),
            (PaymentStatus.CANCELLED, 0, SessionVerb.CANCEL_PAYMENT),
        ],
    )
    def test_takes_one_verb(self, payment: PaymentStatus, failures: int, verb: SessionVerb | None) -> None:
        session = make.session(status=_S.PROCESSING, attempt=1)
        assert verb_to_agree(session, make.payment(status=payment, failures=failures), make.attempt()) == verb

    def test_takes_nothing_once_it_is_completed(self) -> None:
        session = make.session(status=_S.COMPLETED, attempt=1)
        for payment in PaymentStatus:
            assert verb_to_agree(session, make.payment(status=payment), make.attempt()) is None

    @pytest.mark.parametrize("state", [_S.OPEN, _S.PROCESSING, _S.AWAITING_ACTION, _S.EXPIRED, _S.ABANDONED])
    def test_completes_a_session_of_any_status_that_is_paid(self, state: SessionStatus) -> None:
        session = make.session(status=state, attempt=2)
        verb = verb_to_agree(session, make.payment(status=PaymentStatus.SUCCEEDED), make.attempt(number=1))
        assert verb is SessionVerb.SUCCEED
        assert SESSION.next(state, verb)[0] is _S.COMPLETED

    @pytest.mark.parametrize("payment", [PaymentStatus.FAILED, PaymentStatus.CANCELLED, PaymentStatus.REQUIRES_ACTION])
    def test_does_not_follow_an_earlier_attempt(self, payment: PaymentStatus) -> None:
        session = make.session(status=_S.PROCESSING, attempt=2)
        assert verb_to_agree(session, make.payment(status=payment), make.attempt(number=1)) is None


class TestSession:
    @pytest.mark.parametrize(
        ("state", "email", "where"),
        [
            (_S.OPEN, None, Step.GUEST_INFO),
            (_S.OPEN, "a@b.example", Step.PAYMENT_METHOD),
            (_S.PROCESSING, "a@b.example", Step.PAYMENT_PROCESSING),
            (_S.AWAITING_ACTION, "a@b.example", Step.PAYMENT_PROCESSING),
            (_S.COMPLETED, "a@b.example", Step.ORDER_CONFIRMATION),
            (_S.EXPIRED, None, Step.PAYMENT_FAILED),
            (_S.ABANDONED, "a@b.example", Step.PAYMENT_FAILED),
        ],
    )
    def test_has_the_step_of_the_buyer(self, state: SessionStatus, email: str | None, where: Step) -> None:
        assert make.session(status=state, email=email).step is where

    def test_is_due_when_it_expires_or_its_buyer_may_have_left(self) -> None:
        session = make.session(abandoned_s=600)
        assert session.due_at(START) == START + timedelta(minutes=10)
        assert make.session(email=None).due_at(START) == session.expires_at
        assert session.due_at(session.expires_at - timedelta(seconds=1)) == session.expires_at

    @pytest.mark.parametrize(
        ("state", "minutes"),
        [(_S.PROCESSING, 24 * 60), (_S.AWAITING_ACTION, 10), (_S.COMPLETED, None), (_S.EXPIRED, None)],
    )
    def test_that_pays_may_be_left_only_where_the_buyer_must_act(
        self, state: SessionStatus, minutes: int | None
    ) -> None:
        due_at = make.session(status=state, abandoned_s=600).due_at(START)
        assert due_at == (START + timedelta(minutes=minutes) if minutes else None)

    def test_is_opened_by_its_client_secret_only(self) -> None:
        session = make.session(secret_hash=hash_secret("s3cret"))
        assert session.is_opened_by("s3cret")
        assert not any(session.is_opened_by(wrong) for wrong in ("", "s3cre", "S3CRET", "s3cret "))


class TestVisitor:
    def test_is_cut_to_length(self) -> None:
        visitor = Visitor("::1", "x" * 5000, "http://a.example/\0", {f"k{number}": "v" * 5000 for number in range(99)})
        facts = visitor.as_json()
        assert len(str(facts["user_agent"])) == 512
        assert facts["referrer"] == "http://a.example/"
        assert isinstance(facts["utm"], dict)
        assert len(facts["utm"]) == 10

    def test_without_headers_is_empty(self) -> None:
        assert Visitor().as_json() == {}

    def test_holds_nothing_that_a_row_cannot(self) -> None:
        """PostgreSQL's jsonb accepts no NUL anywhere."""
        visitor = Visitor("1.2.3.4", "a\0b", None, {"sour\0ce": "c\0d"})
        assert "\0" not in repr(visitor.as_json()).replace("\\x00", "\0")
