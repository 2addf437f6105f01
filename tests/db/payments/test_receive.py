"""A provider's webhook: verified, applied once, in one transaction from the inbox to the ledger and the events."""

from __future__ import annotations

import asyncio
import json

import pytest

from checkie.db import Database
from checkie.kernel.ids import AttemptId
from checkie.payments.model import NoSuchAttempt
from checkie.payments.port import Approved, BadSignature, Declined
from checkie.payments.receive import receive
from tests import make
from tests.fakes import FakeProvider
from tests.make import PRICE, START, Merchant


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db)


class TestReceive:
    async def test_refuses_a_bad_signature_and_writes_nothing(self, merchant: Merchant) -> None:
        _, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        body, headers = FakeProvider(secret="another").webhook(paying.attempt.id, START, Approved("fake_1", PRICE))
        with pytest.raises(BadSignature):
            await receive(merchant.db, merchant.fake, "fake", body, headers, START)
        assert await merchant.balances() == {}

    async def test_refuses_one_that_is_old(self, merchant: Merchant) -> None:
        _, paying = await merchant.paying()
        body, headers = merchant.fake.webhook(paying.attempt.id, START, Approved("fake_1", PRICE))
        merchant.clock.tick(seconds=301)
        with pytest.raises(BadSignature):
            await receive(merchant.db, merchant.fake, "fake", body, headers, merchant.clock())

    @pytest.mark.parametrize("event", ["e\0", "e\ud800", "e" * 256], ids=["NUL", "lone surrogate", "endless"])
    async def test_refuses_an_event_id_that_no_row_can_hold(self, merchant: Merchant, event: str) -> None:
        _, paying = await merchant.paying()
        body, _ = merchant.fake.webhook(paying.attempt.id, START, Approved("fake_1", PRICE))
        odd = json.dumps({**json.loads(body), "id": event}).encode()
        headers = merchant.fake.sign(odd, int(START.timestamp()))
        with pytest.raises(BadSignature):
            await receive(merchant.db, merchant.fake, "fake", odd, headers, START)
        assert await merchant.balances() == {}

    async def test_of_something_else_changes_nothing(self, merchant: Merchant) -> None:
        body = json.dumps({"id": "sev_1", "type": "attempt.succeeded", "data": {"key": "order-17"}}).encode()
        headers = merchant.fake.sign(body, int(START.timestamp()))
        assert not await receive(merchant.db, merchant.fake, "fake", body, headers, START)

    async def test_of_an_unknown_attempt_is_refused_for_now(self, merchant: Merchant) -> None:
        with pytest.raises(NoSuchAttempt):
            await merchant.receive_webhook(AttemptId.new(merchant.store.number, START), Approved("fake_1", PRICE))

    async def test_of_an_attempt_at_another_provider_is_refused(self, merchant: Merchant) -> None:
        _, paying = await merchant.paying()
        stranger = FakeProvider(name="stranger")
        body, headers = stranger.webhook(paying.attempt.id, START, Approved("fake_1", PRICE))
        with pytest.raises(NoSuchAttempt):
            await receive(merchant.db, stranger, "stranger", body, headers, START)
        assert await merchant.balances() == {}

    async def test_that_fails_half_way_is_repeated(self, merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
        _, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)

        async def crash(*_: object) -> None:
            raise ConnectionError("the process dies here")

        with monkeypatch.context() as patched:
            patched.setattr("checkie.ledger.post", crash)
            with pytest.raises(ConnectionError):
                await merchant.receive_webhook(paying.attempt.id, event="sev_1")
        assert await merchant.receive_webhook(paying.attempt.id, event="sev_1")
        assert (await merchant.balances())["MERCHANT"] == 2524

    async def test_decides_again_when_the_attempt_changes_concurrently(self, merchant: Merchant) -> None:
        """The reference is recorded just as a decline arrives that has none: it is not lost."""
        _, paying = await merchant.paying()
        named = "update payments.attempt set version = version + 1, provider_reference = 'just_set' where store = $1"
        async with merchant.db.transaction() as other:
            await other.execute(named, merchant.store.number)
            applied = asyncio.create_task(
                merchant.receive_webhook(paying.attempt.id, Declined(None, "card_declined", "No."))
            )
            await asyncio.sleep(0.1)
        assert await applied
        sql = "select status, provider_reference from payments.attempt where store = $1"
        row = await merchant.db.fetchrow(sql, merchant.store.number)
        assert row is not None
        assert tuple(row) == ("FAILED", "just_set")

    async def test_keeps_what_may_be_shown_and_no_more(self, merchant: Merchant) -> None:
        _, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        sql = "select provider_response, provider_reference from payments.attempt where store = $1"
        row = await merchant.db.fetchrow(sql, merchant.store.number)
        assert row is not None
        assert tuple(row) == ({"brand": "visa", "last4": "4242"}, paying.outcome.reference)  # type: ignore[union-attr]  # it is an ActionNeeded

    async def test_costs_few_statements(self, merchant: Merchant) -> None:
        """Read, and write; a store's first sale opens its accounts, and its second reads them for all that follow."""
        for wanted in (3, 3, 2):
            _, paying = await merchant.paying()
            merchant.fake.confirm(paying.attempt.id)
            before = make.statements()
            await merchant.receive_webhook(paying.attempt.id)
            assert make.statements() - before == wanted
