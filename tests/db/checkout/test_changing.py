"""Changing an open session: who buys, how many, for how much."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from checkie import catalog, checkout
from checkie.catalog import Pricing
from checkie.checkout import Session, SessionStatus
from checkie.checkout.model import AlreadyPaid, PaymentInProgress, SessionOver, VersionMismatch
from checkie.checkout.quote import QuantityOutOfRange
from checkie.customers import InvalidEmail
from checkie.db import Database
from checkie.kernel import Money
from checkie.kernel.ids import SessionId
from checkie.web import Visitor
from tests import make
from tests.fakes import ASKS, DECLINED, GOOD
from tests.make import PRICE, Merchant


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db)


class TestChange:
    async def test_updates_the_quote_and_increments_the_version(self, merchant: Merchant) -> None:
        opened = await merchant.open(email=None)
        changed = await merchant.change(opened, email="a@b.example", quantity=3)
        assert (changed.email, changed.quote.total, changed.version) == ("a@b.example", PRICE * 3, 2)
        assert await checkout.get_session(merchant.db, changed.id, opened.client_secret) == changed

    async def test_of_nothing_changes_nothing(self, merchant: Merchant) -> None:
        opened = await merchant.open(email=None)
        assert (await merchant.change(opened)).version == 1
        assert (await merchant.change(opened, quantity=1)).version == 1

    async def test_is_all_or_nothing(self, merchant: Merchant) -> None:
        opened = await merchant.open(email=None)
        with pytest.raises(QuantityOutOfRange):
            await merchant.change(opened, email="a@b.example", quantity=1000)
        with pytest.raises(InvalidEmail):
            await merchant.change(opened, email="nobody", quantity=2)
        session = (await merchant.status(opened)).session
        assert (session.email, session.quote.quantity, session.version) == (None, 1, 1)

    async def test_lets_the_buyer_choose_the_amount_where_the_page_does(self, db: Database) -> None:
        merchant = await make.merchant(
            db, pricing=Pricing.PAY_WHAT_YOU_WANT, min=Money(100, "USD"), max=Money(50_000, "USD")
        )
        opened = await merchant.open()
        assert (await merchant.change(opened, amount_minor=700, quantity=2)).quote.total == Money(1400, "USD")

    async def test_of_the_page_does_not_touch_the_quote(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        sql = "update catalog.page set price_minor = 99, min_minor = 99, max_minor = 99, title = 'New' where store = $1"
        await merchant.db.execute(sql, merchant.store.number)
        paying = await merchant.pay(opened)
        assert paying.attempt.amount == PRICE
        assert (await catalog.get_page(merchant.db, merchant.page.id)).price == Money(99, "USD")


class TestVersions:
    async def test_of_two_changes_one_wins(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        version = (await merchant.status(opened)).session.version
        ends = await asyncio.gather(
            *(merchant.change(opened, quantity=number, if_version=version) for number in (2, 3)), return_exceptions=True
        )
        refused = [end for end in ends if isinstance(end, VersionMismatch)]
        won = [end for end in ends if isinstance(end, Session)]
        assert (len(refused), len(won)) == (1, 1)
        assert await checkout.get_session(merchant.db, won[0].id, opened.client_secret) == won[0]

    async def test_without_them_all_changes_are_applied(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        emails = [f"new-{number}@shop.example" for number in range(4)]
        changes = [merchant.change(opened, email=email) for email in emails]
        await asyncio.gather(merchant.change(opened, quantity=4), *changes)
        session = (await merchant.status(opened)).session
        assert session.quote.quantity == 4
        assert session.email in emails

    async def test_that_are_old_are_refused(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        with pytest.raises(VersionMismatch):
            await merchant.change(opened, quantity=2, if_version=1)

    async def test_that_match_are_accepted_while_a_payment_is_pending(self, merchant: Merchant) -> None:
        opened, _ = await merchant.paying()
        version = (await merchant.status(opened)).session.version
        changed = await merchant.change(opened, quantity=2, if_version=version)
        assert changed.quote.quantity == 2


class TestWhileAPaymentIsPending:
    async def test_it_is_cancelled_first(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        await merchant.change(opened, quantity=2)
        assert ("cancel", paying.attempt.id) in merchant.fake.calls
        assert await merchant.attempts(opened) == ["CANCELLED"]
        merchant.fake.confirm(paying.attempt.id, GOOD)
        again = await merchant.pay(opened)
        await merchant.drain()
        assert (again.attempt.number, again.attempt.amount) == (2, PRICE * 2)
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]
        assert (await merchant.status(opened)).session.status is SessionStatus.PROCESSING

    async def test_the_order_says_what_is_bought_now(self, merchant: Merchant) -> None:
        opened, _ = await merchant.paying()
        await merchant.change(opened, quantity=2, email="other@shop.example")
        paying = await merchant.pay(opened)
        merchant.fake.confirm(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        sql = 'select total_minor, email, status from orders."order" where store = $1'
        rows = [tuple(row) for row in await merchant.db.fetch(sql, merchant.store.number)]
        assert rows == [(5198, "other@shop.example", "COMPLETED")]
        assert await merchant.balances() == {"CLEARING": -5198, "MERCHANT": 5047, "FEES": 151}

    async def test_cancelling_does_not_count_as_a_failure(self, merchant: Merchant) -> None:
        opened, _ = await merchant.paying()
        for quantity in (2, 3, 4, 5):
            await merchant.change(opened, quantity=quantity)
            await merchant.pay(opened)
        assert (await merchant.status(opened)).attempts_left == 3

    async def test_a_change_that_is_too_late_completes_the_session(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, GOOD)
        with pytest.raises(PaymentInProgress):
            await merchant.change(opened, quantity=2)
        await merchant.drain()
        assert (await merchant.status(opened)).session.status is SessionStatus.COMPLETED
        assert await merchant.balances() == {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}
        with pytest.raises(AlreadyPaid):
            await merchant.change(opened, quantity=2)

    async def test_an_uncertain_cancellation_changes_nothing(self, merchant: Merchant) -> None:
        opened, _ = await merchant.paying()
        merchant.fake.unreachable = True
        with pytest.raises(PaymentInProgress):
            await merchant.change(opened, quantity=2)
        assert (await merchant.status(opened)).session.quote.quantity == 1

    @pytest.mark.parametrize(
        ("refused", "refusal"),
        [
            ({"quantity": 1000}, QuantityOutOfRange),
            ({"email": "nobody"}, InvalidEmail),
            ({"quantity": 2, "if_version": 1}, VersionMismatch),
        ],
        ids=["quantity", "email", "version"],
    )
    async def test_a_refused_change_does_not_cancel_it(
        self, merchant: Merchant, refused: dict[str, int], refusal: type
    ) -> None:
        """The buyer may be completing 3-D Secure in another tab."""
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, ASKS)
        with pytest.raises(refusal):
            await merchant.change(opened, **refused)
        assert ("cancel", paying.attempt.id) not in merchant.fake.calls

    async def test_a_change_of_nothing_does_not_cancel_it(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        await merchant.change(opened, quantity=1, email="buyer@shop.example")
        assert ("cancel", paying.attempt.id) not in merchant.fake.calls

    async def test_the_buyer_may_cancel_it(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        session = await merchant.change(opened, reopens=True)
        assert (session.status, session.quote.total) == (SessionStatus.OPEN, PRICE)
        assert await merchant.attempts(opened) == ["CANCELLED"]
        merchant.fake.confirm(paying.attempt.id, GOOD)
        assert (await merchant.pay(opened)).attempt.number == 2

    async def test_cancelling_again_changes_nothing(self, merchant: Merchant) -> None:
        opened, _ = await merchant.paying()
        session = await merchant.change(opened, reopens=True)
        assert await merchant.change(opened, reopens=True) == session

    async def test_a_refused_field_does_not_cancel_it_even_with_reopens(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        with pytest.raises(InvalidEmail):
            await merchant.change(opened, email="nobody", reopens=True)
        assert ("cancel", paying.attempt.id) not in merchant.fake.calls


class TestAfterTheEnd:
    async def test_an_expired_session_cannot_be_changed(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.clock.tick(days=1)
        with pytest.raises(SessionOver):
            await merchant.change(opened, quantity=2)

    async def test_one_that_was_declined_can(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, DECLINED)
        await merchant.receive_webhook(paying.attempt.id)
        assert (await merchant.change(opened, quantity=2)).status is SessionStatus.OPEN


class TestBadInput:
    async def test_a_session_id_of_an_impossible_store_is_not_found(self, merchant: Merchant) -> None:
        with pytest.raises((ValueError, checkout.NoSuchSession)) as refused:
            await checkout.get_session(merchant.db, SessionId.parse(SessionId.new(2**32 - 1, make.START)), "")
        assert not isinstance(refused.value, asyncpg.PostgresError | asyncpg.InterfaceError)

    async def test_a_visitor_may_send_any_text(self, merchant: Merchant) -> None:
        nasty = "\0\ud800\n'\"</script>"
        visitor = Visitor("::1", nasty, nasty, {nasty: nasty})
        await checkout.open_session(
            merchant.db, merchant.store, merchant.page, visitor, public_url="http://shop.example", now=merchant.clock()
        )
