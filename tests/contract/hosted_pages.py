"""Checkout Sessions and their hosted page, which localstripe lacks: kept here as Stripe documents them.

What a buyer pays with there goes through localstripe: one PaymentIntent a page, made when the buyer first submits it,
with as many tries as it takes. Cards and 3-D Secure are localstripe's, and so is SEPA debit (`iban`), which is slow.
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
_TAKEN: Final = frozenset(
    "mode line_items client_reference_id metadata payment_intent_data customer_email success_url cancel_url expires_at"
    " expand".split()
)
_SOONEST_S, _LATEST_S = 30 * 60, 24 * 3600
_BANK_S: Final = 0.8
"""localstripe's bank takes half a second for a debit."""
_SHOWN: Final = """<!doctype html><title>Pay</title><h1>{name}</h1><p id="total">{amount} {currency}</p>
<p role="alert">{trouble}</p><form method="post"><input name="number" aria-label="Card number">
<input name="iban" aria-label="IBAN"><button type="submit" name="do" value="pay">Pay</button>{proof}</form>
<a href="{back}">Back</a>"""
_PROOF: Final = """<button name="do" value="pass">Complete authentication</button>
<button name="do" value="fail">Fail authentication</button>"""

Tell = Callable[[str, Mapping[str, Any]], Awaitable[None]]
Page = dict[str, Any]


class HostedPages:
    """The calls of a merchant under `/v1/checkout/sessions`, and the page that the buyer sees."""

    def __init__(self, localstripe: httpx.AsyncClient, tell: Tell) -> None:
        self._localstripe = localstripe
        self._tell = tell
        self._pages: dict[str, Page] = {}
        self._asked: dict[str, Mapping[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._banks: set[asyncio.Task[None]] = set()

    def add_to(self, app: web.Application) -> None:
        """All but `create`, which is for whoever minds idempotency keys."""
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
        asked = _unfolded(parse_qsl((await request.read()).decode()))
        strange = asked.keys() - _TAKEN
        lasts_s = int(asked.get("expires_at", 0)) - time.time()  # noqa: TID251 Stripe has a clock of its own
        if strange or asked.get("mode") != "payment":
            return error(f"Received unknown parameter: {strange}", "mode")
        if not _SOONEST_S <= lasts_s <= _LATEST_S:
            return error("expires_at must be 30 minutes to 24 hours from now.", "expires_at")
        (line,) = asked["line_items"].values()
        reference = f"cs_test_{next(self._numbers):024}"
        page = {
            "id": reference,
            "object": "checkout.session",
            "created": int(time.time()),  # noqa: TID251 as above
            "status": "open",
            "payment_status": "unpaid",
            "amount_total": int(line["price_data"]["unit_amount"]) * int(line["quantity"]),
            "currency": line["price_data"]["currency"],
            "client_reference_id": asked["client_reference_id"],
            "client_secret": None,
            "payment_intent": None,
            "metadata": asked["metadata"],
            "url": f"{elsewhere(str(request.url.origin()))}/c/pay/{reference}",
        }
        self._pages[reference], self._asked[reference] = page, {**asked, "name": line["price_data"]["product_data"]}
        return web.json_response(page)

    async def list(self, request: web.Request) -> web.Response:
        """Newest first, by PaymentIntent or by time."""
        asked = request.query
        least, most = int(asked.get("created[gte]", 0)), int(asked.get("created[lte]", 10**12))
        found = [
            page
            for page in reversed(self._pages.values())
            if least <= page["created"] <= most and asked.get("payment_intent") in (None, page["payment_intent"])
        ]
        after = [page["id"] for page in found].index(asked["starting_after"]) + 1 if "starting_after" in asked else 0
        rest, limit = found[after:], int(asked.get("limit", 10))
        answer = {"object": "list", "url": request.path, "has_more": len(rest) > limit, "data": rest[:limit]}
        return web.json_response(answer)

    async def retrieve(self, request: web.Request) -> web.Response:
        page = self._pages.get(request.match_info["id"])
        return error("No such checkout.session", status=404) if page is None else await self._answer(page, request)

    async def expire(self, request: web.Request) -> web.Response:
        page = self._pages.get(request.match_info["id"])
        if page is None or page["status"] != "open":
            return error("Only Checkout Sessions with a status in [open] can be expired.")
        page.update(status="expired", url=None)
        if page["payment_intent"]:
            await self._localstripe.post(f"/v1/payment_intents/{page['payment_intent']}/cancel", headers=OWN_KEY)
        await self._tell("checkout.session.expired", page)
        return await self._answer(page, request)

    # -- the buyer ----------------------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.Response:
        page = self._pages[request.match_info["id"]]
        intent = await self._intent(page)
        return self._shown(page, intent)

    async def submit(self, request: web.Request) -> web.Response:
        page, form = self._pages[request.match_info["id"]], await request.post()
        if page["status"] != "open":
            return self._shown(page, {})
        if form.get("do") in ("pass", "fail"):
            await self._authenticate(page, passes=form["do"] == "pass")
        else:
            await self._pay(page, str(form.get("number", "")), str(form.get("iban", "")))
        intent = await self._intent(page)
        if intent.get("status") not in ("succeeded", "processing"):
            return self._shown(page, intent)
        page.update(status="complete", url=None)
        if form.get("iban"):
            self._later(page)
        else:
            page["payment_status"] = "paid"
        await self._tell("checkout.session.completed", page)
        return web.HTTPSeeOther(str(self._asked[page["id"]]["success_url"]))

    def _shown(self, page: Page, intent: Mapping[str, Any]) -> web.Response:
        asked = self._asked[page["id"]]
        if page["status"] != "open":
            return web.Response(text="This page has expired.", status=410)
        trouble = (intent.get("last_payment_error") or {}).get("message", "")
        facts = {
            "name": html.escape(asked["name"]["name"]),
            "amount": page["amount_total"],
            "currency": page["currency"],
            "trouble": html.escape(trouble),
            "proof": _PROOF if intent.get("status") == "requires_action" else "",
            "back": html.escape(str(asked["cancel_url"])),
        }
        return web.Response(text=_SHOWN.format(**facts), content_type="text/html")

    async def _pay(self, page: Page, number: str, iban: str) -> None:
        if page["payment_intent"] is None:
            data = self._asked[page["id"]]["payment_intent_data"]
            made = {"amount": page["amount_total"], "currency": page["currency"], "metadata": data["metadata"]}
            answer = await self._localstripe.post("/v1/payment_intents", json=made, headers=OWN_KEY)
            page["payment_intent"] = answer.raise_for_status().json()["id"]
        card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
        method = {"type": "sepa_debit", "sepa_debit": {"iban": iban}} if iban else {"type": "card", "card": card}
        attached = await self._localstripe.post("/v1/payment_methods", json=method, headers=OWN_KEY)
        url = f"/v1/payment_intents/{page['payment_intent']}"
        # localstripe confirms no Intent whose charge has failed once; Stripe does.
        resources.PaymentIntent._api_retrieve(page["payment_intent"]).latest_charge = None
        await self._localstripe.post(url, json={"payment_method": attached.json()["id"]}, headers=OWN_KEY)
        await self._localstripe.post(f"{url}/confirm", headers=OWN_KEY)

    async def _authenticate(self, page: Page, *, passes: bool) -> None:
        intent = await self._intent(page)
        url = f"/v1/payment_intents/{page['payment_intent']}/_authenticate"
        said = {"client_secret": intent["client_secret"], "success": passes}
        await self._localstripe.post(url, json=said, headers=OWN_KEY)

    def _later(self, page: Page) -> None:
        bank = asyncio.create_task(self._settle(page))
        self._banks.add(bank)
        bank.add_done_callback(self._banks.discard)

    async def _settle(self, page: Page) -> None:
        """The bank has made up its mind."""
        await asyncio.sleep(_BANK_S)
        intent = (await self._localstripe.get(f"/v1/payment_intents/{page['payment_intent']}", headers=OWN_KEY)).json()
        if intent["status"] == "succeeded":
            page["payment_status"] = "paid"
        what = "succeeded" if intent["status"] == "succeeded" else "failed"
        await self._tell(f"checkout.session.async_payment_{what}", page)

    # -- both ---------------------------------------------------------------------------------------------------------

    async def _answer(self, page: Page, request: web.Request) -> web.Response:
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
        # localstripe calls a debit paid from the start, and takes half a second all the same.
        is_slow = (
            page["status"] == "complete" and page["payment_status"] == "unpaid" and not intent["last_payment_error"]
        )
        return {**intent, "status": "processing"} if is_slow else dict(intent)


def elsewhere(url: str) -> str:
    """The same address as another origin and another site: Stripe's page is on neither its API's nor its script's."""
    return url.replace("127.0.0.1", "localhost")


def error(message: str, param: str | None = None, *, status: int = 400) -> web.Response:
    """A refusal as Stripe words it."""
    body = {"type": "invalid_request_error", "message": message, **({"param": param} if param else {})}
    return web.json_response({"error": body}, status=status)


def _unfolded(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][0]=c` as nested objects."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        *parents, last = name.replace("]", "").split("[")
        inner = found
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return found
