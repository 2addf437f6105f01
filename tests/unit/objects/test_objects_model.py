"""Objects: their shapes, and the JSON of an event."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from checkie.customers import Customer
from checkie.kernel import Money
from checkie.kernel.ids import CustomerId, EventId, OrderId, StoreId
from checkie.objects import API_VERSION, RENDERERS, Envelope, model
from checkie.orders import OrderStatus
from checkie.orders import queries as orders
from checkie.outbox import Event
from checkie.payments import PaymentStatus
from checkie.payments.queries import Details
from tests import make
from tests.make import PRICE, START, STORE

CUSTOMER = Customer(CustomerId.new(STORE, START), "buyer@shop.example", START)
ORDER = orders.Details(
    id=OrderId.new(STORE, START),
    customer=CUSTOMER.id,
    email="buyer@shop.example",
    status=OrderStatus.PENDING,
    quote=make.quote().as_json(),
    total=PRICE,
)


def render(**different: object) -> model.PaymentObject:
    details = Details(make.payment(**different), make.attempt(), START, None)
    return model.payment_object(details, ORDER, CUSTOMER, None)


def public_events() -> set[str]:
    def below(kind: type[Event]) -> list[type[Event]]:
        return [kind, *(found for child in kind.__subclasses__() for found in below(child))]

    return {kind.name for kind in below(Event) if "name" in vars(kind) and kind.public}


def test_every_public_event_is_rendered() -> None:
    assert public_events() <= {kind.name for kind in RENDERERS}


class TestAPayment:
    @pytest.mark.parametrize("status", PaymentStatus)
    def test_has_a_fee_once_it_is_booked(self, status: PaymentStatus) -> None:
        rendered = render(status=status)
        is_booked = status in {"SUCCEEDED", "PARTIALLY_REFUNDED", "REFUNDED"}
        assert rendered["fee"] == ({"amount": 75, "currency": "USD"} if is_booked else None)
        assert rendered["net"] == ({"amount": 2524, "currency": "USD"} if is_booked else None)

    def test_may_have_no_page_and_no_card(self) -> None:
        assert render()["page"] is None
        assert render()["attempt"]["card"] is None

    def test_has_its_failure(self) -> None:
        rendered = render(failure_code="card_declined", failure_message="No.", failures=1)
        assert rendered["failure"] == {"code": "card_declined", "message": "No."}
        assert rendered["attempts_left"] == 2

    def test_says_what_was_refunded(self) -> None:
        assert render(refunded_minor=99)["refunded"] == {"amount": 99, "currency": "USD"}

    def test_keeps_the_minor_units_of_its_currency(self) -> None:
        yen = Money(500, "JPY")
        order = dataclasses.replace(ORDER, quote=make.quote(unit=yen, min=yen, max=yen).as_json(), total=yen)
        details = Details(make.payment(amount=yen), make.attempt(amount=yen), START, None)
        rendered = model.payment_object(details, order, CUSTOMER, None)
        assert rendered["amount"] == rendered["order"]["total"] == {"amount": 500, "currency": "JPY"}


def test_an_instant_is_utc_to_the_millisecond() -> None:
    at = datetime(2026, 3, 1, 13, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))
    assert model.instant(at) == model.instant(at.astimezone(UTC)) == "2026-03-01T12:00:00.123Z"


def test_a_body_is_ascii_json() -> None:
    envelope: Envelope = {
        "id": EventId.new(STORE, START),
        "type": "customer.created",
        "timestamp": model.instant(START),
        "livemode": True,
        "api_version": API_VERSION,
        "store": StoreId.new(STORE, START),
        "data": {"email": "Zoë\0\ud800@shop.example"},
    }
    text = model.encode(envelope)
    assert text.isascii()
    assert '"data":{"email":"Zo\\u00eb\\u0000\\ud800@shop.example"}' in text
    assert json.loads(text) == envelope
