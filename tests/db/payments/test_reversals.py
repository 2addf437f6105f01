"""Refunds and disputes that begin at the provider: each is a row, whatever the webhook names, and none is lost."""

from __future__ import annotations

import asyncio

import pytest

from checkie.db import Database
from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, DisputeId, RefundId
from checkie.payments import queries
from checkie.payments.model import NoSuchAttempt, NotYetSucceeded
from checkie.payments.port import (
    Approved,
    DisputeReport,
    DisputeStatus,
    ProviderReference,
    Refunded,
    RefundReport,
    RefundStatus,
)
from checkie.payments.receive import receive
from checkie.payments.reversals.model import NoSuchDispute, NoSuchRefund
from tests import make
from tests.fakes import FakeProvider
from tests.make import PRICE, START, Merchant

PART = Money(1000, "USD")
REPORT = RefundReport("re_1", PART, RefundStatus.SUCCEEDED, "requested_by_customer")
DISPUTE = DisputeReport("dp_1", PRICE, DisputeStatus.NEEDS_RESPONSE, "fraudulent")


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db)


async def paid(merchant: Merchant) -> AttemptId:
    _, paying = await merchant.paying()
    await merchant.receive_webhook(paying.attempt.id, Approved(f"ref_of_{paying.attempt.id}", PRICE))
    return paying.attempt.id


def reference(attempt: AttemptId) -> ProviderReference:
    return ProviderReference(f"ref_of_{attempt}")


async def refunds(merchant: Merchant) -> list[tuple[str | None, int, str, bool]]:
    sql = """
    select provider_reference, amount_minor, status, is_booked from payments.refund where store = $1 order by id
    """
    return [tuple(row) for row in await merchant.db.fetch(sql, merchant.store.number)]


async def disputes(merchant: Merchant) -> list[tuple[str, int, str]]:
    sql = "select provider_reference, amount_minor, status from payments.dispute where store = $1 order by id"
    return [tuple(row) for row in await merchant.db.fetch(sql, merchant.store.number)]


async def an_id(merchant: Merchant, table: str) -> object:
    return await merchant.db.fetchval(f"select id from payments.{table} where store = $1", merchant.store.number)


class TestARefund:
    async def test_in_the_total_is_booked_and_has_a_row(self, merchant: Merchant) -> None:
        attempt = await paid(merchant)
        assert await merchant.receive_webhook(attempt, Refunded("fake_1", PART))
        assert await refunds(merchant) == [(None, 1000, "SUCCEEDED", True)]
        assert (await merchant.balances())["MERCHANT"] == 1524
        refund = RefundId.of(await an_id(merchant, "refund"))  # type: ignore[arg-type]  # it is a uuid
        assert await merchant.events(refund) == ["refund.created"]

    async def test_is_booked_once_however_often_and_in_whatever_order_it_is_reported(self, merchant: Merchant) -> None:
        attempt = await paid(merchant)
        for subject, outcome in (
            (attempt, Refunded("fake_1", PART)),
            (reference(attempt), REPORT),
            (attempt, Refunded("fake_1", PART)),
            (attempt, REPORT),
        ):
            await merchant.receive_webhook(subject, outcome)
        assert await refunds(merchant) == [("re_1", 1000, "SUCCEEDED", True)]
        assert (await merchant.balances())["MERCHANT"] == 1524

    async def test_that_is_reported_alone_books_nothing_yet(self, merchant: Merchant) -> None:
        attempt = await paid(merchant)
        assert await merchant.receive_webhook(reference(attempt), REPORT)
        assert await refunds(merchant) == [("re_1", 1000, "SUCCEEDED", False)]
        assert (await merchant.balances())["MERCHANT"] == 2524

    async def test_is_named_by_our_id_once_we_have_one(self, merchant: Merchant) -> None:
        attempt = await paid(merchant)
        pending = RefundReport("re_1", PART, RefundStatus.PENDING, None)
        await merchant.receive_webhook(reference(attempt), pending)
        refund = RefundId.of(await an_id(merchant, "refund"))  # type: ignore[arg-type]  # it is a uuid
        assert await merchant.receive_webhook(refund, REPORT)
        assert await refunds(merchant) == [("re_1", 1000, "SUCCEEDED", False)]
        assert await merchant.events(refund) == ["refund.created", "refund.succeeded"]

    async def test_reported_twice_concurrently_is_one_row(self, merchant: Merchant) -> None:
        attempt = await paid(merchant)
        await asyncio.gather(
            merchant.receive_webhook(attempt, Refunded("fake_1", PART)),
            *(merchant.receive_webhook(reference(attempt), REPORT) for _ in range(4)),
            merchant.receive_webhook(attempt, Refunded("fake_1", PART)),
        )
        assert await refunds(merchant) == [("re_1", 1000, "SUCCEEDED", True)]
        assert (await merchant.balances())["MERCHANT"] == 1524


class TestADispute:
    async def test_is_kept_and_published_and_books_nothing(self, merchant: Merchant) -> None:
        attempt = await paid(merchant)
        before = await merchant.balances()
        assert await merchant.receive_webhook(reference(attempt), DISPUTE)
        assert await disputes(merchant) == [("dp_1", 2599, "NEEDS_RESPONSE")]
        dispute = DisputeId.of(await an_id(merchant, "dispute"))  # type: ignore[arg-type]  # it is a uuid
        assert await merchant.events(dispute) == ["dispute.created"]
        assert await merchant.balances() == before

    async def test_follows_the_provider(self, merchant: Merchant) -> None:
        attempt = await paid(merchant)
        await merchant.receive_webhook(reference(attempt), DISPUTE)
        dispute = DisputeId.of(await an_id(merchant, "dispute"))  # type: ignore[arg-type]  # it is a uuid
        lost = DisputeReport("dp_1", PRICE, DisputeStatus.LOST, "fraudulent")
        assert await merchant.receive_webhook(dispute, lost)
        assert not await merchant.receive_webhook(reference(attempt), DISPUTE)  # out of date
        assert await disputes(merchant) == [("dp_1", 2599, "LOST")]
        assert await merchant.events(dispute) == ["dispute.created", "dispute.closed"]


class TestAnEarlyReport:
    @pytest.mark.parametrize("outcome", [REPORT, DISPUTE], ids=["refund", "dispute"])
    async def test_about_an_unpaid_attempt_is_refused_for_now(
        self, merchant: Merchant, outcome: RefundReport | DisputeReport
    ) -> None:
        _, paying = await merchant.paying()
        with pytest.raises(NotYetSucceeded):
            await merchant.receive_webhook(paying.attempt.id, outcome)
        with pytest.raises(NoSuchAttempt):
            await merchant.receive_webhook(ProviderReference("unknown"), outcome)

    async def test_about_something_unknown_is_refused_for_now(self, merchant: Merchant) -> None:
        number = merchant.store.number
        with pytest.raises(NoSuchRefund):
            await merchant.receive_webhook(RefundId.new(number, START), REPORT)
        with pytest.raises(NoSuchDispute):
            await merchant.receive_webhook(DisputeId.new(number, START), DISPUTE)

    async def test_at_another_provider_is_refused(self, merchant: Merchant) -> None:
        """The same reference, but another provider's."""
        attempt = await paid(merchant)
        stranger = FakeProvider(name="stranger")
        body, headers = stranger.webhook(reference(attempt), START, DISPUTE)
        with pytest.raises(NoSuchAttempt):
            await receive(merchant.db, stranger, "stranger", body, headers, START)
        assert await disputes(merchant) == []


async def test_the_doctor_finds_refunds_that_do_not_add_up(merchant: Merchant) -> None:
    attempt = await paid(merchant)
    await merchant.receive_webhook(attempt, Refunded("fake_1", PART))
    off = f"store {merchant.store.number}, attempt {attempt.uuid}"
    assert not [found for found in (await queries.check(merchant.db))["refunds_add_up"] if found.startswith(off)]
    await merchant.db.execute("update payments.refund set is_booked = false where store = $1", merchant.store.number)
    assert [found for found in (await queries.check(merchant.db))["refunds_add_up"] if found.startswith(off)]
