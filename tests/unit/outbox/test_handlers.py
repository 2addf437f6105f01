"""An event that was written by an earlier release is read as one of this release."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from checkie.kernel.ids import EventId, PaymentId
from checkie.outbox import Event, Recorded
from checkie.outbox.event import NewerEvent
from tests.make import START, STORE


def _cents(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**body, "amount": body["dollars"] * 100}


def _with_currency(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**body, "currency": "USD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold(Event):
    """Its third version: first in dollars, then in cents, then with a currency; `note` was only added."""

    name: ClassVar[str] = "thing.sold"
    version: ClassVar[int] = 3
    upcasters: ClassVar[Mapping[int, Callable[[Mapping[str, Any]], Mapping[str, Any]]]] = {1: _cents, 2: _with_currency}
    amount: int
    currency: str
    note: str = ""


def recorded(version: int, body: Mapping[str, Any]) -> Recorded:
    ids = EventId.new(STORE, START).uuid, PaymentId.new(STORE, START).uuid
    return Recorded(STORE, *ids, 1, Sold.name, version, body, START, 0)


@pytest.mark.parametrize(
    ("version", "body"),
    [
        (1, {"dollars": 25}),
        (2, {"amount": 2500}),
        (3, {"amount": 2500, "currency": "USD"}),
        (3, {"amount": 2500, "currency": "USD", "note": "", "unknown": "left out"}),
    ],
)
def test_a_body_of_any_version_becomes_one_of_the_present(version: int, body: Mapping[str, Any]) -> None:
    assert recorded(version, body).load(Sold) == Sold(amount=2500, currency="USD")


def test_a_version_of_a_later_release_is_not_guessed_at() -> None:
    with pytest.raises(NewerEvent, match=r"thing\.sold is of version 4; this release knows 3"):
        recorded(4, {"amount": 2500, "currency": "USD"}).load(Sold)
