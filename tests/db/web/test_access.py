"""Every route of the application, called by those who may call it and by those who may not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from starlette.routing import Route

from checkie import checkout
from checkie.app.asgi import create_app
from checkie.app.settings import load
from checkie.checkout.open import Opened
from checkie.db import Database
from checkie.storefront import ProviderPage, ProviderPages
from checkie.storefront.model import BuyerCookie, SessionCredential
from checkie.storefront.receipt import receipt_path
from checkie.web import caller
from checkie.web.routing import access_of
from tests import make
from tests.make import Merchant

EMAIL: Final = "secret.buyer@shop.example"
SETTINGS: Final = load({"CHECKIE_DEV": "1"})


@dataclass
class Call:
    """A method of a route."""

    method: str
    path: str
    access: caller.Access

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def calls() -> list[Call]:
    """All there are. A route without a declaration would not let the application start."""
    found = []
    for route in create_app(SETTINGS, make.services(Database(""))).routes:
        access = access_of(route)
        assert access is not None
        assert isinstance(route, Route)
        found += [Call(method, route.path, access) for method in sorted(route.methods or ()) if method != "HEAD"]
    return found


CALLS: Final = calls()
PROTECTED: Final = [call for call in CALLS if call.access.name in {"buyer", "buyer's cookie"}]


@dataclass
class Shop:
    """The application over two stores; a buyer has a session in the first."""

    http: httpx.AsyncClient
    merchant: Merchant
    mine: Opened
    receipt: str
    viewer: str

    async def call(self, call: Call, session: Opened, credentials: Opened | None) -> httpx.Response:
        """Make a call about `session`, with the secret of `credentials` in every place for a secret."""
        headers = {"User-Agent": "Mozilla/5.0 (a test)", "Idempotency-Key": "key"}
        if credentials:
            cookie = BuyerCookie((SessionCredential(session.session.id, credentials.client_secret),))
            headers["Authorization"] = f"Bearer {credentials.client_secret}"
            headers["Cookie"] = f"checkie={cookie.serialize()}"
        path = self._path(call.path, session)
        return await self.http.request(call.method, path, headers=headers, json=self._body(call, session))

    def _path(self, path: str, session: Opened) -> str:
        """A parameter that is not listed here is a KeyError: say what a new route is to be called with."""
        store, page = self.merchant.store.slug, self.merchant.page.slug
        known = {
            **dict.fromkeys(("session", "session_id"), session.session.id),
            **dict.fromkeys(("store", "store_slug"), store),
            **dict.fromkeys(("page", "page_slug"), page),
            "provider": "fake",
            "digest": "0",
            "token": self.receipt.rpartition("/")[2],
            "name": self.viewer,
            "file": "checkie.css",
        }
        return path.replace("{store:store}", "{store}").format_map(known)

    def _body(self, call: Call, session: Opened) -> dict[str, Any] | None:
        if call.path.endswith("/checkout"):
            return {"session_id": session.session.id}
        return {"quantity": 2} if call.path.startswith("/api/widget") and call.method != "GET" else None


@pytest.fixture
async def shop(db: Database) -> AsyncIterator[Shop]:
    merchant = await make.merchant(db)
    pages = {"fake": ProviderPage("fake", "http://fake.example/fields.js", "pk_test_fake")}
    parts = (merchant.providers, ProviderPages(pages), checkout.PageCache())
    app = create_app(SETTINGS, make.services(db, merchant.clock, parts=parts))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as http:
        yield Shop(http, merchant, await merchant.open(EMAIL), await receipt_of(merchant), await viewer_of(http))


async def viewer_of(http: httpx.AsyncClient) -> str:
    """The name of the file that shows the API document."""
    (name,) = re.findall(r"/api/docs/([\w.-]+)", (await http.get("/api/docs")).text)
    return str(name)


async def receipt_of(merchant: Merchant) -> str:
    """The address of the receipt of a paid session."""
    opened, paying = await merchant.paying()
    merchant.fake.confirm(paying.attempt.id)
    await merchant.receive_webhook(paying.attempt.id)
    return receipt_path(make.KEYRING, opened.session)


def test_the_kinds_of_callers_are_these() -> None:
    """A new kind needs a test of its own below."""
    assert {call.access.name for call in CALLS} == {"public", "buyer", "buyer's cookie", "provider", "operator"}


@pytest.mark.parametrize("call", CALLS, ids=str)
class TestACall:
    async def test_by_its_buyer_is_answered(self, shop: Shop, call: Call) -> None:
        answer = await shop.call(call, shop.mine, shop.mine)
        expected = {"provider": {400}, "public": {200, 303, 422}}.get(call.access.name, {200, 204})
        assert answer.status_code in expected, answer.text

    async def test_by_nobody_is_answered_only_if_it_is_open_to_all(self, shop: Shop, call: Call) -> None:
        answer = await shop.call(call, shop.mine, None)
        expected = {
            "public": {200, 303, 422},
            "operator": {200},
            "provider": {400},
            "buyer": {401} if call.path.startswith("/api/") else {404},
            "buyer's cookie": {404},
        }
        assert answer.status_code in expected[call.access.name], answer.text
        assert EMAIL not in answer.text

    async def test_is_cached_only_if_it_is_public(self, shop: Shop, call: Call) -> None:
        for credentials in (shop.mine, None):
            answer = await shop.call(call, shop.mine, credentials)
            found = answer.headers.get_list("cache-control")
            assert len(found) == 1
            assert found == ["no-store"] or (call.access is caller.PUBLIC and answer.status_code < 400)


@pytest.mark.parametrize("call", PROTECTED, ids=str)
class TestAProtectedCall:
    async def test_is_refused_with_another_sessions_secret(self, shop: Shop, call: Call) -> None:
        other = await shop.merchant.open()
        answer = await shop.call(call, shop.mine, other)
        assert answer.status_code == (401 if call.path.startswith("/api/") else 404)
        assert EMAIL not in answer.text
        session = (await shop.merchant.status(shop.mine)).session
        assert (session.status, session.quote.quantity) == (checkout.SessionStatus.OPEN, 1)

    async def test_is_refused_for_another_stores_session(self, shop: Shop, call: Call) -> None:
        theirs = await (await make.merchant(shop.merchant.db)).open(EMAIL)
        answer = await shop.call(call, theirs, shop.mine)
        assert answer.status_code == (401 if call.path.startswith("/api/") else 404)
        assert EMAIL not in answer.text

    async def test_is_refused_for_an_invalid_id(self, shop: Shop, call: Call) -> None:
        mine = shop.mine
        path = shop._path(call.path, mine).replace(mine.session.id, "pay_01m7ykqe7jg6fr000001avek5b")
        headers = {"Authorization": f"Bearer {mine.client_secret}", "Cookie": f"checkie=~x.{mine.client_secret}"}
        body = {"session_id": "ses_x"} if call.path.endswith("/checkout") else shop._body(call, mine)
        answer = await shop.http.request(call.method, path, headers=headers, json=body)
        assert answer.status_code == 404


@pytest.mark.parametrize("call", [call for call in PROTECTED if "{store" in call.path], ids=str)
async def test_a_session_is_not_found_at_another_stores_address(shop: Shop, call: Call) -> None:
    theirs = await (await make.merchant(shop.merchant.db)).open(EMAIL)
    answer = await shop.call(call, theirs, theirs)
    assert (answer.status_code, EMAIL in answer.text) == (404, False)


class TestAKey:
    async def test_repeats_the_answer_to_its_own_session_only(self, shop: Shop) -> None:
        (call,) = [call for call in CALLS if call.path.endswith("/checkout")]
        first, again = [await shop.call(call, shop.mine, shop.mine) for _ in range(2)]
        assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
        other = await shop.merchant.open()
        theirs = await shop.call(call, other, other)
        assert theirs.json()["payment"]["id"] != first.json()["payment"]["id"]
        assert "idempotent-replayed" not in theirs.headers

    async def test_is_not_repeated_without_the_secret(self, shop: Shop) -> None:
        (call,) = [call for call in CALLS if call.path.endswith("/checkout")]
        await shop.call(call, shop.mine, shop.mine)
        for credentials in (None, await shop.merchant.open()):
            assert (await shop.call(call, shop.mine, credentials)).status_code == 401

    async def test_serves_the_update_too(self, shop: Shop) -> None:
        (call,) = [call for call in CALLS if call.path.endswith("/update")]
        first, again = [await shop.call(call, shop.mine, shop.mine) for _ in range(2)]
        assert (first.json()["quantity"], first.json() == again.json()) == (2, True)
        assert again.headers["idempotent-replayed"] == "true"
        path, headers = shop._path(call.path, shop.mine), {"Authorization": f"Bearer {shop.mine.client_secret}"}
        for quantity, version in ((3, {}), (2, {"If-Match": "1"})):
            keyed = {**headers, **version, "Idempotency-Key": "key"}
            other = await shop.http.post(path, json={"quantity": quantity}, headers=keyed)
            assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
