"""How the adapter calls: with which key, how often, for how long, and what it never lets out."""

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
from checkie.payments.port import ActionNeeded, Approved, Declined, Intent, Unknown, Withdrawn
from checkie.providers.stripe import Stripe
from tests.contract import standins
from tests.contract.drivers import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Answer = tuple[int, dict[str, Any], dict[str, str]]
MADE: Answer = (200, {"id": "pi_1", "status": "requires_payment_method", "client_secret": "pi_1_secret_x"}, {})
FAILED: Answer = (500, {"error": {"type": "api_error"}}, {})
REFUSED: Answer = (401, {"error": {"message": f"Invalid API key: {SECRET_KEY}"}}, {})
NONE_FOUND: Answer = (200, {"object": "search_result", "data": []}, {})
NONE_LISTED: Answer = (200, {"object": "list", "data": [], "has_more": False}, {})
KEY_TAKEN: Answer = (400, {"error": {"type": "idempotency_error"}}, {})
ENDED: Answer = (400, {"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}}, {})


def intent_is(status: str, **fields: Any) -> Answer:
    return (200, {"id": "pi_1", "currency": "usd", "client_secret": "s", "status": status, **fields}, {})


def listed(*things: dict[str, Any]) -> Answer:
    return (200, {"object": "list", "data": list(things), "has_more": True}, {})


def an_intent() -> Intent:
    return Intent(AttemptId.new(7, NOW), PaymentId.new(7, NOW), Money(2599, "USD"), "Tea", "https://shop.example/")


@asynccontextmanager
async def stripe_answering(*answers: Answer, timeout_s: float = 10) -> AsyncIterator[tuple[Stripe, list[web.Request]]]:
    """An adapter whose Stripe gives these answers, in this order and then the last one again; and what it was asked."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        asked.append(request)
        status, body, headers = answers[min(len(asked), len(answers)) - 1]
        return web.json_response(body, status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with standins.serving(app) as url:
        adapter = Stripe(SECRET_KEY, WEBHOOK_SECRET, PUBLISHABLE_KEY, api_base=url, timeout_s=timeout_s)
        yield adapter, asked
        await adapter.aclose()


def calls(asked: list[web.Request]) -> list[str]:
    return [f"{request.method} {request.path.removeprefix('/v1/payment_intents')}" for request in asked]


class TestTries:
    async def test_repeat_a_failed_call_with_the_attempt_as_its_key(self) -> None:
        intent = an_intent()
        async with stripe_answering(FAILED, MADE) as (adapter, asked):
            assert isinstance(await adapter.authorize(intent), ActionNeeded)
        assert [request.headers["Idempotency-Key"] for request in asked] == [intent.key, intent.key]

    async def test_end_where_stripe_says_so(self) -> None:
        async with stripe_answering((500, {}, {"Stripe-Should-Retry": "false"})) as (adapter, asked):
            assert isinstance(await adapter.authorize(an_intent()), Unknown)
        assert len(asked) == 1

    async def test_are_three_at_most(self) -> None:
        async with stripe_answering(FAILED) as (adapter, asked):
            assert await adapter.authorize(an_intent()) == Unknown("Stripe responded 500 api_error")
        assert len(asked) == 3

    @pytest.mark.parametrize(
        "error",
        [
            {"type": "card_error", "code": "card_declined"},
            {"type": "invalid_request_error", "code": "amount_too_small", "param": "amount"},
        ],
    )
    async def test_are_one_for_a_definite_no(self, error: dict[str, Any]) -> None:
        status = 402 if error["type"] == "card_error" else 400
        async with stripe_answering((status, {"error": error}, {})) as (adapter, asked):
            outcome = await adapter.authorize(an_intent())
        assert isinstance(outcome, Declined)
        assert (outcome.code, len(asked)) == (error["code"], 1)

    async def test_end_all_together_in_time(self) -> None:
        began = time.monotonic()
        async with stripe_answering(FAILED, timeout_s=0.2) as (adapter, _):
            assert await adapter.authorize(an_intent()) == Unknown("no response from Stripe (timeout)")
        assert time.monotonic() - began < 2


class TestAHostedPage:
    made = {"id": "cs_1", "status": "open", "payment_status": "unpaid", "url": "https://checkout.stripe.com/c/pay/cs_1"}  # noqa: RUF012 read only

    async def test_is_made_with_the_attempt_as_its_key(self) -> None:
        intent = replace(an_intent(), hosted=True)
        async with stripe_answering(FAILED, (200, self.made, {})) as (adapter, asked):
            assert isinstance(await adapter.authorize(intent), ActionNeeded)
        assert {request.path for request in asked} == {"/v1/checkout/sessions"}
        assert [request.headers["Idempotency-Key"] for request in asked] == [intent.key, intent.key]

    async def test_of_an_attempt_that_has_begun_is_looked_at_and_not_made(self) -> None:
        intent = replace(an_intent(), hosted=True, reference="cs_1")
        async with stripe_answering((200, self.made, {})) as (adapter, asked):
            assert isinstance(await adapter.authorize(intent), ActionNeeded)
        assert calls(asked) == ["GET /v1/checkout/sessions/cs_1"]

    async def test_is_expired_under_another_key(self) -> None:
        expired: Answer = (200, {**self.made, "status": "expired", "url": None}, {})
        async with stripe_answering(expired) as (adapter, asked):
            assert await adapter.cancel(an_intent().key, "cs_1") == Withdrawn("cs_1")
        assert calls(asked) == ["POST /v1/checkout/sessions/cs_1/expire"]
        assert asked[0].headers["Idempotency-Key"] != an_intent().key

    async def test_that_expires_while_its_intent_is_at_work_is_not_called_off(self) -> None:
        intent = {"id": "pi_1", "status": "processing"}
        expired: Answer = (200, {**self.made, "status": "expired", "url": None, "payment_intent": intent}, {})
        async with stripe_answering(expired) as (adapter, _):
            assert isinstance(await adapter.cancel(an_intent().key, "cs_1"), Unknown)


class TestAnOldAnswer:
    async def test_is_not_believed(self) -> None:
        status, body, _ = MADE
        replay = (status, body, {"Idempotent-Replayed": "true"})
        async with stripe_answering(replay, intent_is("succeeded", amount_received=2599)) as (adapter, asked):
            assert await adapter.authorize(an_intent()) == Approved("pi_1", Money(2599, "USD"))
        assert calls(asked) == ["POST ", "GET /pi_1"]


class TestAnAttemptWithoutAReference:
    async def test_is_withdrawn_once_its_key_is_ours(self) -> None:
        attempt = an_intent().key
        async with stripe_answering(NONE_FOUND, MADE, intent_is("canceled")) as (adapter, asked):
            assert await adapter.find(attempt, None) == Withdrawn("pi_1")
        assert calls(asked) == ["GET /search", "POST ", "POST /pi_1/cancel"]
        assert asked[0].query["query"] == f"metadata['attempt']:'{attempt}'"
        assert asked[1].headers["Idempotency-Key"] == attempt
        assert asked[2].headers["Idempotency-Key"] != attempt

    @pytest.mark.parametrize("call", ["find", "cancel"])
    async def test_is_unknown_while_its_intent_exists_and_the_search_lags(self, call: str) -> None:
        async with stripe_answering(NONE_FOUND, KEY_TAKEN, NONE_LISTED) as (adapter, asked):
            said = await getattr(adapter, call)(an_intent().key, None)
        assert said == Unknown("Stripe responded 400 idempotency_error")
        assert [request.path for request in asked][2:] == ["/v1/checkout/sessions"]

    async def test_is_looked_for_on_further_pages_of_the_list(self) -> None:
        intent = an_intent()
        others = [{"id": f"cs_{number}", "client_reference_id": "x"} for number in range(100)]
        ours = {"id": "cs_ours", "client_reference_id": intent.key, "payment_status": "unpaid", "status": "expired"}
        lists = [listed(*others), listed(*others[:99], {**ours, "url": None})]
        async with stripe_answering(NONE_FOUND, KEY_TAKEN, *lists, (200, ours, {})) as (adapter, asked):
            assert await adapter.find(intent.key, None) == Withdrawn("cs_ours")
        assert asked[3].query["starting_after"] == "cs_99"
        born_s = int(NOW.timestamp())
        assert (asked[2].query["created[gte]"], asked[2].query["created[lte]"]) == (str(born_s - 60), str(born_s + 60))

    async def test_is_not_looked_for_for_ever(self) -> None:
        others = listed(*({"id": f"cs_{number}"} for number in range(100)))
        async with stripe_answering(NONE_FOUND, KEY_TAKEN, others) as (adapter, asked):
            assert isinstance(await adapter.find(an_intent().key, None), Unknown)
        assert len(asked) == 2 + 5

    async def test_is_listed_only_where_its_key_is_taken(self) -> None:
        async with stripe_answering(NONE_FOUND, REFUSED) as (adapter, asked):
            assert isinstance(await adapter.find(an_intent().key, None), Unknown)
        assert calls(asked) == ["GET /search", "POST "]

    async def test_is_withdrawn_for_accounts_without_search_too(self) -> None:
        no_search: Answer = (400, {"error": {"type": "invalid_request_error"}}, {})
        async with stripe_answering(no_search, MADE, intent_is("canceled")) as (adapter, _):
            assert await adapter.find(an_intent().key, None) == Withdrawn("pi_1")


class TestADecline:
    error = {"last_payment_error": {"type": "card_error", "code": "card_declined", "message": "No."}}  # noqa: RUF012 read only

    async def test_is_made_final(self) -> None:
        declined = intent_is("requires_payment_method", **self.error)
        async with stripe_answering(declined, intent_is("canceled")) as (adapter, asked):
            assert await adapter.find(an_intent().key, "pi_1") == Declined("pi_1", "card_declined", "No.")
        assert calls(asked) == ["GET /pi_1", "POST /pi_1/cancel"]

    async def test_that_the_buyer_turned_into_a_payment_meanwhile_is_a_payment(self) -> None:
        declined = intent_is("requires_payment_method", **self.error)
        paid = intent_is("succeeded", amount_received=2599)
        async with stripe_answering(declined, ENDED, paid) as (adapter, _):
            assert await adapter.find(an_intent().key, "pi_1") == Approved("pi_1", Money(2599, "USD"))

    async def test_that_could_not_be_made_final_is_unknown(self) -> None:
        declined = intent_is("requires_payment_method", **self.error)
        async with stripe_answering(declined, FAILED, timeout_s=0.3) as (adapter, _):
            assert isinstance(await adapter.find(an_intent().key, "pi_1"), Unknown)


class TestCancel:
    async def test_is_unknown_while_stripe_is_at_work(self) -> None:
        async with stripe_answering(ENDED, intent_is("processing")) as (adapter, _):
            assert await adapter.cancel(an_intent().key, "pi_1") == Unknown("Stripe is still processing the payment")


class TestSecrets:
    async def test_are_in_no_log_and_in_no_answer(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            for answer in (MADE, FAILED, REFUSED):
                async with stripe_answering(answer, timeout_s=0.3) as (adapter, asked):
                    said = await adapter.authorize(an_intent())
                assert asked[0].headers["Authorization"] == f"Bearer {SECRET_KEY}"
                for secret in (SECRET_KEY, WEBHOOK_SECRET):
                    assert secret not in f"{said!r} {adapter!r}"
        assert "client_secret" not in caplog.text
        assert SECRET_KEY not in caplog.text

    @pytest.mark.parametrize("empty", range(3))
    def test_are_all_needed(self, empty: int) -> None:
        keys = ["" if place == empty else "x" for place in range(3)]
        with pytest.raises(ValueError, match="needs a secret key"):
            Stripe(*keys)


class TestTheSdk:
    def test_is_loaded_with_the_first_adapter_and_not_before(self) -> None:
        code = "import sys; from checkie.providers.stripe import Stripe; assert 'stripe' not in sys.modules"
        subprocess.run([sys.executable, "-c", code], check=True)

    async def test_serves_many_calls_at_once(self) -> None:
        async with stripe_answering(MADE) as (adapter, asked):
            said = await asyncio.gather(*(adapter.authorize(an_intent()) for _ in range(50)))
        assert all(isinstance(each, ActionNeeded) for each in said)
        assert len(asked) == 50
