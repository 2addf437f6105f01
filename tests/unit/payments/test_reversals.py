"""Refunds and disputes: their lifecycles, and what providers' reports make of them, in any order."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, DisputeId, PaymentId, RefundId
from checkie.payments.port import DisputeReport, DisputeStatus, RefundReport, RefundStatus
from checkie.payments.reversals.model import DISPUTE, DISPUTE_VERBS, REFUND, REFUND_VERBS, Dispute, Refund
from checkie.payments.reversals.record import Origin, RefundChange, book_refunds, record_dispute, record_refund
from tests.make import START, STORE
from tests.play import play

_R, _D = RefundStatus, DisputeStatus
ATTEMPT: Final = AttemptId.new(STORE, START)
ORIGIN: Final = Origin(PaymentId.new(STORE, START), ATTEMPT)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def report(reference: str, minor: int, status: RefundStatus = _R.SUCCEEDED) -> RefundReport:
    return RefundReport(reference, usd(minor), status, "requested_by_customer")


def disputed(status: DisputeStatus) -> DisputeReport:
    return DisputeReport("dp_1", usd(2599), status, "fraudulent")


class Book:
    """The refunds of one attempt, as its rows would be."""

    def __init__(self) -> None:
        self.refunds: dict[RefundId, Refund] = {}
        self.total = 0
        self.events: list[str] = []

    def receive_total(self, total: int) -> None:
        if total > self.total:
            self._write(book_refunds(self._rows(), usd(total - self.total), ORIGIN, RefundId.new(STORE, START)))
            self.total = total

    def receive(self, reported: RefundReport, subject: object = ATTEMPT) -> None:
        self._write(record_refund(self._rows(), reported, subject, ORIGIN, RefundId.new(STORE, START)))

    def rows(self) -> list[tuple[str | None, int, str, bool]]:
        return [(one.reference, one.amount.minor, one.status, one.is_booked) for one in self._rows()]

    def _rows(self) -> list[Refund]:
        return list(self.refunds.values())

    def _write(self, changes: list[RefundChange]) -> None:
        for change in changes:
            written = replace(change.refund, version=change.refund.version + 1)
            self.refunds[written.id] = written
            if change.event:
                self.events.append(change.event.name)


@pytest.fixture
def book() -> Book:
    return Book()


class TestALifecycle:
    def test_of_a_refund_ends_but_one_that_succeeded_may_yet_fail(self) -> None:
        play(
            REFUND,
            """
            process  -> PROCESSING
            process  !  refund_illegal_transition
            succeed  -> SUCCEEDED
            cancel   !  refund_illegal_transition
            fail     -> FAILED
            succeed  !  refund_illegal_transition
            """,
        )

    def test_of_a_dispute_goes_from_a_warning_to_its_result(self) -> None:
        play(
            DISPUTE,
            """
            review_warning    -> WARNING_UNDER_REVIEW
            require_response  -> NEEDS_RESPONSE
            review_warning    !  dispute_illegal_transition
            review            -> UNDER_REVIEW
            require_response  !  dispute_illegal_transition   # out of date
            lose              -> LOST
            win               !  dispute_illegal_transition
            """,
        )

    @pytest.mark.parametrize(("lifecycle", "verbs"), [(REFUND, REFUND_VERBS), (DISPUTE, DISPUTE_VERBS)], ids=str)
    def test_has_a_verb_for_every_status_but_the_first(self, lifecycle: Any, verbs: Any) -> None:
        assert set(verbs) == {to for to, _ in lifecycle.transitions.values()}
        targets = {
            verb: {to for (_, v), (to, _) in lifecycle.transitions.items() if v == verb} for verb in verbs.values()
        }
        assert targets == {verb: {status} for status, verb in verbs.items()}


class TestARefund:
    def test_that_is_seen_in_the_total_alone_has_a_row(self, book: Book) -> None:
        book.receive_total(1000)
        assert book.rows() == [(None, 1000, "SUCCEEDED", True)]
        assert book.events == ["refund.created"]

    def test_that_is_reported_after_the_total_is_the_same_row(self, book: Book) -> None:
        book.receive_total(1000)
        book.receive(report("re_1", 1000))
        assert book.rows() == [("re_1", 1000, "SUCCEEDED", True)]
        assert book.events == ["refund.created"]

    def test_that_is_reported_before_the_total_is_the_same_row(self, book: Book) -> None:
        book.receive(report("re_1", 1000, _R.PENDING))
        book.receive_total(1000)
        book.receive(report("re_1", 1000))
        assert book.rows() == [("re_1", 1000, "SUCCEEDED", True)]
        assert book.events == ["refund.created", "refund.succeeded"]

    def test_that_is_reported_twice_changes_nothing(self, book: Book) -> None:
        book.receive(report("re_1", 1000))
        book.receive(report("re_1", 1000))
        book.receive(report("re_1", 1000, _R.PENDING))  # out of date
        assert book.rows() == [("re_1", 1000, "SUCCEEDED", False)]

    def test_that_came_with_others_in_one_total_is_taken_out_of_them(self, book: Book) -> None:
        book.receive_total(1500)
        book.receive(report("re_1", 500))
        book.receive(report("re_2", 1000))
        assert sorted(book.rows(), key=str) == [("re_1", 500, "SUCCEEDED", True), ("re_2", 1000, "SUCCEEDED", True)]

    def test_that_fails_after_it_was_booked_stays_booked_and_is_published(self, book: Book) -> None:
        """What it does to the ledger is not decided here."""
        book.receive(report("re_1", 1000))
        book.receive_total(1000)
        book.receive(report("re_1", 1000, _R.FAILED))
        assert book.rows() == [("re_1", 1000, "FAILED", True)]
        assert book.events == ["refund.created", "refund.failed"]

    def test_that_failed_at_once_is_not_what_the_total_includes(self, book: Book) -> None:
        book.receive_total(1000)
        book.receive(report("re_1", 1000, _R.FAILED))
        book.receive(report("re_2", 1000))
        assert sorted(book.rows(), key=str) == [("re_1", 1000, "FAILED", False), ("re_2", 1000, "SUCCEEDED", True)]

    def test_that_turns_out_to_be_another_is_superseded(self, book: Book) -> None:
        """The total of 500 was the refund re_1, and covered re_2, which had been reported by then."""
        book.receive(report("re_2", 300))
        book.receive_total(500)
        book.receive(report("re_1", 500))
        book.receive_total(800)
        booked = [row for row in book.rows() if row[3]]
        assert sorted(booked) == [("re_1", 500, "SUCCEEDED", True), ("re_2", 300, "SUCCEEDED", True)]
        assert [row for row in book.rows() if not row[3]] == [(None, 200, "CANCELLED", False)]
        assert book.events[-1] == "refund.cancelled"

    def test_of_ours_is_known_by_our_id(self, book: Book) -> None:
        ours = RefundId.new(STORE, START)
        refund = Refund(
            ours, ORIGIN.payment, ATTEMPT, usd(1000), _R.PENDING, None, None, is_booked=False, seq=1, version=1
        )
        book.refunds[ours] = refund
        book.receive(report("re_1", 1000), subject=ours)
        assert book.rows() == [("re_1", 1000, "SUCCEEDED", False)]

    @given(amounts=st.lists(st.integers(1, 6), min_size=1, max_size=5), seed=st.integers(0, 2**32), data=st.data())
    def test_is_one_row_whatever_the_order(self, amounts: list[int], seed: int, data: st.DataObject) -> None:
        """Reports of every refund, and totals of which any but the last may be lost: shuffled and repeated."""
        totals = [sum(amounts[: end + 1]) for end in range(len(amounts))]
        totals_seen = [*data.draw(st.lists(st.sampled_from(totals))), totals[-1]]
        messages: list[Any] = [*totals_seen, *(report(f"re_{n}", amount) for n, amount in enumerate(amounts))] * 2
        random.Random(seed).shuffle(messages)  # noqa: S311  a test's order
        book = Book()
        for message in messages:
            book.receive_total(message) if isinstance(message, int) else book.receive(message)
            assert sum(one.amount.minor for one in book.refunds.values() if one.is_booked) == book.total
        counted = sorted(row for row in book.rows() if row[2] != "CANCELLED")
        assert counted == [(f"re_{n}", amount, "SUCCEEDED", True) for n, amount in enumerate(amounts)]


class TestADispute:
    def recorded(self, known: list[Dispute], status: DisputeStatus, subject: object = ATTEMPT) -> Any:
        return record_dispute(known, disputed(status), subject, ORIGIN, DisputeId.new(STORE, START))

    def test_is_recorded_with_its_status_and_published(self) -> None:
        change = self.recorded([], _D.NEEDS_RESPONSE)
        assert (change.dispute.status, change.dispute.reference) == (_D.NEEDS_RESPONSE, "dp_1")
        assert (change.event.name, change.event.reason) == ("dispute.created", "fraudulent")

    def test_follows_the_reports(self) -> None:
        known = self.recorded([], _D.NEEDS_RESPONSE).dispute
        change = self.recorded([known], _D.LOST)
        assert (change.dispute.id, change.dispute.status, change.event.name) == (known.id, _D.LOST, "dispute.closed")

    @pytest.mark.parametrize("status", [_D.LOST, _D.NEEDS_RESPONSE, _D.WARNING_NEEDS_RESPONSE])
    def test_that_is_repeated_or_out_of_date_changes_nothing(self, status: DisputeStatus) -> None:
        known = self.recorded([], _D.LOST).dispute
        assert self.recorded([known], status) is None

    def test_is_known_by_our_id(self) -> None:
        known = replace(self.recorded([], _D.NEEDS_RESPONSE).dispute, reference="another")
        assert self.recorded([known], _D.WON, subject=known.id).dispute.id == known.id
