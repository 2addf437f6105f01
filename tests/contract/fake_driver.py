"""The fake provider of other tests with a driver, so that the contract applies to it too."""

from __future__ import annotations

from collections.abc import Callable

from checkie.kernel.ids import AttemptId
from checkie.payments.port import ActionNeeded
from tests.contract import drivers
from tests.contract.drivers import CardProvider
from tests.contract.standins import Delivery
from tests.fakes import HEADER, FakeProvider, Pages


class FakeInbox:
    """The fake's webhooks, signed when they are read."""

    def __init__(self, fake: FakeProvider) -> None:
        self.fake = fake

    async def wait_for(self, matches: Callable[[Delivery], bool]) -> Delivery:
        """The first delivery that matches."""
        sent = (Delivery(self.fake.sign(body, 1_770_000_000), body) for _, body in self.fake.sent)
        return next(filter(matches, sent))


class FakeDriver:
    """The fake. The buyer's actions are calls of its methods."""

    signature_header = HEADER
    foreign_event = b'{"id": "e", "type": "attempt.succeeded", "data": {"key": "order-17"}}'

    def __init__(self, *, hosted: bool = False) -> None:
        pages: Pages = "on request" if hosted else "always"
        self.fake = FakeProvider(secret=drivers.WEBHOOK_SECRET, pages=pages)
        self.provider: CardProvider = drivers.Hosted(self.fake) if hosted else self.fake
        self.inbox = FakeInbox(self.fake)

    async def confirm(self, needed: ActionNeeded, card: str) -> None:
        """The buyer submits this card."""
        self.fake.confirm(self._key(needed), card)

    async def authenticate(self, needed: ActionNeeded, *, passes: bool) -> None:
        """The buyer completes or fails 3-D Secure."""
        self.fake.authenticate(self._key(needed), passes=passes)

    def pointing_at(self, _url: str) -> CardProvider:
        """One that never gets a response."""
        return FakeProvider(unreachable=True)

    def _key(self, needed: ActionNeeded) -> AttemptId:
        return next(attempt.key for attempt in self.fake.attempts.values() if attempt.reference == needed.reference)
