"""The fake provider of our own tests, behind the contract's driver: what keeps it honest."""

from __future__ import annotations

from collections.abc import Callable

from checkie.kernel.ids import AttemptId
from checkie.payments.port import ActionNeeded
from tests.contract import drivers
from tests.contract.drivers import CardProvider
from tests.contract.standins import Delivery
from tests.fakes import HEADER, FakeProvider, Pages


class FakeInbox:
    """The fake's webhooks, signed as they are looked at."""

    def __init__(self, fake: FakeProvider) -> None:
        self.fake = fake

    async def wait_for(self, fits: Callable[[Delivery], bool]) -> Delivery:
        """The first that fits."""
        sent = (Delivery(self.fake.sign(body, 1_770_000_000), body) for _, body in self.fake.sent)
        return next(filter(fits, sent))


class FakeDriver:
    """The fake; the buyer's acts are calls of it."""

    signature_header = HEADER
    foreign_event = b'{"id": "e", "type": "attempt.succeeded", "data": {"key": "order-17"}}'

    def __init__(self, *, on_its_own_page: bool = False) -> None:
        pages: Pages = "on request" if on_its_own_page else "always"
        self.fake = FakeProvider(secret=drivers.WEBHOOK_SECRET, pages=pages)
        self.provider: CardProvider = drivers.OnItsOwnPage(self.fake) if on_its_own_page else self.fake
        self.inbox = FakeInbox(self.fake)

    async def confirm(self, needed: ActionNeeded, card: str) -> None:
        """The buyer enters this card and presses pay."""
        self.fake.confirm(self._key(needed), card)

    async def authenticate(self, needed: ActionNeeded, *, passes: bool) -> None:
        """The buyer answers 3-D Secure."""
        self.fake.authenticate(self._key(needed), passes=passes)

    def elsewhere(self, _url: str) -> CardProvider:
        """One that hears nothing, wherever it looks."""
        return FakeProvider(silent=True)

    def _key(self, needed: ActionNeeded) -> AttemptId:
        return next(twin.key for twin in self.fake.twins.values() if twin.reference == needed.reference)
