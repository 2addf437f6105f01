"""Sessions at every stage that the storefront shows, made over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import httpx

from checkie.app import embedded
from checkie.kernel.ids import SessionId
from checkie.storefront.model import BuyerCookie, SessionCredential
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
    """Makes them on a running stack; `facts` is the stack's own description."""

    stack: Stack
    facts: dict[str, Any]
    http: httpx.AsyncClient

    async def all(self) -> AsyncIterator[Seen]:
        """Each stage once. Those that change by themselves are made just before they are yielded."""
        base, page = self.facts["base_url"], self.facts["page"]["url"]
        yield Seen("page", page)
        yield Seen("page-open-price", f"{base}/{self.facts['store']['slug']}/support-us")
        yield await self._declined(1, "declined")
        yield await self._declined(3, "failed")
        yield await self._action_required()
        yield self._seen(await self._paying(), "started")
        yield await self._unknown()
        yield await self._under_review()
        yield await self.expired()
        paid = await self.paid()
        yield paid
        yield Seen("receipt", await self.receipt_url(paid))
        yield Seen("not-found", f"{page}-no-more")

    async def paid(self) -> Seen:
        """Two units, paid."""
        buyer = await self._buyer(quantity=2)
        await buyer.check_out(buyer.id)
        await buyer.confirm()
        await buyer.until("COMPLETED")
        return self._seen(buyer, "paid")

    async def receipt_url(self, paid: Seen) -> str:
        """The address behind the link that the page of a paid session has."""
        assert paid.cookie
        answer = await self.http.get(paid.url, headers={"Cookie": f"checkie={paid.cookie['value']}"})
        link = re.search(r'href="(/receipts/[^"]+)"', answer.text)
        assert link, answer.text
        return f"{self.facts['base_url']}{link[1]}"

    async def expired(self) -> Seen:
        """Something was entered, and then the session expired."""
        buyer = await self._buyer(quantity=3)
        await self.let_expire(SessionId(buyer.id))
        return self._seen(buyer, "expired")

    async def let_expire(self, session: SessionId) -> None:
        """Moves the end of a session into the past."""
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

    async def _action_required(self) -> Seen:
        buyer = await self._paying()
        await buyer.confirm(ASKS)
        await buyer.until("AWAITING_ACTION")
        return self._seen(buyer, "action_required")

    async def _unknown(self) -> Seen:
        buyer = await self._buyer()
        await self.inject_fault(fault="outage", count=None, match={"call": "create"})
        await buyer.check_out(buyer.id)
        await self._control("DELETE")
        return self._seen(buyer, "unknown")

    async def inject_fault(self, **rule: Any) -> None:
        """Makes the simulator fail in this way."""
        await self._control("POST", json=rule)

    async def _control(self, method: str, **request: Any) -> None:
        key = json.loads((self.stack.data / "secrets.json").read_text())["simulator_api_key"]
        url, headers = f"{self.facts['simulator_url']}/control/faults", {"Authorization": f"Bearer {key}"}
        (await self.http.request(method, url, headers=headers, **request)).raise_for_status()

    async def _under_review(self) -> Seen:
        buyer = await self._paying()
        await buyer.confirm(WRONG_AMOUNT)
        await buyer.until("EXPIRED")
        return self._seen(buyer, "under_review")

    def _seen(self, buyer: Buyer, name: str) -> Seen:
        page = str(self.facts["page"]["url"])
        cookie = BuyerCookie((SessionCredential(SessionId(buyer.id), buyer.session["client_secret"]),))
        path = page.removeprefix(self.facts["base_url"])
        held = {"name": "checkie", "value": cookie.serialize(), "domain": "127.0.0.1", "path": path}
        return Seen(name, f"{page}/{buyer.id}", held)
