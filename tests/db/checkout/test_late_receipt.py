"""The receipt of an attempt that succeeds after its buyer has changed the session."""

from __future__ import annotations

import pytest

from checkie.db import Database
from checkie.payments.port import Approved
from checkie.storefront.receipt import Receipt, read_receipt, receipt_path
from tests import make
from tests.fakes import DECLINED
from tests.make import KEYRING, PRICE, Merchant


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db, quantity_max=5)


async def test_a_receipt_shows_what_was_paid_though_the_session_was_changed_since(merchant: Merchant) -> None:
    """The card was declined, the buyer changed the quantity here, and paid the old amount in another tab."""
    opened, paying = await merchant.paying()
    merchant.fake.confirm(paying.attempt.id, DECLINED)
    await merchant.receive_webhook(paying.attempt.id)
    await merchant.drain()
    await merchant.change(opened, quantity=2)
    await merchant.receive_webhook(paying.attempt.id, Approved("fake_1", PRICE))
    await merchant.drain()
    status = await merchant.status(opened)
    assert status.session.status == "COMPLETED"
    assert Receipt.of(status).quote.total == PRICE
    token = receipt_path(KEYRING, status.session).rpartition("/")[2]
    _, receipt = await read_receipt(make.services(merchant.db, merchant.clock), token)
    assert (receipt.quote.total, receipt.quote.quantity) == (PRICE, 1)
