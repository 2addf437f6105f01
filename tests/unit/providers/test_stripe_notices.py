"""Stripe's events of PaymentIntents and of hosted pages as notices."""

from __future__ import annotations

from typing import Any

import pytest

from checkie.kernel import Money
from checkie.kernel.ids import RefundId
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    Cancelled,
    Declined,
    DisputeReport,
    DisputeStatus,
    InProgress,
    Outcome,
    ProviderReference,
    Refunded,
    RefundReport,
    RefundStatus,
)
from checkie.providers.stripe import mapping, notices
from tests.unit.providers.test_stripe_hosted import session_json
from tests.unit.providers.test_stripe_mapping import DECLINE, KEY, PUBLISHABLE, intent_json


def event_json(kind: str, obj: dict[str, Any]) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "type": kind, "data": {"object": obj}}


class TestAnIntent:
    @pytest.mark.parametrize(
        ("kind", "changes", "outcome"),
        [
            ("succeeded", {"status": "succeeded", "amount_received": 5}, Approved("pi_1", Money(5, "USD"))),
            ("payment_failed", {"last_payment_error": DECLINE}, Declined("pi_1", "card_declined", "Declined.")),
            ("payment_failed", {}, Declined("pi_1", "declined", mapping.NOT_CHARGED)),
            ("canceled", {"status": "canceled"}, Cancelled("pi_1")),
            ("processing", {"status": "processing"}, InProgress("pi_1")),
            (
                "requires_action",
                {"status": "requires_action"},
                ActionNeeded("pi_1", Action.AUTHENTICATE, "pi_1_secret_x", publishable_key=PUBLISHABLE),
            ),
        ],
    )
    def test_becomes_the_outcome_of_our_attempt(self, kind: str, changes: dict[str, Any], outcome: Outcome) -> None:
        notice = notices.notice_of(event_json(f"payment_intent.{kind}", intent_json(**changes)), PUBLISHABLE)
        assert notice is not None
        assert (notice.event, notice.subject, notice.outcome) == ("evt_1", KEY, outcome)

    def test_has_the_sum_of_all_refunds(self) -> None:
        charge = {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 500, "currency": "isk"}
        notice = notices.notice_of(event_json("charge.refunded", {**charge, "metadata": {"attempt": KEY}}), PUBLISHABLE)
        assert notice is not None
        assert notice.outcome == Refunded("pi_1", Money(5, "ISK"))

    @pytest.mark.parametrize(
        ("kind", "changes"),
        [
            ("payment_intent.created", {}),
            ("invoice.paid", {}),
            ("payment_intent.succeeded", {"metadata": {}}),
            ("payment_intent.succeeded", {"metadata": None}),
            ("payment_intent.succeeded", {"metadata": {"attempt": "somebody-elses"}}),
            ("payment_intent.succeeded", {"status": "succeeded", "amount_received": None}),
            ("charge.refunded", {"amount_refunded": 5, "payment_intent": None}),
        ],
    )
    def test_is_none_when_it_is_not_about_an_attempt_of_ours(self, kind: str, changes: dict[str, Any]) -> None:
        assert notices.notice_of(event_json(kind, intent_json(**changes)), PUBLISHABLE) is None


def refund_json(**changes: Any) -> dict[str, Any]:
    """A Refund that began at Stripe: docs.stripe.com/api/refunds/object."""
    plain = {"id": "re_1", "object": "refund", "amount": 500, "currency": "usd", "payment_intent": "pi_1"}
    return {**plain, "status": "succeeded", "reason": "requested_by_customer", "metadata": {}, **changes}


def dispute_json(**changes: Any) -> dict[str, Any]:
    """A Dispute: docs.stripe.com/api/disputes/object."""
    plain = {"id": "dp_1", "object": "dispute", "amount": 2599, "currency": "usd", "payment_intent": "pi_1"}
    return {**plain, "status": "needs_response", "reason": "fraudulent", "metadata": {}, **changes}


class TestARefund:
    @pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
    def test_that_began_at_stripe_names_the_payment_by_its_reference(self, kind: str) -> None:
        notice = notices.notice_of(event_json(kind, refund_json()), PUBLISHABLE)
        assert notice is not None
        assert notice.subject == ProviderReference("pi_1")
        succeeded = RefundStatus.SUCCEEDED
        assert notice.outcome == RefundReport("re_1", Money(500, "USD"), succeeded, "requested_by_customer")

    @pytest.mark.parametrize("name", ["attempt", "refund"])
    def test_of_ours_is_named_by_our_id(self, name: str) -> None:
        ours = {"attempt": KEY, "refund": RefundId.new(7, KEY.made_at)}[name]
        notice = notices.notice_of(event_json("refund.updated", refund_json(metadata={name: ours})), PUBLISHABLE)
        assert notice is not None
        assert notice.subject == ours

    @pytest.mark.parametrize(
        ("theirs", "status"),
        [
            ("pending", RefundStatus.PENDING),
            ("requires_action", RefundStatus.PENDING),
            ("failed", RefundStatus.FAILED),
            ("canceled", RefundStatus.CANCELLED),
        ],
    )
    def test_has_its_status_in_our_words(self, theirs: str, status: RefundStatus) -> None:
        notice = notices.notice_of(event_json("refund.updated", refund_json(status=theirs)), PUBLISHABLE)
        assert notice is not None
        assert isinstance(notice.outcome, RefundReport)
        assert notice.outcome.status is status


class TestADispute:
    @pytest.mark.parametrize("kind", ["created", "updated", "closed", "funds_withdrawn"])
    def test_names_the_payment_by_its_reference(self, kind: str) -> None:
        notice = notices.notice_of(event_json(f"charge.dispute.{kind}", dispute_json()), PUBLISHABLE)
        assert notice is not None
        assert notice.subject == ProviderReference("pi_1")
        assert notice.outcome == DisputeReport("dp_1", Money(2599, "USD"), DisputeStatus.NEEDS_RESPONSE, "fraudulent")

    @pytest.mark.parametrize("status", DisputeStatus)
    def test_has_the_status_of_the_card_network(self, status: DisputeStatus) -> None:
        event = event_json("charge.dispute.updated", dispute_json(status=status.lower()))
        notice = notices.notice_of(event, PUBLISHABLE)
        assert notice is not None
        assert isinstance(notice.outcome, DisputeReport)
        assert notice.outcome.status is status


class TestWhatMustNotBeLost:
    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"id": None}, "without an id"),
            ({"amount": None}, "without an amount"),
            ({"amount": 0}, "without an amount"),
            ({"status": "unheard_of"}, "not a valid"),
        ],
    )
    @pytest.mark.parametrize("kind", ["refund.updated", "charge.dispute.closed"])
    def test_is_refused_when_it_cannot_be_read(self, kind: str, changes: dict[str, Any], why: str) -> None:
        """The adapter refuses the webhook then, and Stripe sends it again."""
        thing = refund_json(**changes) if kind == "refund.updated" else dispute_json(**changes)
        with pytest.raises(ValueError, match=why):
            notices.notice_of(event_json(kind, thing), PUBLISHABLE)

    def test_is_not_what_has_no_payment(self) -> None:
        assert notices.notice_of(event_json("refund.created", refund_json(payment_intent=None)), PUBLISHABLE) is None


class TestAHostedPage:
    @pytest.mark.parametrize(
        ("kind", "changes", "outcome"),
        [
            ("completed", {"payment_status": "paid"}, Approved("pi_1", Money(2599, "USD"))),
            ("completed", {"payment_status": "unpaid"}, InProgress("cs_1")),
            ("async_payment_succeeded", {"payment_status": "paid"}, Approved("pi_1", Money(2599, "USD"))),
            ("async_payment_failed", {}, Declined("cs_1", "declined", mapping.NOT_CHARGED)),
            ("expired", {"status": "expired"}, Cancelled("cs_1")),
            ("expired", {"status": "expired", "payment_intent": None}, Cancelled("cs_1")),
        ],
    )
    def test_becomes_the_outcome_of_our_attempt(self, kind: str, changes: dict[str, Any], outcome: Outcome) -> None:
        session = session_json(**{"status": "complete", "payment_intent": "pi_1", **changes})
        notice = notices.notice_of(event_json(f"checkout.session.{kind}", session), PUBLISHABLE)
        assert notice is not None
        assert (notice.event, notice.subject, notice.outcome) == ("evt_1", KEY, outcome)

    @pytest.mark.parametrize(
        ("kind", "changes"),
        [
            ("checkout.session.created", {}),
            ("checkout.session.completed", {"metadata": {}}),
            ("checkout.session.completed", {"payment_status": "no_payment_required"}),
            ("checkout.session.completed", {"payment_status": "paid", "amount_total": None}),
        ],
    )
    def test_is_none_without_an_outcome(self, kind: str, changes: dict[str, Any]) -> None:
        event = event_json(kind, session_json(**{"status": "complete", **changes}))
        assert notices.notice_of(event, PUBLISHABLE) is None


class TestTheIntentOfAHostedPage:
    marked: dict[str, Any] = {"metadata": {"attempt": KEY, mapping.HOSTED_KEY: "true"}}  # noqa: RUF012 read only

    @pytest.mark.parametrize(
        ("kind", "changes"),
        [
            ("payment_failed", {"last_payment_error": DECLINE}),
            ("requires_action", {"status": "requires_action"}),
            ("processing", {"status": "processing"}),
            ("canceled", {"status": "canceled", "last_payment_error": DECLINE}),
        ],
    )
    def test_is_none_for_all_but_success(self, kind: str, changes: dict[str, Any]) -> None:
        """The buyer can try another card on the page, so a decline there is not final."""
        event = event_json(f"payment_intent.{kind}", intent_json(**changes, **self.marked))
        assert notices.notice_of(event, PUBLISHABLE) is None

    def test_has_the_same_outcome_as_its_page(self) -> None:
        paid = intent_json(status="succeeded", amount_received=2599, **self.marked)
        session = session_json(status="complete", payment_status="paid", payment_intent="pi_1")
        found = [
            notices.notice_of(event_json(kind, obj), PUBLISHABLE)
            for kind, obj in (("payment_intent.succeeded", paid), ("checkout.session.completed", session))
        ]
        assert [notice and notice.outcome for notice in found] == [Approved("pi_1", Money(2599, "USD"))] * 2

    def test_has_its_refunds(self) -> None:
        charge = {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 500, "currency": "usd", **self.marked}
        notice = notices.notice_of(event_json("charge.refunded", charge), PUBLISHABLE)
        assert notice is not None
        assert notice.outcome == Refunded("pi_1", Money(500, "USD"))
