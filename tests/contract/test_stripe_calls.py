"""The adapter's calls: their keys, retries and time limits, and the secrets that they do not reveal."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, PaymentId
from checkie.payments.port import ActionNeeded, Approved, Cancelled, Declined, Intent, Unknown
from checkie.providers.stripe import Stripe
from tests.contract import standins
from tests.contract.drivers import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Response = tuple[int, dict[str, Any], dict[str, str]]
CREATED: Response = (200, {"id": "pi_1", "status": "requires_payment_method", "client_secret": "pi_1_secret_x"}, {})
FAILED: Response = (500, {"error": {"type": "api_error"}}, {})
REFUSED: Response = (401, {"error": {"message": f"Invalid API key: {SECRET_KEY}"}}, {})
NOTHING_FOUND: Response = (200, {"object": "search_result", "data": []}, {})
NONE_LISTED: Response = (200, {"object": "list", "data": [], "has_more": False}, {})
KEY_USED: Response = (400, {"error": {"type": "idempotency_error"}}, {})
ENDED: Response = (400, {"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}}, {})


OPEN_PAGE = {
    "id": "cs_1",
    "status": "open",
    "payment_status": "unpaid",
    "url": "https://checkout.stripe.com/c/pay/cs_1",
}
CARD_ERROR = {"last_payment_error": {"type": "card_error", "code": "card_declined", "message": "No."}}


def intent_is(status: str, **fields: Any) -> Response:
    return (200, {"id": "pi_1", "currency": "usd", "client_secret": "s", "status": status, **fields}, {})


def listed(*objects: dict[str, Any]) -> Response:
    return (200, {"object": "list", "data": list(objects), "has_more": True}, {})


def an_intent() -> Intent:
    return Intent(AttemptId.new(7, NOW), PaymentId.new(7, NOW), Money(2599, "USD"), "Tea", "https://shop.example/")


@asynccontextmanager
async def stripe_responding(
    *responses: Response, timeout_s: float = 10
) -> AsyncIterator[tuple[Stripe, list[web.Request]]]:
    """An adapter whose Stripe gives these responses in order, and then repeats the last; and the requests it got."""
    requests: list[web.Request] = []

    async def respond(request: web.Request) -> web.Response:
        await request.read()
        requests.append(request)
        status, body, headers = responses[min(len(requests), len(responses)) - 1]
        return web.json_response(body, status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    async with standins.serving(app) as url:
        adapter = Stripe(SECRET_KEY, WEBHOOK_SECRET, PUBLISHABLE_KEY, api_base=url, timeout_s=timeout_s)
        yield adapter, requests
        await adapter.aclose()


def calls(requests: list[web.Request]) -> list[str]:
    return [f"{request.method} {request.path.removeprefix('/v1/payment_intents')}" for request in requests]


class TestRetries:
    async def test_repeat_a_failed_call_under_the_attempts_key(self) -> None:
        intent = an_intent()
        async with stripe_responding(FAILED, CREATED) as (adapter, requests):
            assert isinstance(await adapter.authorize(intent), ActionNeeded)
        assert [request.headers["Idempotency-Key"] for request in requests] == [intent.key, intent.key]

    async def test_end_when_stripe_says_so(self) -> None:
        async with stripe_responding((500, {}, {"Stripe-Should-Retry": "false"})) as (adapter, requests):
            assert isinstance(await adapter.authorize(an_intent()), Unknown)
        assert len(requests) == 1

    async def test_make_three_requests_at_most(self) -> None:
        async with stripe_responding(FAILED) as (adapter, requests):
            assert await adapter.authorize(an_intent()) == Unknown("Stripe responded 500 api_error")
        assert len(requests) == 3

    @pytest.mark.parametrize(
        "error",
        [
            {"type": "card_error", "code": "card_declined"},
            {"type": "invalid_request_error", "code": "amount_too_small", "param": "amount"},
        ],
    )
    async def test_do_not_follow_a_decline(self, error: dict[str, Any]) -> None:
        status = 402 if error["type"] == "card_error" else 400
        async with stripe_responding((status, {"error": error}, {})) as (adapter, requests):
            outcome = await adapter.authorize(an_intent())
        assert isinstance(outcome, Declined)
        assert (outcome.code, len(requests)) == (error["code"], 1)

    async def test_end_within_the_time_limit(self) -> None:
        began = time.monotonic()
        async with stripe_responding(FAILED, timeout_s=0.2) as (adapter, _):
            assert await adapter.authorize(an_intent()) == Unknown("no response from Stripe (timeout)")
        assert time.monotonic() - began < 2


class TestAHostedPage:
    async def test_is_created_under_the_attempts_key(self) -> None:
        intent = replace(an_intent(), hosted=True)
        async with stripe_responding(FAILED, (200, OPEN_PAGE, {})) as (adapter, requests):
            assert isinstance(await adapter.authorize(intent), ActionNeeded)
        assert {request.path for request in requests} == {"/v1/checkout/sessions"}
        assert [request.headers["Idempotency-Key"] for request in requests] == [intent.key, intent.key]

    async def test_of_a_started_attempt_is_retrieved_and_not_created(self) -> None:
        intent = replace(an_intent(), hosted=True, reference="cs_1")
        async with stripe_responding((200, OPEN_PAGE, {})) as (adapter, requests):
            assert isinstance(await adapter.authorize(intent), ActionNeeded)
        assert calls(requests) == ["GET /v1/checkout/sessions/cs_1"]

    async def test_is_expired_under_another_key(self) -> None:
        expired: Response = (200, {**OPEN_PAGE, "status": "expired", "url": None}, {})
        async with stripe_responding(expired) as (adapter, requests):
            assert await adapter.cancel(an_intent().key, "cs_1") == Cancelled("cs_1")
        assert calls(requests) == ["POST /v1/checkout/sessions/cs_1/expire"]
        assert requests[0].headers["Idempotency-Key"] != an_intent().key

    async def test_that_expires_while_its_intent_is_processing_is_not_withdrawn(self) -> None:
        intent = {"id": "pi_1", "status": "processing"}
        expired: Response = (200, {**OPEN_PAGE, "status": "expired", "url": None, "payment_intent": intent}, {})
        async with stripe_responding(expired) as (adapter, _):
            assert isinstance(await adapter.cancel(an_intent().key, "cs_1"), Unknown)


class TestAReplayedResponse:
    async def test_is_followed_by_a_retrieve(self) -> None:
        status, body, _ = CREATED
        replay = (status, body, {"Idempotent-Replayed": "true"})
        async with stripe_responding(replay, intent_is("succeeded", amount_received=2599)) as (adapter, requests):
            assert await adapter.authorize(an_intent()) == Approved("pi_1", Money(2599, "USD"))
        assert calls(requests) == ["POST ", "GET /pi_1"]


class TestAnAttemptWithoutAReference:
    async def test_is_withdrawn_when_its_key_was_unused(self) -> None:
        attempt = an_intent().key
        async with stripe_responding(NOTHING_FOUND, CREATED, intent_is("canceled")) as (adapter, requests):
            assert await adapter.find(attempt, None) == Cancelled("pi_1")
        assert calls(requests) == ["GET /search", "POST ", "POST /pi_1/cancel"]
        assert requests[0].query["query"] == f"metadata['attempt']:'{attempt}'"
        assert requests[1].headers["Idempotency-Key"] == attempt
        assert requests[2].headers["Idempotency-Key"] != attempt

    @pytest.mark.parametrize("call", ["find", "cancel"])
    async def test_is_unknown_while_its_intent_exists_and_the_search_lags(self, call: str) -> None:
        async with stripe_responding(NOTHING_FOUND, KEY_USED, NONE_LISTED) as (adapter, requests):
            outcome = await getattr(adapter, call)(an_intent().key, None)
        assert outcome == Unknown("Stripe responded 400 idempotency_error")
        assert [request.path for request in requests][2:] == ["/v1/checkout/sessions"]

    async def test_is_searched_on_further_pages_of_the_list(self) -> None:
        intent = an_intent()
        others = [{"id": f"cs_{number}", "client_reference_id": "x"} for number in range(100)]
        ours = {"id": "cs_ours", "client_reference_id": intent.key, "payment_status": "unpaid", "status": "expired"}
        lists = [listed(*others), listed(*others[:99], {**ours, "url": None})]
        async with stripe_responding(NOTHING_FOUND, KEY_USED, *lists, (200, ours, {})) as (adapter, requests):
            assert await adapter.find(intent.key, None) == Cancelled("cs_ours")
        assert requests[3].query["starting_after"] == "cs_99"
        created_s = int(NOW.timestamp())
        assert (requests[2].query["created[gte]"], requests[2].query["created[lte]"]) == (
            str(created_s - 60),
            str(created_s + 60),
        )

    async def test_is_searched_on_five_pages_at_most(self) -> None:
        others = listed(*({"id": f"cs_{number}"} for number in range(100)))
        async with stripe_responding(NOTHING_FOUND, KEY_USED, others) as (adapter, requests):
            assert isinstance(await adapter.find(an_intent().key, None), Unknown)
        assert len(requests) == 2 + 5

    async def test_is_searched_in_the_list_only_when_its_key_is_used(self) -> None:
        async with stripe_responding(NOTHING_FOUND, REFUSED) as (adapter, requests):
            assert isinstance(await adapter.find(an_intent().key, None), Unknown)
        assert calls(requests) == ["GET /search", "POST "]

    async def test_is_withdrawn_for_accounts_without_search(self) -> None:
        no_search: Response = (400, {"error": {"type": "invalid_request_error"}}, {})
        async with stripe_responding(no_search, CREATED, intent_is("canceled")) as (adapter, _):
            assert await adapter.find(an_intent().key, None) == Cancelled("pi_1")


class TestADecline:
    async def test_is_made_final(self) -> None:
        declined = intent_is("requires_payment_method", **CARD_ERROR)
        async with stripe_responding(declined, intent_is("canceled")) as (adapter, requests):
            assert await adapter.find(an_intent().key, "pi_1") == Declined("pi_1", "card_declined", "No.")
        assert calls(requests) == ["GET /pi_1", "POST /pi_1/cancel"]

    async def test_that_the_buyer_paid_in_the_meantime_is_approved(self) -> None:
        declined = intent_is("requires_payment_method", **CARD_ERROR)
        paid = intent_is("succeeded", amount_received=2599)
        async with stripe_responding(declined, ENDED, paid) as (adapter, _):
            assert await adapter.find(an_intent().key, "pi_1") == Approved("pi_1", Money(2599, "USD"))

    async def test_that_cannot_be_made_final_is_unknown(self) -> None:
        declined = intent_is("requires_payment_method", **CARD_ERROR)
        async with stripe_responding(declined, FAILED, timeout_s=0.3) as (adapter, _):
            assert isinstance(await adapter.find(an_intent().key, "pi_1"), Unknown)


class TestCancel:
    async def test_is_unknown_while_stripe_is_processing(self) -> None:
        async with stripe_responding(ENDED, intent_is("processing")) as (adapter, _):
            assert await adapter.cancel(an_intent().key, "pi_1") == Unknown("Stripe is still processing the payment")


class TestSecrets:
    async def test_are_in_no_log_and_in_no_outcome(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            for response in (CREATED, FAILED, REFUSED):
                async with stripe_responding(response, timeout_s=0.3) as (adapter, requests):
                    outcome = await adapter.authorize(an_intent())
                assert requests[0].headers["Authorization"] == f"Bearer {SECRET_KEY}"
                for secret in (SECRET_KEY, WEBHOOK_SECRET):
                    assert secret not in f"{outcome!r} {adapter!r}"
        assert "client_secret" not in caplog.text
        assert SECRET_KEY not in caplog.text

    @pytest.mark.parametrize("empty", range(3))
    def test_are_all_required(self, empty: int) -> None:
        keys = ["" if place == empty else "x" for place in range(3)]
        with pytest.raises(ValueError, match="needs a secret key"):
            Stripe(*keys)


class TestTheSdk:
    def test_is_imported_with_the_first_adapter(self) -> None:
        code = "import sys; from checkie.providers.stripe import Stripe; assert 'stripe' not in sys.modules"
        subprocess.run([sys.executable, "-c", code], check=True)

    async def test_makes_many_calls_at_once(self) -> None:
        async with stripe_responding(CREATED) as (adapter, requests):
            outcomes = await asyncio.gather(*(adapter.authorize(an_intent()) for _ in range(50)))
        assert all(isinstance(each, ActionNeeded) for each in outcomes)
        assert len(requests) == 50
