"""localstripe, and in front of it what localstripe lacks of Stripe, so that the adapter under test stays as it is.

    python -m tests.contract.localstripe_bridge        prints "listening on http://127.0.0.1:<port>" and serves

localstripe keeps the Intents, charges or declines the cards and sends the webhooks. The bridge, as Stripe documents it:

* drops `automatic_payment_methods`, `description` and `receipt_email`, which localstripe refuses as unexpected;
* answers a repeated `Idempotency-Key` with the first answer (`Idempotent-Replayed`), or refuses another body;
* adds `amount_received` to Intents, in answers and in webhooks (which it therefore signs anew, with the same secret);
* searches Intents by metadata;
* has Checkout Sessions and their page (hosted_pages.py), whose Intents cannot be cancelled by themselves;
* lets the browser confirm an Intent with a card: localstripe confirms only what has a payment method already, and its
  stand-in for Stripe.js never sends the card (its issue 253), so the script comes with a `confirmCardPayment` that
  does.
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

_UNKNOWN_TO_LOCALSTRIPE: Final = ("automatic_payment_methods", "description", "receipt_email")
_PASSED_ON: Final = ("Authorization", "Content-Type")
_KEPT: Final = frozenset({200, 402})
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
    """A proxy before one localstripe. What it remembers lives as long as the process, as localstripe's data does."""

    def __init__(self, upstream: str) -> None:
        self._localstripe = httpx.AsyncClient(base_url=upstream, timeout=10)
        self._answers: dict[str, tuple[bytes, web.Response | None]] = {}
        self._hooks: dict[str, Mapping[str, str]] = {}
        self._pages = HostedPages(self._localstripe, self.tell)
        self._events = itertools.count(1)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/js.stripe.com/v3/", self.script)
        app.router.add_get("/v1/payment_intents/search", self.search)
        app.router.add_post("/v1/payment_intents/{id}/confirm", self.confirm)
        app.router.add_post("/v1/payment_intents/{id}/cancel", self.cancel)
        self._pages.add_to(app)
        app.router.add_post("/_config/webhooks/{id}", self.register_webhook)
        app.router.add_post("/_bridge/webhooks/{id}", self.pass_webhook)
        app.router.add_route("*", "/{path:.*}", self.once)
        return app

    async def once(self, request: web.Request) -> web.Response:
        """Any other call; a POST with an Idempotency-Key is made once."""
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or key is None:
            return await self.forward(request)
        asked = request.path.encode() + b" " + await request.read()
        first, answer = self._answers.get(key, (asked, None))
        if first != asked:
            return _error(400, "idempotency_error", "This key was used with other parameters.")
        if key in self._answers and answer is None:
            return _error(409, "invalid_request_error", "Another request with this key is in progress.")
        if answer is not None:
            return _copy(answer, {"Idempotent-Replayed": "true"})
        self._answers[key] = asked, None
        is_page = request.path == "/v1/checkout/sessions"
        answer = await (self._pages.create(request) if is_page else self.forward(request))
        if answer.status in _KEPT:
            self._answers[key] = asked, answer
        else:
            del self._answers[key]
        return _copy(answer, {})

    async def forward(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not body.startswith(b"{"):  # Stripe.js's stand-in sends JSON, the SDK a form
            form = parse_qsl(body.decode(), keep_blank_values=True)
            body = urlencode([field for field in form if not field[0].startswith(_UNKNOWN_TO_LOCALSTRIPE)]).encode()
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        answer = await self._localstripe.request(request.method, request.path_qs, headers=headers, content=body)
        return _passed_on(answer)

    async def search(self, request: web.Request) -> web.Response:
        query = re.fullmatch(r"metadata\['(\w+)'\]:'(\w+)'", request.query["query"])
        if query is None:
            return _error(400, "invalid_request_error", "The bridge understands metadata['name']:'value'.")
        answer = await self._localstripe.get("/v1/payment_intents", params={"limit": 10_000}, headers=OWN_KEY)
        name, value = query.groups()
        found = [_completed(intent) for intent in answer.json()["data"] if intent["metadata"].get(name) == value]
        return web.json_response({"object": "search_result", "data": found, "has_more": False, "url": request.path})

    async def confirm(self, request: web.Request) -> web.Response:
        """What Stripe.js asks for in the browser: attach the card that the buyer entered, then confirm."""
        url, asked = f"/v1/payment_intents/{request.match_info['id']}", json.loads(await request.read())
        intent = await self._localstripe.get(url, headers=OWN_KEY)
        if intent.status_code != 200 or intent.json()["client_secret"] != asked["client_secret"]:
            return _error(404, "invalid_request_error", "No such payment_intent, or not your secret.")
        method = await self._localstripe.post("/v1/payment_methods", json=asked["payment_method_data"], headers=OWN_KEY)
        if method.status_code != 200:
            return _passed_on(method)
        await self._localstripe.post(url, json={"payment_method": method.json()["id"]}, headers=OWN_KEY)
        return _passed_on(await self._localstripe.post(f"{url}/confirm", headers=OWN_KEY))

    async def cancel(self, request: web.Request) -> web.Response:
        if self._pages.owns(request.match_info["id"]):
            return _error(400, "invalid_request_error", "Expire the Checkout Session instead.")
        return await self.once(request)

    async def register_webhook(self, request: web.Request) -> web.Response:
        """localstripe's own call: JSON `url`, `secret`, `events`. Its webhooks come by here first."""
        name, hook = request.match_info["id"], json.loads(await request.read())
        self._hooks[name] = hook
        here = f"http://{request.host}/_bridge/webhooks/{name}"
        return _passed_on(await self._localstripe.post(f"/_config/webhooks/{name}", json={**hook, "url": here}))

    async def pass_webhook(self, request: web.Request) -> web.Response:
        hook, event = self._hooks[request.match_info["id"]], json.loads(await request.read())
        event["data"]["object"] = _completed(event["data"]["object"])
        signed_at = request.headers["Stripe-Signature"].partition(",")[0].removeprefix("t=")
        return web.Response(status=await _send(hook, event, int(signed_at)))

    async def tell(self, kind: str, thing: Mapping[str, Any]) -> None:
        """A webhook that localstripe knows nothing of."""
        now_s = int(time.time())  # noqa: TID251 Stripe has a clock of its own
        event = {"id": f"evt_page_{next(self._events)}", "object": "event", "type": kind, "data": {"object": thing}}
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


def _completed(thing: dict[str, Any]) -> dict[str, Any]:
    """An Intent with the field that localstripe leaves out."""
    if thing.get("object") != "payment_intent":
        return thing
    return {**thing, "amount_received": thing["amount"] if thing["status"] == "succeeded" else 0}


def _passed_on(answer: httpx.Response) -> web.Response:
    body = answer.content
    if answer.headers.get("content-type", "").startswith("application/json"):
        body = json.dumps(_completed(answer.json())).encode()
    headers = {name: answer.headers[name] for name in ("content-type",) if name in answer.headers}
    # The page that loads the script is of another origin.
    return web.Response(body=body, status=answer.status_code, headers={**headers, "Access-Control-Allow-Origin": "*"})


def _copy(answer: web.Response, headers: Mapping[str, str]) -> web.Response:
    """aiohttp sends a response object once only."""
    return web.Response(body=answer.body, status=answer.status, headers={**answer.headers, **headers})


def _error(status: int, kind: str, message: str) -> web.Response:
    return web.json_response({"error": {"type": kind, "message": message}}, status=status)


async def _serve(app: web.Application) -> str:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


async def main() -> None:
    # It would write everything to one file in /tmp, shared by whoever runs it on this machine.
    resources.Store.dump_to_disk = lambda _: None
    bridge = Bridge(await _serve(localstripe))
    print(f"listening on {await _serve(bridge.app())}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
