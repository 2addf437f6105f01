"""A session: its lifecycle, what follows from its payment, who may see it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

import pytest

from checkie.checkout import Move, SessionStatus
from checkie.checkout.advance import step
from checkie.checkout.model import SESSION, IllegalSessionMove, Step, hash_secret
from checkie.payments import PaymentStatus
from checkie.web import Visitor
from tests import make
from tests.make import START
from tests.play import pairs, play

_S = SessionStatus


class TestLifecycle:
    def test_is_paid_with_a_proof(self) -> None:
        play(
            SESSION,
            """
            succeed      !  session_illegal_move
            change       -> OPEN
            pay          -> PROCESSING
            change       !  session_illegal_move   # nobody pays the old price
            pay          !  session_illegal_move
            need_action  -> AWAITING_ACTION
            act          -> PROCESSING
            need_action  -> AWAITING_ACTION
            succeed      -> COMPLETED
            expire       !  session_illegal_move
            pay          !  session_illegal_move
            """,
        )

    def test_is_declined_and_paid_in_the_end(self) -> None:
        play(
            SESSION,
            """
            pay       -> PROCESSING
            decline   -> OPEN
            pay       -> PROCESSING
            withdraw  -> OPEN
            pay       -> PROCESSING
            succeed   -> COMPLETED
            """,
        )

    @pytest.mark.parametrize("state", [_S.PROCESSING, _S.AWAITING_ACTION])
    def test_that_pays_does_not_end_while_it_can_still_succeed(self, state: SessionStatus) -> None:
        play(SESSION, "expire ! session_illegal_move", state=state)
        play(SESSION, "abandon ! session_illegal_move", state=state)

    @pytest.mark.parametrize("state", [_S.OPEN, _S.EXPIRED, _S.ABANDONED])
    def test_takes_a_success_that_comes_late(self, state: SessionStatus) -> None:
        play(SESSION, "succeed_late -> COMPLETED", state=state)

    @pytest.mark.parametrize(("state", "verb"), pairs(SESSION))
    def test_refuses_every_pair_that_the_table_lacks(self, state: StrEnum, verb: str) -> None:
        if (state, verb) not in SESSION.moves:
            with pytest.raises(IllegalSessionMove):
                SESSION.move(state, verb)  # type: ignore[arg-type]  # of its own states


class TestWhatFollowsFromThePayment:
    @pytest.mark.parametrize(
        ("stands", "failures", "verb"),
        [
            (PaymentStatus.PENDING, 0, None),
            (PaymentStatus.REQUIRES_ACTION, 0, None),
            (PaymentStatus.PROCESSING, 0, None),
            (PaymentStatus.SUCCEEDED, 0, "succeed"),
            (PaymentStatus.PARTIALLY_REFUNDED, 0, "succeed"),
            (PaymentStatus.REFUNDED, 0, "succeed"),
            (PaymentStatus.FAILED, 2, "decline"),
            (PaymentStatus.FAILED, 3, "exhaust"),
            (PaymentStatus.CANCELLED, 0, "withdraw"),
        ],
    )
    def test_is_one_verb(self, stands: PaymentStatus, failures: int, verb: str | None) -> None:
        move = Move.after(make.payment(status=stands, failures=failures), make.attempt())
        assert (move.verb if move else None) == verb


class TestStep:
    def move(self, verb: str, attempt: int | None = 1) -> Move:
        return Move(make.session().id, verb, attempt)

    def test_follows_the_attempt_it_pays_with(self) -> None:
        session = make.session(status=_S.PROCESSING, attempt=1)
        moved = step(session, self.move("decline"))
        assert moved is not None
        assert (moved.status, moved.seq) == (_S.OPEN, 1)

    @pytest.mark.parametrize("verb", ["decline", "withdraw", "exhaust", "need_action", "act"])
    def test_does_not_follow_an_earlier_one(self, verb: str) -> None:
        assert step(make.session(status=_S.PROCESSING, attempt=2), self.move(verb)) is None

    def test_of_old_news_is_none(self) -> None:
        assert step(make.session(status=_S.COMPLETED, attempt=1), self.move("decline")) is None
        assert step(make.session(status=_S.OPEN, attempt=1), self.move("decline")) is None
        assert step(make.session(status=_S.COMPLETED, attempt=1), self.move("succeed", None)) is None

    @pytest.mark.parametrize("state", [_S.OPEN, _S.PROCESSING, _S.AWAITING_ACTION, _S.EXPIRED, _S.ABANDONED])
    def test_of_money_completes_whatever_the_session_is(self, state: SessionStatus) -> None:
        moved = step(make.session(status=state, attempt=2), self.move("succeed", None))
        assert moved is not None
        assert moved.status is _S.COMPLETED

    def test_that_is_not_news_counts_no_event(self) -> None:
        moved = step(make.session(status=_S.PROCESSING, attempt=1, seq=4), self.move("need_action"))
        assert moved is not None
        assert moved.seq == 4


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
    def test_knows_where_the_buyer_stands(self, state: SessionStatus, email: str | None, where: Step) -> None:
        assert make.session(status=state, email=email).step is where

    def test_is_looked_at_when_it_expires_or_its_buyer_may_have_left(self) -> None:
        session = make.session(abandoned_s=600)
        assert session.due_at(START) == START + timedelta(minutes=10)
        assert make.session(email=None).due_at(START) == session.expires_at
        assert session.due_at(session.expires_at - timedelta(seconds=1)) == session.expires_at

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

    def test_that_tells_nothing_is_nothing(self) -> None:
        assert Visitor().as_json() == {}

    def test_holds_nothing_that_a_row_cannot(self) -> None:
        """PostgreSQL's jsonb takes no NUL, wherever it stands."""
        visitor = Visitor("1.2.3.4", "a\0b", None, {"sour\0ce": "c\0d"})
        assert "\0" not in repr(visitor.as_json()).replace("\\x00", "\0")
