"""The providers, each behind one driver."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.drivers import Driver, SimulatorDriver, StripeDriver, StripePageDriver
from tests.contract.fake_driver import FakeDriver
from tests.contract.simulator_server import SimulatorServer, simulator_server
from tests.contract.standins import NEEDS_LOCALSTRIPE, Inbox, inbox, localstripe, stripe_mock

__all__ = ["localstripe", "simulator_server", "stripe_mock"]


@pytest.fixture(scope="session")
async def webhook_inbox() -> AsyncIterator[Inbox]:
    """Where this session's providers send their webhooks."""
    async with inbox() as kept:
        yield kept


@pytest.fixture(scope="session")
async def stripe_driver(localstripe: str, webhook_inbox: Inbox) -> AsyncIterator[Driver]:
    """Stripe over localstripe, by its card fields."""
    driver = StripeDriver(localstripe, webhook_inbox)
    await driver.listen()
    yield driver
    await driver.aclose()


@pytest.fixture(scope="module")
async def simulator_driver(simulator_server: SimulatorServer) -> AsyncIterator[Driver]:
    """The simulator over itself."""
    driver = SimulatorDriver(simulator_server)
    yield driver
    await driver.aclose()


@pytest.fixture(scope="session")
async def stripe_page_driver(localstripe: str, webhook_inbox: Inbox) -> AsyncIterator[StripePageDriver]:
    """Stripe's hosted page over the bridge before localstripe."""
    driver = StripePageDriver(localstripe, webhook_inbox)
    await driver.listen()
    yield driver
    await driver.aclose()


@pytest.fixture(scope="module")
def fake_driver() -> Driver:
    """The fake that other tests use in a provider's place."""
    return FakeDriver()


@pytest.fixture(scope="module")
def fake_page_driver() -> Driver:
    """The fake as a provider with a page of its own on request."""
    return FakeDriver(on_its_own_page=True)


BY_FIELDS = ["fake", "simulator", pytest.param("stripe", marks=NEEDS_LOCALSTRIPE)]
BY_PAGE = ["fake_page", pytest.param("stripe_page", marks=NEEDS_LOCALSTRIPE)]


@pytest.fixture(params=[*BY_FIELDS, *BY_PAGE])
def provider_name(request: pytest.FixtureRequest) -> str:
    """Every provider in turn, and again for browsers without JavaScript where that is another way."""
    return str(request.param)


@pytest.fixture
def driver(provider_name: str, request: pytest.FixtureRequest) -> Driver:
    """Every provider's driver in turn."""
    found: Driver = request.getfixturevalue(f"{provider_name}_driver")
    return found


@pytest.fixture(params=BY_FIELDS)
def fields_driver(request: pytest.FixtureRequest) -> Driver:
    """Those where the card is entered on our page: its decline ends the attempt."""
    found: Driver = request.getfixturevalue(f"{request.param}_driver")
    return found


@pytest.fixture(params=BY_PAGE)
def page_driver(request: pytest.FixtureRequest) -> Driver:
    """Those where it is entered on a page of the provider's own: after a decline the buyer goes on there."""
    found: Driver = request.getfixturevalue(f"{request.param}_driver")
    return found
