"""The providers, each behind one driver."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.drivers import Driver, SimulatorDriver, StripeDriver
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
    """Stripe over localstripe."""
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


@pytest.fixture(scope="module")
def fake_driver() -> Driver:
    """The fake that other tests use in a provider's place."""
    return FakeDriver()


@pytest.fixture(params=["fake", "simulator", pytest.param("stripe", marks=NEEDS_LOCALSTRIPE)])
def provider_name(request: pytest.FixtureRequest) -> str:
    """Every provider in turn."""
    return str(request.param)


@pytest.fixture
def driver(provider_name: str, request: pytest.FixtureRequest) -> Driver:
    """Every provider's driver in turn."""
    found: Driver = request.getfixturevalue(f"{provider_name}_driver")
    return found
