"""Checkout Sessions and their hosted page, which localstripe lacks, as Stripe documents them.

Payments go through localstripe: each page has one PaymentIntent, created when the buyer first submits it, for any
number of cards. Cards, 3-D Secure and SEPA debit (`iban`, a delayed payment method) are localstripe's.
"""

from __future__ import annotations

import asyncio
import html
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import httpx
from aiohttp import web
from localstripe import resources

OWN_KEY: Final = {"Authorization": "Bearer sk_test_bridge"}
_KNOWN_PARAMS: Final = frozenset(
    "mode line_items client_reference_id metadata payment_intent_data customer_email success_url cancel_url expires_at"
    " expand".split()
)
_MIN_EXPIRY_S, _MAX_EXPIRY_S = 30 * 60, 24 * 3600
_BANK_S: Final = 0.8
"""localstripe's bank takes half a second for a debit."""
_PAGE: Final = """<!doctype html><title>Pay</title><h1>{name}</h1><p id="total">{amount} {currency}</p>
<p role="alert">{error}</p><form method="post"><input name="number" aria-label="Card number">
<input name="iban" aria-label="IBAN"><button type="submit" name="do" value="pay">Pay</button>{challenge}</form>
<a href="{back}">Back</a>"""
_CHALLENGE: Final = """<button name="do" value="pass">Complete authentication</button>
<button name="do" value="fail">Fail authentication</button>"""

Send = Callable[[str, Mapping[str, Any]], Awaitable[None]]
Page = dict[str, Any]


class HostedPages:
    """The calls of a merchant under `/v1/checkout/sessions`, and the page that the buyer sees."""

    def __init__(self, localstripe: httpx.AsyncClient, send: Send) -> None:
        self._localstripe = localstripe
        self._send = send
        self._pages: dict[str, Page] = {}
        self._params: dict[str, Mapping[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._banks: set[asyncio.Task[None]] = set()

    def add_to(self, app: web.Application) -> None:
        """All but `create`, which the bridge calls for its idempotency keys."""
        app.router.add_get("/v1/checkout/sessions", self.list)
        app.router.add_get("/v1/checkout/sessions/{id}", self.retrieve)
        app.router.add_post("/v1/checkout/sessions/{id}/expire", self.expire)
        app.router.add_get("/c/pay/{id}", self.show)
        app.router.add_post("/c/pay/{id}", self.submit)

    def owns(self, intent: str) -> bool:
        """Whether this PaymentIntent is a page's."""
        return any(page["payment_intent"] == intent for page in self._pages.values())

    # -- the merchant -------------------------------------------------------------------------------------------------

    async def create(self, request: web.Request) -> web.Response:
        params = _parse_form(parse_qsl((await request.read()).decode()))
        unknown = params.keys() - _KNOWN_PARAMS
        expires_in_s = int(params.get("expires_at", 0)) - time.time()  # noqa: TID251 Stripe has a clock of its own
        if unknown or params.get("mode") != "payment":
            return error(f"Received unknown parameter: {unknown}", "mode")
        if not _MIN_EXPIRY_S <= expires_in_s <= _MAX_EXPIRY_S:
            return error("expires_at must be 30 minutes to 24 hours from now.", "expires_at")
        (line,) = params["line_items"].values()
        reference = f"cs_test_{next(self._numbers):024}"
        page = {
            "id": reference,
            "object": "checkout.session",
            "created": int(time.time()),  # noqa: TID251 as above
            "status": "open",
            "payment_status": "unpaid",
            "amount_total": int(line["price_data"]["unit_amount"]) * int(line["quantity"]),
            "currency": line["price_data"]["currency"],
            "client_reference_id": params["client_reference_id"],
            "client_secret": None,
            "payment_intent": None,
            "metadata": params["metadata"],
            "url": f"{on_another_site(str(request.url.origin()))}/c/pay/{reference}",
        }
        self._pages[reference], self._params[reference] = page, {**params, "name": line["price_data"]["product_data"]}
        return web.json_response(page)

    async def list(self, request: web.Request) -> web.Response:
        """Newest first, by PaymentIntent or by time."""
        query = request.query
        min_created, max_created = int(query.get("created[gte]", 0)), int(query.get("created[lte]", 10**12))
        found = [
            page
            for page in reversed(self._pages.values())
            if min_created <= page["created"] <= max_created
            and query.get("payment_intent") in (None, page["payment_intent"])
        ]
        after = [page["id"] for page in found].index(query["starting_after"]) + 1 if "starting_after" in query else 0
        rest, limit = found[after:], int(query.get("limit", 10))
        body = {"object": "list", "url": request.path, "has_more": len(rest) > limit, "data": rest[:limit]}
        return web.json_response(body)

    async def retrieve(self, request: web.Request) -> web.Response:
        page = self._pages.get(request.match_info["id"])
        return error("No such checkout.session", status=404) if page is None else await self._respond(page, request)

    async def expire(self, request: web.Request) -> web.Response:
        page = self._pages.get(request.match_info["id"])
        if page is None or page["status"] != "open":
            return error("Only Checkout Sessions with a status in [open] can be expired.")
        page.update(status="expired", url=None)
        if page["payment_intent"]:
            await self._localstripe.post(f"/v1/payment_intents/{page['payment_intent']}/cancel", headers=OWN_KEY)
        await self._send("checkout.session.expired", page)
        return await self._respond(page, request)

    # -- the buyer ----------------------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.Response:
        page = self._pages[request.match_info["id"]]
        intent = await self._intent(page)
        return self._page(page, intent)

    async def submit(self, request: web.Request) -> web.Response:
        page, form = self._pages[request.match_info["id"]], await request.post()
        if page["status"] != "open":
            return self._page(page, {})
        if form.get("do") in ("pass", "fail"):
            await self._authenticate(page, passes=form["do"] == "pass")
        else:
            await self._pay(page, str(form.get("number", "")), str(form.get("iban", "")))
        intent = await self._intent(page)
        if intent.get("status") not in ("succeeded", "processing"):
            return self._page(page, intent)
        page.update(status="complete", url=None)
        if form.get("iban"):
            self._schedule(page)
        else:
            page["payment_status"] = "paid"
        await self._send("checkout.session.completed", page)
        return web.HTTPSeeOther(str(self._params[page["id"]]["success_url"]))

    def _page(self, page: Page, intent: Mapping[str, Any]) -> web.Response:
        params = self._params[page["id"]]
        if page["status"] != "open":
            return web.Response(text="This page has expired.", status=410)
        message = (intent.get("last_payment_error") or {}).get("message", "")
        facts = {
            "name": html.escape(params["name"]["name"]),
            "amount": page["amount_total"],
            "currency": page["currency"],
            "error": html.escape(message),
            "challenge": _CHALLENGE if intent.get("status") == "requires_action" else "",
            "back": html.escape(str(params["cancel_url"])),
        }
        return web.Response(text=_PAGE.format(**facts), content_type="text/html")

    async def _pay(self, page: Page, number: str, iban: str) -> None:
        if page["payment_intent"] is None:
            data = self._params[page["id"]]["payment_intent_data"]
            body = {"amount": page["amount_total"], "currency": page["currency"], "metadata": data["metadata"]}
            created = await self._localstripe.post("/v1/payment_intents", json=body, headers=OWN_KEY)
            page["payment_intent"] = created.raise_for_status().json()["id"]
        card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
        method = {"type": "sepa_debit", "sepa_debit": {"iban": iban}} if iban else {"type": "card", "card": card}
        attached = await self._localstripe.post("/v1/payment_methods", json=method, headers=OWN_KEY)
        url = f"/v1/payment_intents/{page['payment_intent']}"
        # Unlike Stripe, localstripe does not confirm a PaymentIntent again after a failed charge.
        resources.PaymentIntent._api_retrieve(page["payment_intent"]).latest_charge = None
        await self._localstripe.post(url, json={"payment_method": attached.json()["id"]}, headers=OWN_KEY)
        await self._localstripe.post(f"{url}/confirm", headers=OWN_KEY)

    async def _authenticate(self, page: Page, *, passes: bool) -> None:
        intent = await self._intent(page)
        url = f"/v1/payment_intents/{page['payment_intent']}/_authenticate"
        body = {"client_secret": intent["client_secret"], "success": passes}
        await self._localstripe.post(url, json=body, headers=OWN_KEY)

    def _schedule(self, page: Page) -> None:
        bank = asyncio.create_task(self._settle(page))
        self._banks.add(bank)
        bank.add_done_callback(self._banks.discard)

    async def _settle(self, page: Page) -> None:
        """The bank has decided."""
        await asyncio.sleep(_BANK_S)
        intent = (await self._localstripe.get(f"/v1/payment_intents/{page['payment_intent']}", headers=OWN_KEY)).json()
        if intent["status"] == "succeeded":
            page["payment_status"] = "paid"
        result = "succeeded" if intent["status"] == "succeeded" else "failed"
        await self._send(f"checkout.session.async_payment_{result}", page)

    # -- both ---------------------------------------------------------------------------------------------------------

    async def _respond(self, page: Page, request: web.Request) -> web.Response:
        form = (await request.read()).decode()
        is_expanded = "payment_intent.latest_charge" in {
            value for _, value in [*request.query.items(), *parse_qsl(form)]
        }
        intent = await self._intent(page) if is_expanded and page["payment_intent"] else page["payment_intent"]
        return web.json_response({**page, "payment_intent": intent})

    async def _intent(self, page: Page) -> dict[str, Any]:
        if page["payment_intent"] is None:
            return {}
        url, wanted = f"/v1/payment_intents/{page['payment_intent']}", {"expand[]": "latest_charge"}
        intent = (await self._localstripe.get(url, params=wanted, headers=OWN_KEY)).raise_for_status().json()
        # localstripe reports a debit as paid at first, though it takes half a second.
        is_processing = (
            page["status"] == "complete" and page["payment_status"] == "unpaid" and not intent["last_payment_error"]
        )
        return {**intent, "status": "processing"} if is_processing else dict(intent)


def on_another_site(url: str) -> str:
    """The same URL as another origin and site: Stripe's page is on another site than its API and its script."""
    return url.replace("127.0.0.1", "localhost")


def error(message: str, param: str | None = None, *, status: int = 400) -> web.Response:
    """An error in Stripe's form."""
    body = {"type": "invalid_request_error", "message": message, **({"param": param} if param else {})}
    return web.json_response({"error": body}, status=status)


def _parse_form(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Nested objects of `a[b][0]=c`."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        *parents, last = name.replace("]", "").split("[")
        inner = found
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return found
