"""The calls to Stripe through its SDK. Imported only where Stripe is used: the SDK takes a quarter of a second."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, Final

import aiohttp
import stripe

from checkie.kernel.ids import AttemptId
from checkie.providers.stripe import hosted
from checkie.providers.stripe.mapping import CallFailed, Json

_RETRIES: Final = 2
"""Safe because every POST has an idempotency key: our attempt's, or (cancel) one that the SDK keeps for its retries.

The SDK retries connection errors, 409 and 5xx, after 0.5 s and 1 s, unless Stripe forbids it by header.
"""
_EXPANDED: Final = ["payment_intent.latest_charge"]
_INVALID: Final = {"code": "invalid_response"}
_NO_SEARCH: Final = frozenset({400, 403, 404})
"""Accounts in India have no search (docs.stripe.com/api/payment_intents/search)."""
_MAX_LISTS: Final = 5
_MAX_LIST: Final = 100
"""Stripe's own limit."""


class Api:
    """PaymentIntents and Checkout Sessions as JSON objects, distinguished by their references (`pi_`, `cs_`).

    Every call ends within `timeout_s`, retries included, or raises CallFailed.
    """

    def __init__(self, secret_key: str, *, api_base: str | None, timeout_s: float) -> None:
        # At level debug the SDK logs whole bodies: client secrets, email addresses.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        self._timeout_s = timeout_s
        # One request that hangs must leave time for a retry.
        self._http = _AiohttpClient(aiohttp.ClientTimeout(total=timeout_s / 2, sock_connect=timeout_s / 4))
        client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base or stripe.DEFAULT_API_BASE},
            http_client=self._http,
            max_network_retries=_RETRIES,
        )
        self._intents = client.v1.payment_intents
        self._sessions = client.v1.checkout.sessions

    async def create(self, params: Mapping[str, Any], key: str) -> tuple[Json, bool]:
        """The PaymentIntent, and whether the response is a replay of the first one for `key` (kept 24 h or more)."""
        body: Any = dict(params)
        return _created(await self._call(self._intents.create_async(body, {"idempotency_key": key})))

    async def create_hosted(self, params: Mapping[str, Any], key: str) -> tuple[Json, bool]:
        """The Checkout Session, and whether the response is a replay."""
        body: Any = dict(params)
        return _created(await self._call(self._sessions.create_async(body, {"idempotency_key": key})))

    async def retrieve(self, reference: str) -> Json:
        """The object as it is now, with the charge expanded for the card that it names."""
        if hosted.is_hosted(reference):
            return _object(await self._call(self._sessions.retrieve_async(reference, {"expand": _EXPANDED})))
        return _object(await self._call(self._intents.retrieve_async(reference, {"expand": ["latest_charge"]})))

    async def cancel(self, reference: str) -> Json:
        """Cancel the PaymentIntent, or expire the Checkout Session. CallFailed with 400 when it has ended already."""
        # Not under our own key: Stripe would keep a refusal ("still processing") and replay it for a day.
        if hosted.is_hosted(reference):
            return _object(await self._call(self._sessions.expire_async(reference, {"expand": _EXPANDED})))
        return _object(await self._call(self._intents.cancel_async(reference)))

    async def search(self, attempt: AttemptId) -> Json | None:
        """The PaymentIntent of `attempt`, created by us or by its hosted page. None until Stripe has indexed it."""
        query = f"metadata['attempt']:'{attempt}'"
        try:
            found = await self._call(self._intents.search_async({"query": query, "limit": 1}))
        except CallFailed as failure:
            if failure.status not in _NO_SEARCH:
                raise
            return None
        return next((_object(intent) for intent in _listed(found)), None)

    async def hosted_of(self, intent: str) -> str | None:
        """The reference of the Checkout Session that this PaymentIntent belongs to."""
        found = await self._call(self._sessions.list_async({"payment_intent": intent, "limit": 1}))
        return next((str(_object(session)["id"]) for session in _listed(found)), None)

    async def find_hosted(self, attempt: AttemptId) -> str | None:
        """The reference of the Checkout Session of `attempt`, among the latest 500 of the time of its creation.

        Checkout Sessions cannot be searched, only listed; the attempt's id holds the time.
        """
        params: Any = {"created": hosted.created_filter(attempt), "limit": _MAX_LIST}
        for _ in range(_MAX_LISTS):
            sessions = _listed(await self._call(self._sessions.list_async(params)))
            found = hosted.find_in(sessions, attempt)
            if found or len(sessions) < _MAX_LIST:
                return found
            params = {**params, "starting_after": str(_object(sessions[-1])["id"])}
        return None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.close_async()

    async def _call(self, call: Coroutine[Any, Any, Any]) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await call
        except TimeoutError:
            raise CallFailed(None, {"code": "timeout"}) from None
        except stripe.APIConnectionError as error:
            raise CallFailed(None, {"code": error.user_message}) from None
        except stripe.StripeError as error:
            raise CallFailed(error.http_status, _error_in(error.json_body)) from None
        except (AttributeError, LookupError, TypeError, ValueError):
            raise CallFailed(200, _INVALID) from None  # the SDK expects JSON objects
        if not isinstance(response, stripe.StripeObject):
            raise CallFailed(200, _INVALID)
        return response


class _AiohttpClient(stripe.HTTPClient):
    """aiohttp for the SDK. The SDK's own AIOHTTPClient follows redirects, and does not retry a truncated response."""

    name = "aiohttp"

    def __init__(self, timeout: aiohttp.ClientTimeout) -> None:
        super().__init__()
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        session = self._session or self._open()
        try:
            async with session.request(method, url, headers=headers, data=post_data, allow_redirects=False) as response:
                return await response.read(), response.status, response.headers
        except (TimeoutError, aiohttp.ClientError) as error:
            untyped: Any = stripe.APIConnectionError
            raise untyped(type(error).__name__, should_retry=True) from None

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(secs)

    async def close_async(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        """A session belongs to the running event loop, so the first call opens it."""
        certificates = ssl.create_default_context(cafile=stripe.ca_bundle_path)
        self._session = aiohttp.ClientSession(
            # The resolver of the operating system, in a thread: the address is Stripe's, or the operator's own setting.
            connector=aiohttp.TCPConnector(ssl=certificates, resolver=aiohttp.ThreadedResolver()),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=True,  # HTTPS_PROXY, where the only way out is a proxy
        )
        return self._session


def _created(response: Any) -> tuple[Json, bool]:
    return _object(response), response.last_response.headers.get("idempotent-replayed") == "true"


def _object(response: Any) -> Json:
    found = response.to_dict() if isinstance(response, stripe.StripeObject) else response
    if not isinstance(found, Mapping) or not isinstance(found.get("id"), str):
        raise CallFailed(200, _INVALID)
    return found


def _listed(response: Any) -> list[Any]:
    found = response.to_dict().get("data")
    if not isinstance(found, list):
        raise CallFailed(200, _INVALID)
    return found


def _error_in(body: object) -> Json:
    error = body.get("error") if isinstance(body, Mapping) else None
    return error if isinstance(error, Mapping) else {}
