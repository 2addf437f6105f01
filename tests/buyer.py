"""A buyer over HTTP, who retries each failed request, as a person with a browser would."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

GOOD_CARD = "4242424242424242"
PATIENCE_S = 90.0


@dataclass
class Buyer:
    """Buys one thing from the page at `base_url` + /api/widget/pages/ + `page`."""

    http: httpx.AsyncClient
    base_url: str
    page: str
    email: str
    session: dict[str, Any] = field(default_factory=dict)
    paying: dict[str, Any] = field(default_factory=dict)

    async def open(self) -> None:
        """Look at the page."""
        self.session = (await self._insist("GET", f"/api/widget/pages/{self.page}"))["session"]

    async def change(self, **changes: object) -> dict[str, Any]:
        """Change the email address, the quantity, the amount."""
        return await self._insist("PATCH", f"/api/widget/sessions/{self.id}", json=changes, headers=self.headers)

    async def check_out(self, key: str) -> dict[str, Any]:
        """Start to pay."""
        headers = {**self.headers, "Idempotency-Key": key}
        self.paying = await self._insist("POST", "/api/widget/checkout", json={"session_id": self.id}, headers=headers)
        return self.paying

    async def confirm(self, card: str = GOOD_CARD) -> dict[str, Any]:
        """Give the card to the provider."""
        provider = self.paying["provider"]
        body = {
            "client_secret": provider["client_secret"],
            "card": {"number": card, "exp_month": 12, "exp_year": 2040, "cvc": "123"},
        }
        return await self._insist("POST", provider["confirm_url"], json=body)

    async def status(self) -> dict[str, Any]:
        """The status of the session."""
        return await self._insist("GET", f"/api/widget/sessions/{self.id}/status", headers=self.headers)

    async def until(self, *wanted: str, within_s: float = 20.0) -> dict[str, Any]:
        """Poll until the session is in one of the wanted states."""
        deadline = time.monotonic() + within_s
        while (status := await self.status())["status"] not in wanted:
            assert time.monotonic() < deadline, f"still {status} after {within_s} s"
            await asyncio.sleep(0.05)
        return status

    async def buy(self, key: str, card: str = GOOD_CARD) -> dict[str, Any]:
        """All of it, up to the provider's answer."""
        await self.open()
        await self.change(email=self.email)
        deadline = time.monotonic() + PATIENCE_S
        while (await self.check_out(key))["provider"]["confirm_url"] is None:  # the provider did not answer: ask again
            assert time.monotonic() < deadline, f"the provider did not answer within {PATIENCE_S} s"
            await asyncio.sleep(0.1)
        return await self.confirm(card)

    @property
    def id(self) -> str:
        """The session."""
        return str(self.session["id"])

    @property
    def headers(self) -> dict[str, str]:
        """What proves that the session is this buyer's."""
        return {"Authorization": f"Bearer {self.session['client_secret']}"}

    async def _insist(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        trouble = ""
        while time.monotonic() < deadline:
            try:
                answer = await self.http.request(method, httpx.URL(self.base_url).join(url), **request)
                if answer.status_code < 500 and answer.json().get("code") != "idempotency_key_in_use":
                    assert answer.status_code == 200, answer.text
                    body: dict[str, Any] = answer.json()
                    return body
                trouble = f"{answer.status_code} {answer.text}"
            except httpx.HTTPError as error:
                trouble = repr(error)
            await asyncio.sleep(0.1)
        raise AssertionError(f"{method} {url}: still {trouble} after {PATIENCE_S} s")
