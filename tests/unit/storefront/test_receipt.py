"""Receipts and their links."""

from __future__ import annotations

import pytest

from checkie.checkout import SessionStatus, Status
from checkie.kernel import Keyring, Money
from checkie.kernel.ids import OrderId, PaymentId
from checkie.payments import AttemptStatus, PaymentStatus
from checkie.storefront.pages import receipt_page
from checkie.storefront.receipt import Receipt, masked, receipt_path
from checkie.stores import Store, StoreMode
from checkie.ui import Reader
from tests import make
from tests.make import KEYRING, START, STORE

STORE_OF_PAGE = Store(
    number=STORE,
    id="sto_x",  # type: ignore[arg-type]  # any text will do: it is not shown
    mode=StoreMode.TEST,
    twin=None,
    slug="demo",
    name="Demo store",
    currency="USD",
    locale="en",
    fee_bps=290,
    support_email="help@demo.example",
)


def paid(**payment: object) -> Status:
    session = make.session(
        status=SessionStatus.COMPLETED, payment=PaymentId.new(STORE, START), order=OrderId.new(STORE, START)
    )
    attempt = make.attempt(
        status=AttemptStatus.SUCCEEDED, is_applied=True, facts={"brand": "visa", "last4": "4242", "other": "internal"}
    )
    return Status(session, make.payment(status=PaymentStatus.SUCCEEDED, **payment), attempt)


def page_of(status: Status) -> str:
    return receipt_page(STORE_OF_PAGE, Receipt.of(status), Reader("en", "en")).fill(()).decode()


def test_a_receipt_shows_what_a_receipt_shows() -> None:
    status = paid()
    page = page_of(status)
    for shown in ("Demo store", "Field notes", "$25.99", "March 1, 2026", "Visa ···· 4242", "b•••@shop.example"):
        assert shown in page, shown
    assert str(status.session.order) in page
    assert str(status.session.payment) in page


def test_a_receipt_shows_nothing_of_the_buyer_or_the_session() -> None:
    status = paid()
    page = page_of(status)
    for hidden in (status.session.email, status.session.id, "secret", "<form", "data-stage", "internal"):
        assert str(hidden) not in page, hidden


def test_a_receipt_is_not_indexed() -> None:
    assert '<meta name="robots" content="noindex">' in page_of(paid())


def test_a_receipt_shows_refunds() -> None:
    assert Receipt.of(paid()).refunded is None
    assert Receipt.of(paid(refunded_minor=500)).refunded == Money(500, "USD")
    assert "$5.00 refunded" in page_of(paid(refunded_minor=500))


def test_an_attempt_that_did_not_pay_shows_no_card() -> None:
    status = paid()
    assert Receipt.of(Status(status.session, status.payment, make.attempt(facts={"last4": "9995"}))).card is None


@pytest.mark.parametrize(
    ("email", "shown"),
    [("ada@example.com", "a•••@example.com"), ("a@b.example", "a•••@b.example"), ("", ""), ("nobody", "")],
)
def test_an_email_address_is_masked(email: str, shown: str) -> None:
    assert masked(email) == shown


def test_a_link_lasts_over_a_rotation_of_keys() -> None:
    session = make.session()
    token = receipt_path(KEYRING, session).removeprefix("/receipts/")
    rotated = Keyring("k2", {"k2": b"n" * 32, **KEYRING.keys})
    assert rotated.verify(token, "receipt") == session.id
    assert receipt_path(rotated, session) != receipt_path(KEYRING, session)
