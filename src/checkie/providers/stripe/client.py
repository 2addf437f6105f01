"""The calls we make of Stripe's SDK. Imported only where Stripe is used: the SDK takes a quarter of a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Final

import httpx
import stripe

from checkie.kernel.ids import AttemptId
from checkie.providers.stripe import hosted
from checkie.providers.stripe.mapping import Json, Trouble

_RETRIES: Final = 2
"""Safe because every POST carries an idempotency key: our attempt's, or (cancel) one that the SDK keeps for its tries.

The SDK repeats connection errors, 409 and 5xx, after 0.5 s and 1 s, unless Stripe forbids it by header.
"""
_EXPANDED: Final = ["payment_intent.latest_charge"]
_NONSENSE: Final = {"code": "makes_no_sense"}
_NO_SEARCH: Final = frozenset({400, 403, 404})
"""Accounts in India have no search (docs.stripe.com/api/payment_intents/search)."""
_MOST_LISTS: Final = 5
_LONGEST_LIST: Final = 100
"""Stripe's own limit."""


class Api:
    """PaymentIntents and Checkout Sessions, as plain JSON objects, told apart by their references (`pi_`, `cs_`).

    Every call ends within `timeout_s`, retries included, or raises Trouble.
    """

    def __init__(self, secret_key: str, *, api_base: str | None, timeout_s: float) -> None:
        # On debug it logs whole bodies: client secrets, e-mail addresses.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        self._timeout_s = timeout_s
        # One hung try must leave time for another one.
        self._http = _Http(httpx.Timeout(timeout_s / 2, connect=timeout_s / 4))
        client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base or stripe.DEFAULT_API_BASE},
            http_client=self._http,
            max_network_retries=_RETRIES,
        )
        self._intents = client.v1.payment_intents
        self._sessions = client.v1.checkout.sessions

    async def create(self, params: Mapping[str, Any], key: str) -> tuple[Json, bool]:
        """The Intent, and whether this is an old answer that Stripe kept for `key` (it keeps them 24 h and more)."""
        body: Any = dict(params)
        return _made(await self._ask(self._intents.create_async(body, {"idempotency_key": key})))

    async def create_hosted(self, params: Mapping[str, Any], key: str) -> tuple[Json, bool]:
        """The Checkout Session, and whether this is an old answer."""
        body: Any = dict(params)
        return _made(await self._ask(self._sessions.create_async(body, {"idempotency_key": key})))

    async def retrieve(self, reference: str) -> Json:
        """How it stands, with the charge that tells which card it was."""
        if hosted.is_hosted(reference):
            return _known(await self._ask(self._sessions.retrieve_async(reference, {"expand": _EXPANDED})))
        return _known(await self._ask(self._intents.retrieve_async(reference, {"expand": ["latest_charge"]})))

    async def cancel(self, reference: str) -> Json:
        """The cancelled Intent, or the expired Checkout Session. Trouble with status 400 when it has ended already."""
        # Not under our own key: Stripe would keep a refusal ("still processing") and repeat it for a day.
        if hosted.is_hosted(reference):
            return _known(await self._ask(self._sessions.expire_async(reference, {"expand": _EXPANDED})))
        return _known(await self._ask(self._intents.cancel_async(reference)))

    async def search(self, attempt: AttemptId) -> Json | None:
        """The Intent made for `attempt`, by us or by its hosted page; None also while Stripe has not indexed it yet."""
        query = f"metadata['attempt']:'{attempt}'"
        try:
            found = await self._ask(self._intents.search_async({"query": query, "limit": 1}))
        except Trouble as trouble:
            if trouble.status not in _NO_SEARCH:
                raise
            return None
        return next((_known(intent) for intent in _listed(found)), None)

    async def hosted_of(self, intent: str) -> str | None:
        """The reference of the Checkout Session that this Intent belongs to."""
        found = await self._ask(self._sessions.list_async({"payment_intent": intent, "limit": 1}))
        return next((str(_known(session)["id"]) for session in _listed(found)), None)

    async def find_hosted(self, attempt: AttemptId) -> str | None:
        """The reference of the Checkout Session made for `attempt`, among the latest 500 of that time.

        They cannot be searched, but listed, and the attempt's id tells when.
        """
        asked: Any = {"created": hosted.made_around(attempt), "limit": _LONGEST_LIST}
        for _ in range(_MOST_LISTS):
            sessions = _listed(await self._ask(self._sessions.list_async(asked)))
            found = hosted.find_in(sessions, attempt)
            if found or len(sessions) < _LONGEST_LIST:
                return found
            asked = {**asked, "starting_after": str(_known(sessions[-1])["id"])}
        return None

    async def aclose(self) -> None:
        """Let the connections go."""
        await self._http.close_async()

    async def _ask(self, call: Coroutine[Any, Any, Any]) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await call
        except TimeoutError:
            raise Trouble(None, {"code": "timeout"}) from None
        except stripe.APIConnectionError as error:
            raise Trouble(None, {"code": error.user_message}) from None
        except stripe.StripeError as error:
            raise Trouble(error.http_status, _error_in(error.json_body)) from None
        except (AttributeError, LookupError, TypeError, ValueError):
            raise Trouble(200, _NONSENSE) from None  # the SDK expects JSON objects
        if not isinstance(answer, stripe.StripeObject):
            raise Trouble(200, _NONSENSE)
        return answer


class _Http(stripe.HTTPClient):
    """httpx under the SDK. Its own HTTPXClient passes bodies in a way that httpx has deprecated."""

    name = "httpx"

    def __init__(self, timeout: httpx.Timeout) -> None:
        super().__init__()
        self._connections = httpx.AsyncClient(timeout=timeout)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            answer = await self._connections.request(method, url, headers=dict(headers), content=post_data)
        except httpx.HTTPError as error:
            untyped: Any = stripe.APIConnectionError
            raise untyped(type(error).__name__, should_retry=True) from None
        return answer.content, answer.status_code, answer.headers

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(secs)

    async def close_async(self) -> None:
        await self._connections.aclose()


def _made(answer: Any) -> tuple[Json, bool]:
    return _known(answer), answer.last_response.headers.get("idempotent-replayed") == "true"


def _known(answer: Any) -> Json:
    found = answer.to_dict() if isinstance(answer, stripe.StripeObject) else answer
    if not isinstance(found, Mapping) or not isinstance(found.get("id"), str):
        raise Trouble(200, _NONSENSE)
    return found


def _listed(answer: Any) -> list[Any]:
    found = answer.to_dict().get("data")
    if not isinstance(found, list):
        raise Trouble(200, _NONSENSE)
    return found


def _error_in(body: object) -> Json:
    error = body.get("error") if isinstance(body, Mapping) else None
    return error if isinstance(error, Mapping) else {}
