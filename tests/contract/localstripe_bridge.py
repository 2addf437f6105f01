"""localstripe behind a proxy that adds what it lacks of Stripe, so that the adapter needs no changes for tests.

    python -m tests.contract.localstripe_bridge        prints "listening on http://127.0.0.1:<port>" and serves

localstripe stores PaymentIntents, charges or declines cards and sends webhooks. The bridge, as Stripe documents it:

* drops `automatic_payment_methods`, `description` and `receipt_email`, which localstripe does not support;
* replays the first response to a repeated `Idempotency-Key` (`Idempotent-Replayed`), and refuses another body;
* adds `amount_received` to PaymentIntents, in responses and in webhooks, which it signs again with the same secret;
* searches PaymentIntents by metadata;
* has Checkout Sessions and their page (hosted_pages.py), whose PaymentIntents cannot be cancelled by themselves;
* confirms a PaymentIntent with a card from the browser: localstripe requires a payment method before, and its stand-in
  for Stripe.js never sends the card (its issue 253), so the bridge adds a `confirmCardPayment` that does.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import httpx
from aiohttp import web
from localstripe import resources
from localstripe.server import app as localstripe

from tests.contract.hosted_pages import OWN_KEY, HostedPages

_UNSUPPORTED: Final = ("automatic_payment_methods", "description", "receipt_email")
_FORWARDED: Final = ("Authorization", "Content-Type")
_REPLAYED: Final = frozenset({200, 402})
_CONFIRM_CARD_PAYMENT: Final = """
(() => {
  const unpatched = Stripe;
  Stripe = (key) => {
    const stripe = unpatched(key);
    const authenticate = stripe.confirmCardPayment;
    stripe.confirmCardPayment = async (clientSecret, data) => {
      const intent = clientSecret.split('_secret_')[0];
      const response = await fetch(`${LOCALSTRIPE_BASE_API}/v1/payment_intents/${intent}/confirm`, {
        method: 'POST',
        body: JSON.stringify({
          key,
          client_secret: clientSecret,
          payment_method_data: {type: 'card', card: data.payment_method.card.value.card},
        }),
      });
      const body = await response.json();
      if (body.error) return {error: body.error};
      if (body.status !== 'requires_action') return {paymentIntent: body};
      const {error, paymentIntent} = await authenticate(clientSecret);
      const failed = error || paymentIntent.last_payment_error;
      return failed ? {error: failed} : {paymentIntent};
    };
    return stripe;
  };
})();
"""


class Bridge:
    """A proxy for one localstripe. Its state, like localstripe's, lasts as long as the process."""

    def __init__(self, upstream: str) -> None:
        self._localstripe = httpx.AsyncClient(base_url=upstream, timeout=10)
        self._responses: dict[str, tuple[bytes, web.Response | None]] = {}
        self._hooks: dict[str, Mapping[str, str]] = {}
        self._pages = HostedPages(self._localstripe, self.send)
        self._events = itertools.count(1)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/js.stripe.com/v3/", self.script)
        app.router.add_get("/v1/payment_intents/search", self.search)
        app.router.add_post("/v1/payment_intents/{id}/confirm", self.confirm)
        app.router.add_post("/v1/payment_intents/{id}/cancel", self.cancel)
        self._pages.add_to(app)
        app.router.add_post("/_config/webhooks/{id}", self.register_webhook)
        app.router.add_post("/_bridge/webhooks/{id}", self.forward_webhook)
        app.router.add_route("*", "/{path:.*}", self.once)
        return app

    async def once(self, request: web.Request) -> web.Response:
        """Any other call. A POST with an Idempotency-Key is forwarded once."""
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or key is None:
            return await self.forward(request)
        call = request.path.encode() + b" " + await request.read()
        first, response = self._responses.get(key, (call, None))
        if first != call:
            return _error(400, "idempotency_error", "This key was used with other parameters.")
        if key in self._responses and response is None:
            return _error(409, "invalid_request_error", "Another request with this key is in progress.")
        if response is not None:
            return _copy(response, {"Idempotent-Replayed": "true"})
        self._responses[key] = call, None
        is_page = request.path == "/v1/checkout/sessions"
        response = await (self._pages.create(request) if is_page else self.forward(request))
        if response.status in _REPLAYED:
            self._responses[key] = call, response
        else:
            del self._responses[key]
        return _copy(response, {})

    async def forward(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not body.startswith(b"{"):  # the stand-in for Stripe.js sends JSON, the SDK a form
            form = parse_qsl(body.decode(), keep_blank_values=True)
            body = urlencode([field for field in form if not field[0].startswith(_UNSUPPORTED)]).encode()
        headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        response = await self._localstripe.request(request.method, request.path_qs, headers=headers, content=body)
        return _forwarded(response)

    async def search(self, request: web.Request) -> web.Response:
        query = re.fullmatch(r"metadata\['(\w+)'\]:'(\w+)'", request.query["query"])
        if query is None:
            return _error(400, "invalid_request_error", "The bridge supports metadata['name']:'value'.")
        response = await self._localstripe.get("/v1/payment_intents", params={"limit": 10_000}, headers=OWN_KEY)
        name, value = query.groups()
        found = [_completed(intent) for intent in response.json()["data"] if intent["metadata"].get(name) == value]
        return web.json_response({"object": "search_result", "data": found, "has_more": False, "url": request.path})

    async def confirm(self, request: web.Request) -> web.Response:
        """The call of Stripe.js in the browser: attach the card, then confirm."""
        url, form = f"/v1/payment_intents/{request.match_info['id']}", json.loads(await request.read())
        intent = await self._localstripe.get(url, headers=OWN_KEY)
        if intent.status_code != 200 or intent.json()["client_secret"] != form["client_secret"]:
            return _error(404, "invalid_request_error", "No such payment_intent, or a wrong client secret.")
        method = await self._localstripe.post("/v1/payment_methods", json=form["payment_method_data"], headers=OWN_KEY)
        if method.status_code != 200:
            return _forwarded(method)
        await self._localstripe.post(url, json={"payment_method": method.json()["id"]}, headers=OWN_KEY)
        return _forwarded(await self._localstripe.post(f"{url}/confirm", headers=OWN_KEY))

    async def cancel(self, request: web.Request) -> web.Response:
        if self._pages.owns(request.match_info["id"]):
            return _error(400, "invalid_request_error", "Expire the Checkout Session instead.")
        return await self.once(request)

    async def register_webhook(self, request: web.Request) -> web.Response:
        """localstripe's own call: JSON `url`, `secret`, `events`. Its webhooks are then sent to the bridge first."""
        name, hook = request.match_info["id"], json.loads(await request.read())
        self._hooks[name] = hook
        bridge = f"http://{request.host}/_bridge/webhooks/{name}"
        return _forwarded(await self._localstripe.post(f"/_config/webhooks/{name}", json={**hook, "url": bridge}))

    async def forward_webhook(self, request: web.Request) -> web.Response:
        hook, event = self._hooks[request.match_info["id"]], json.loads(await request.read())
        event["data"]["object"] = _completed(event["data"]["object"])
        signed_at = request.headers["Stripe-Signature"].partition(",")[0].removeprefix("t=")
        return web.Response(status=await _send(hook, event, int(signed_at)))

    async def send(self, kind: str, obj: Mapping[str, Any]) -> None:
        """Send a webhook of an object that localstripe does not have."""
        now_s = int(time.time())  # noqa: TID251 Stripe has a clock of its own
        event = {"id": f"evt_page_{next(self._events)}", "object": "event", "type": kind, "data": {"object": obj}}
        for hook in self._hooks.values():
            with contextlib.suppress(httpx.HTTPError):
                await _send(hook, event, now_s)

    async def script(self, request: web.Request) -> web.Response:
        script = await self._localstripe.get(request.path)
        return web.Response(text=script.text + _CONFIRM_CARD_PAYMENT, content_type="application/javascript")


async def _send(hook: Mapping[str, str], event: Mapping[str, Any], signed_at: int) -> int:
    body = json.dumps(event, indent=2).encode()
    signature = hmac.new(hook["secret"].encode(), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={signed_at},v1={signature}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(timeout=10) as merchant:
        return (await merchant.post(hook["url"], content=body, headers=headers)).status_code


def _completed(obj: dict[str, Any]) -> dict[str, Any]:
    """A PaymentIntent with the field that localstripe lacks."""
    if obj.get("object") != "payment_intent":
        return obj
    return {**obj, "amount_received": obj["amount"] if obj["status"] == "succeeded" else 0}


def _forwarded(response: httpx.Response) -> web.Response:
    body = response.content
    if response.headers.get("content-type", "").startswith("application/json"):
        body = json.dumps(_completed(response.json())).encode()
    headers = {name: response.headers[name] for name in ("content-type",) if name in response.headers}
    # The page that loads the script has another origin.
    return web.Response(body=body, status=response.status_code, headers={**headers, "Access-Control-Allow-Origin": "*"})


def _copy(response: web.Response, headers: Mapping[str, str]) -> web.Response:
    """aiohttp sends a response object only once."""
    return web.Response(body=response.body, status=response.status, headers={**response.headers, **headers})


def _error(status: int, kind: str, message: str) -> web.Response:
    return web.json_response({"error": {"type": kind, "message": message}}, status=status)


async def _serve(app: web.Application) -> str:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


async def main() -> None:
    # It would write everything to one file in /tmp, which all processes on the machine would share.
    resources.Store.dump_to_disk = lambda _: None
    bridge = Bridge(await _serve(localstripe))
    print(f"listening on {await _serve(bridge.app())}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
