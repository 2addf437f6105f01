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
    """The webhooks of this session's providers."""
    async with inbox() as opened:
        yield opened


@pytest.fixture(scope="session")
async def stripe_driver(localstripe: str, webhook_inbox: Inbox) -> AsyncIterator[Driver]:
    """Stripe over localstripe, with its card fields."""
    driver = StripeDriver(localstripe, webhook_inbox)
    await driver.listen()
    yield driver
    await driver.aclose()


@pytest.fixture(scope="module")
async def simulator_driver(simulator_server: SimulatorServer) -> AsyncIterator[Driver]:
    """The simulator."""
    driver = SimulatorDriver(simulator_server)
    yield driver
    await driver.aclose()


@pytest.fixture(scope="session")
async def stripe_page_driver(localstripe: str, webhook_inbox: Inbox) -> AsyncIterator[StripePageDriver]:
    """Stripe's hosted page, which the bridge adds to localstripe."""
    driver = StripePageDriver(localstripe, webhook_inbox)
    await driver.listen()
    yield driver
    await driver.aclose()


@pytest.fixture(scope="module")
def fake_driver() -> Driver:
    """The fake provider of other tests."""
    return FakeDriver()


@pytest.fixture(scope="module")
def fake_page_driver() -> Driver:
    """The fake as a provider that has a hosted page on request."""
    return FakeDriver(hosted=True)


WITH_FIELDS = ["fake", "simulator", pytest.param("stripe", marks=NEEDS_LOCALSTRIPE)]
WITH_PAGE = ["fake_page", pytest.param("stripe_page", marks=NEEDS_LOCALSTRIPE)]


@pytest.fixture(params=[*WITH_FIELDS, *WITH_PAGE])
def provider_name(request: pytest.FixtureRequest) -> str:
    """Every provider in turn, and its hosted page where browsers without JavaScript need another object."""
    return str(request.param)


@pytest.fixture
def driver(provider_name: str, request: pytest.FixtureRequest) -> Driver:
    """Every provider's driver in turn."""
    found: Driver = request.getfixturevalue(f"{provider_name}_driver")
    return found


@pytest.fixture(params=WITH_FIELDS)
def fields_driver(request: pytest.FixtureRequest) -> Driver:
    """The providers with card fields on our page: a decline ends the attempt."""
    found: Driver = request.getfixturevalue(f"{request.param}_driver")
    return found


@pytest.fixture(params=WITH_PAGE)
def page_driver(request: pytest.FixtureRequest) -> Driver:
    """The providers with a hosted page: after a decline the buyer can try another card there."""
    found: Driver = request.getfixturevalue(f"{request.param}_driver")
    return found
