"""Sessions at every stage that the buyer's page shows, made over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import httpx

from checkie.app import embedded
from checkie.kernel.ids import SessionId
from checkie.storefront.model import Ticket, Wallet
from tests.buyer import Buyer
from tests.stack import Stack

LACKS_FUNDS: Final = "4000000000009995"
ASKS: Final = "4000000000003220"
WRONG_AMOUNT: Final = "4000099000000079"
EMAIL: Final = "ada@example.com"
_EXPIRE: Final = """
update checkout.session set expires_at = now() - interval '1 s', due_at = now() where store = $1 and id = $2
"""


@dataclass(frozen=True)
class Seen:
    """A page to look at: its name, its address, and what the browser must hold to see it."""

    name: str
    url: str
    cookie: dict[str, Any] | None = None


@dataclass
class Stages:
    """Makes them on a running stack; `facts` is what it says of itself."""

    stack: Stack
    facts: dict[str, Any]
    http: httpx.AsyncClient

    async def all(self) -> AsyncIterator[Seen]:
        """Each stage once. What is about to change by itself is made just before it is given."""
        base, page = self.facts["base_url"], self.facts["page"]["url"]
        yield Seen("page", page)
        yield Seen("page-open-price", f"{base}/{self.facts['store']['slug']}/support-us")
        yield await self._declined(1, "declined")
        yield await self._declined(3, "exhausted")
        yield await self._action()
        yield self._seen(await self._paying(), "waiting")
        yield await self._asking()
        yield await self._untrusted()
        yield await self.expired()
        yield await self.paid()
        yield Seen("not-found", f"{page}-no-more")

    async def paid(self) -> Seen:
        """Two of it, paid."""
        buyer = await self._buyer(quantity=2)
        await buyer.check_out(buyer.id)
        await buyer.confirm()
        await buyer.until("COMPLETED")
        return self._seen(buyer, "paid")

    async def expired(self) -> Seen:
        """Something was typed, and then a day went by."""
        buyer = await self._buyer(quantity=3)
        await self.let_expire(SessionId(buyer.id))
        return self._seen(buyer, "expired")

    async def let_expire(self, session: SessionId) -> None:
        """Moves the end of a session into the past, as time would."""
        server = embedded.start(self.stack.data)
        connection = await asyncpg.connect(server.owner_url())
        try:
            await connection.execute(_EXPIRE, session.store, session.uuid)
        finally:
            await connection.close()

    async def _buyer(self, quantity: int = 1) -> Buyer:
        page = f"{self.facts['store']['slug']}/{self.facts['page']['slug']}"
        buyer = Buyer(self.http, self.facts["base_url"], page, EMAIL)
        await buyer.open()
        await buyer.change(email=EMAIL, quantity=quantity)
        return buyer

    async def _declined(self, times: int, name: str) -> Seen:
        buyer = await self._buyer()
        for attempt in range(1, times + 1):
            await buyer.check_out(f"{buyer.id}:{attempt}")
            await buyer.confirm(LACKS_FUNDS)
            await buyer.until("OPEN", "EXPIRED")
        return self._seen(buyer, name)

    async def _paying(self) -> Buyer:
        buyer = await self._buyer()
        await buyer.check_out(buyer.id)
        return buyer

    async def _action(self) -> Seen:
        buyer = await self._paying()
        await buyer.confirm(ASKS)
        await buyer.until("AWAITING_ACTION")
        return self._seen(buyer, "action")

    async def _asking(self) -> Seen:
        buyer = await self._buyer()
        await self.order_fault(fault="outage", count=None, match={"call": "create"})
        await buyer.check_out(buyer.id)
        await self._control("DELETE")
        return self._seen(buyer, "asking")

    async def order_fault(self, **rule: Any) -> None:
        """Tells the simulator what to do wrong next."""
        await self._control("POST", json=rule)

    async def _control(self, method: str, **request: Any) -> None:
        key = json.loads((self.stack.data / "secrets.json").read_text())["simulator_api_key"]
        url, headers = f"{self.facts['simulator_url']}/control/faults", {"Authorization": f"Bearer {key}"}
        (await self.http.request(method, url, headers=headers, **request)).raise_for_status()

    async def _untrusted(self) -> Seen:
        buyer = await self._paying()
        await buyer.confirm(WRONG_AMOUNT)
        await buyer.until("EXPIRED")
        return self._seen(buyer, "untrusted")

    def _seen(self, buyer: Buyer, name: str) -> Seen:
        page = str(self.facts["page"]["url"])
        wallet = Wallet((Ticket(SessionId(buyer.id), buyer.session["client_secret"]),))
        path = page.removeprefix(self.facts["base_url"])
        cookie = {"name": "checkie", "value": wallet.spell(), "domain": "127.0.0.1", "path": path}
        return Seen(name, f"{page}/{buyer.id}", cookie)
