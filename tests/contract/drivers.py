"""What differs between providers in the contract: the calls of the buyer's browser, and the adapter's construction."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import httpx

from checkie.kernel.ids import AttemptId
from checkie.payments import port
from checkie.payments.port import ActionNeeded, Intent, Notice, Outcome
from checkie.providers.simulator import Simulator
from checkie.providers.stripe import Stripe
from tests.contract.simulator_server import SimulatorServer
from tests.contract.standins import Delivery, Inbox

GOOD: Final = "4242424242424242"
DECLINED: Final = "4000000000000341"
REQUIRES_3DS: Final = "4000002760003184"
"""Requires 3-D Secure, then succeeds. The three numbers have the same result at both providers."""

SECRET_KEY: Final = "sk_test_contract"
WEBHOOK_SECRET: Final = "whsec_contract"
PUBLISHABLE_KEY: Final = "pk_test_contract"
SHORT_TIMEOUT_S: Final = 0.4
"""The time-out of an adapter that calls a bad server."""


class Webhooks(Protocol):
    """The webhooks of a provider."""

    async def wait_for(self, matches: Callable[[Delivery], bool]) -> Delivery:
        """The first delivery that matches."""
        ...


class CardProvider(port.Cards, port.Webhooks, port.Provider, Protocol):
    """What the suite needs of a provider."""

    name: str


class Driver(Protocol):
    """One provider, its adapter, and the buyer's browser."""

    provider: CardProvider
    signature_header: str
    foreign_event: bytes
    """An event that is not about an attempt of ours."""

    @property
    def inbox(self) -> Webhooks:
        """Its webhooks."""
        ...

    async def confirm(self, needed: ActionNeeded, card: str) -> None:
        """The buyer submits this card."""
        ...

    async def authenticate(self, needed: ActionNeeded, *, passes: bool) -> None:
        """The buyer completes or fails 3-D Secure."""
        ...

    def pointing_at(self, url: str) -> CardProvider:
        """The same adapter for another server, with a short time-out."""
        ...


def sign(body: bytes, at_s: int) -> str:
    """A signature header for `body`. Both providers use the same scheme."""
    digest = hmac.new(WEBHOOK_SECRET.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


class StripeDriver:
    """Stripe over localstripe, with the calls of Stripe.js."""

    signature_header = "stripe-signature"
    foreign_event = b'{"id": "evt_1", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}'

    def __init__(self, localstripe: str, inbox: Inbox) -> None:
        self.provider: CardProvider = Stripe(SECRET_KEY, WEBHOOK_SECRET, PUBLISHABLE_KEY, api_base=localstripe)
        self.inbox = inbox
        self._browser = httpx.AsyncClient(base_url=localstripe)

    async def listen(self) -> None:
        hook = {"url": self.inbox.url, "secret": WEBHOOK_SECRET}
        (await self._browser.post("/_config/webhooks/contract", json=hook)).raise_for_status()

    async def confirm(self, needed: ActionNeeded, card: str) -> None:
        details = {"number": card, "exp_month": "12", "exp_year": "2034", "cvc": "123"}
        await self._post(needed, "confirm", {"payment_method_data": {"type": "card", "card": details}})

    async def authenticate(self, needed: ActionNeeded, *, passes: bool) -> None:
        await self._post(needed, f"_authenticate?success={json.dumps(passes)}", {})

    def pointing_at(self, url: str) -> CardProvider:
        return Stripe(SECRET_KEY, WEBHOOK_SECRET, PUBLISHABLE_KEY, api_base=url, timeout_s=SHORT_TIMEOUT_S)

    async def aclose(self) -> None:
        await self.provider.aclose()
        await self._browser.aclose()

    async def _post(self, needed: ActionNeeded, call: str, body: dict[str, Any]) -> None:
        form = {"key": needed.publishable_key, "client_secret": needed.client_secret, **body}
        await self._browser.post(f"/v1/payment_intents/{needed.reference}/{call}", json=form)


class Hosted:
    """The same provider for browsers without JavaScript: every intent is `hosted`."""

    def __init__(self, provider: CardProvider) -> None:
        self.name = provider.name
        self._provider = provider

    def __repr__(self) -> str:
        return repr(self._provider)

    async def authorize(self, intent: Intent) -> Outcome:
        return await self._provider.authorize(replace(intent, hosted=True))

    async def find(self, key: AttemptId, reference: str | None) -> Outcome:
        return await self._provider.find(key, reference)

    async def cancel(self, key: AttemptId, reference: str | None) -> Outcome:
        return await self._provider.cancel(key, reference)

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        return self._provider.translate(body, headers, now_s)

    async def aclose(self) -> None:
        await self._provider.aclose()


class StripePageDriver(StripeDriver):
    """Stripe's hosted page over the bridge: the buyer posts its form."""

    def __init__(self, localstripe: str, inbox: Inbox) -> None:
        super().__init__(localstripe, inbox)
        self.provider = Hosted(self.provider)

    async def confirm(self, needed: ActionNeeded, card: str) -> None:
        await self._submit(needed, number=card)

    async def debit(self, needed: ActionNeeded, iban: str) -> None:
        """The buyer submits a delayed payment method."""
        await self._submit(needed, iban=iban)

    async def authenticate(self, needed: ActionNeeded, *, passes: bool) -> None:
        await self._submit(needed, do="pass" if passes else "fail")

    def pointing_at(self, url: str) -> CardProvider:
        return Hosted(super().pointing_at(url))

    async def _submit(self, needed: ActionNeeded, **form: str) -> None:
        assert needed.hosted_url is not None
        await self._browser.post(needed.hosted_url, data=form)


class SimulatorDriver:
    """The simulator, with the calls of its card fields and of its 3-D Secure page."""

    signature_header = "simulator-signature"
    foreign_event = b'{"id": "sev_1", "type": "payout.paid", "data": {"payout": {"id": "spo_1"}}}'

    def __init__(self, server: SimulatorServer) -> None:
        self.provider: CardProvider = Simulator(server.base_url, server.api_key, server.webhook_secret)
        self.inbox: Inbox = server.listener
        self._server = server
        self._challenges: dict[str, str] = {}

    async def confirm(self, needed: ActionNeeded, card: str) -> None:
        intent = {"confirm_url": needed.confirm_url, "client_secret": needed.client_secret}
        answer = (await self._server.confirm(intent, card)).json()
        if answer.get("status") == "requires_action":
            self._challenges[needed.reference] = answer["next_action"]["url"]

    async def authenticate(self, needed: ActionNeeded, *, passes: bool) -> None:
        result = "pass" if passes else "fail"
        await self._server.browser.post(self._challenges[needed.reference], json={"result": result})

    def pointing_at(self, url: str) -> CardProvider:
        return Simulator(url, self._server.api_key, self._server.webhook_secret, timeout_s=SHORT_TIMEOUT_S)

    async def aclose(self) -> None:
        await self.provider.aclose()
