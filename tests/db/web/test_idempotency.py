"""Idempotency-Key: an operation takes effect once and is answered the same again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeAlias

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from checkie import web
from checkie.db import Database, retry_on_conflict
from checkie.kernel import Conflict, Keyring
from checkie.web.idempotency import KEPT, RUNS_AT_MOST, BadKey, KeyReused, Replay, StillRunning
from tests import make
from tests.make import Clock

SECRET: Final = "cs_very_secret_of_the_buyer"
BODY: Final = {"session_id": "ses_1"}
Body: TypeAlias = dict[str, Any]


class Refused(Conflict):
    """No."""

    code = "test_refused"


class FormContext:
    """A route that does something once; `done` counts how often it ran."""

    def __init__(self, db: Database, store: int) -> None:
        self.clock = Clock()
        self.runtime = web.Runtime(db, self.clock, make.KEYRING, "http://shop.example")
        self.store = store
        self.done = 0
        self.refuses = False
        self.is_sure = True

    async def work(self) -> Body:
        self.done += 1
        return {"number": self.done, "client_secret": SECRET}

    async def ask(
        self,
        key: str = "k",
        body: object = BODY,
        do: Callable[[], Awaitable[Body]] | None = None,
        endpoint: str = "e",
    ) -> JSONResponse:
        once = web.IdempotentRequest(self.runtime, (self.store, endpoint, key), body)

        @retry_on_conflict()
        async def begin() -> None:
            async with self.runtime.db.transaction() as unit:
                await once.begin(unit)
                if self.refuses:
                    raise Refused

        try:
            await begin()
        except Replay as before:
            return before.response
        body = await (do or self.work)()
        async with self.runtime.db.transaction() as unit:
            once.keep(unit, 201, body) if self.is_sure else once.release(unit)
        return JSONResponse(body, 201)

    async def rows(self) -> list[Any]:
        return list(await self.runtime.db.fetch("select * from web.idempotency_key where store = $1", self.store))


def said(answer: JSONResponse) -> tuple[int, Any]:
    return answer.status_code, json.loads(bytes(answer.body))


@pytest.fixture
async def context(db: Database) -> FormContext:
    return FormContext(db, (await make.store(db)).number)


class TestTheSameAgain:
    async def test_is_answered_the_same_and_done_once(self, context: FormContext) -> None:
        first, again = await context.ask(), await context.ask()
        assert said(first) == said(again) == (201, {"number": 1, "client_secret": SECRET})
        assert context.done == 1

    async def test_says_that_it_is_a_repetition(self, context: FormContext) -> None:
        first, again = await context.ask(), await context.ask()
        assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")

    async def test_holds_for_a_day_and_more(self, context: FormContext) -> None:
        await context.ask()
        context.clock.tick(hours=24)
        await web.prune(context.runtime.db, context.clock())
        await context.ask()
        assert context.done == 1

    async def test_is_not_the_same_with_another_key_endpoint_or_store(self, context: FormContext) -> None:
        await context.ask()
        await context.ask("k2")
        await context.ask(endpoint="e2")
        other = FormContext(context.runtime.db, (await make.store(context.runtime.db)).number)
        await other.ask()
        assert (context.done, other.done) == (3, 1)

    async def test_does_not_depend_on_the_order_of_the_fields(self, context: FormContext) -> None:
        await context.ask(body={"a": 1, "b": 2})
        await context.ask(body={"b": 2, "a": 1})
        assert context.done == 1

    async def test_with_a_rotated_keyring_is_answered_the_same(self, context: FormContext) -> None:
        first = await context.ask()
        rotated = Keyring("k2", {"k2": b"n" * 32, **make.KEYRING.keys})
        context.runtime = replace(context.runtime, keyring=rotated)
        assert said(await context.ask()) == said(first)


class TestAnotherBody:
    async def test_is_refused(self, context: FormContext) -> None:
        await context.ask()
        with pytest.raises(KeyReused) as refused:
            await context.ask(body={"session_id": "ses_2"})
        assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")

    async def test_is_refused_while_the_first_runs(self, context: FormContext) -> None:
        async def meanwhile() -> Body:
            with pytest.raises(KeyReused):
                await context.ask(body={"session_id": "ses_2"})
            return await context.work()

        await context.ask(do=meanwhile)

    async def test_is_refused_after_a_crash(self, context: FormContext) -> None:
        await crash(context)
        context.clock.tick(minutes=1)
        with pytest.raises(KeyReused):
            await context.ask(body={"session_id": "ses_2"})
        assert said(await context.ask())[0] == 201


class TestWhileItRuns:
    async def test_the_same_is_in_use(self, context: FormContext) -> None:
        async def meanwhile() -> Body:
            with pytest.raises(StillRunning) as refused:
                await context.ask()
            assert (refused.value.status, refused.value.code) == (409, "idempotency_key_in_use")
            return await context.work()

        assert said(await context.ask(do=meanwhile))[0] == 201

    async def test_twenty_at_once_are_done_once(self, context: FormContext) -> None:
        async def slow() -> Body:
            await asyncio.sleep(0.05)
            return await context.work()

        ends = await asyncio.gather(*(context.ask(do=slow) for _ in range(20)), return_exceptions=True)
        answers = [end for end in ends if isinstance(end, JSONResponse)]
        assert context.done == 1
        assert len(answers) >= 1
        assert all(isinstance(end, JSONResponse | StillRunning) for end in ends)


async def crash(context: FormContext) -> None:
    """The process dies in the middle."""

    async def die() -> Body:
        raise ConnectionError("the process dies here")

    with pytest.raises(ConnectionError):
        await context.ask(do=die)


class TestACrash:
    async def test_keeps_the_key_in_use_for_a_while(self, context: FormContext) -> None:
        await crash(context)
        with pytest.raises(StillRunning):
            await context.ask()
        context.clock.now += RUNS_AT_MOST - timedelta(milliseconds=1)
        with pytest.raises(StillRunning):
            await context.ask()

    async def test_lets_the_retry_resume(self, context: FormContext) -> None:
        await crash(context)
        context.clock.now += RUNS_AT_MOST
        assert said(await context.ask()) == said(await context.ask()) == (201, {"number": 1, "client_secret": SECRET})

    async def test_lets_one_of_many_retries_resume(self, context: FormContext) -> None:
        await crash(context)
        context.clock.now += RUNS_AT_MOST
        await asyncio.gather(*(context.ask() for _ in range(10)), return_exceptions=True)
        assert context.done == 1


class TestARefusal:
    async def test_is_not_kept(self, context: FormContext) -> None:
        context.refuses = True
        with pytest.raises(Refused):
            await context.ask()
        assert await context.rows() == []
        context.refuses = False
        assert said(await context.ask())[0] == 201


class TestAnAnswerThatIsNotTheLastWord:
    async def test_gives_the_key_back(self, context: FormContext) -> None:
        context.is_sure = False
        assert said(await context.ask()) == (201, {"number": 1, "client_secret": SECRET})
        assert await context.rows() == []
        assert said(await context.ask()) == (201, {"number": 2, "client_secret": SECRET})


class TestWhatIsKept:
    async def test_is_sealed(self, context: FormContext) -> None:
        await context.ask()
        (row,) = await context.rows()
        assert SECRET.encode() not in row["response_sealed"]
        assert SECRET not in repr(dict(row))
        assert json.dumps(BODY).encode() not in row["request_hash"]

    async def test_opens_only_in_its_own_place(self, context: FormContext) -> None:
        await context.ask("k1")
        await context.ask("k2")
        sql = """
        update web.idempotency_key x set response_sealed = y.response_sealed from web.idempotency_key y
        where x.store = $1 and x.key = 'k1' and y.store = $1 and y.key = 'k2'
        """
        await context.runtime.db.execute(sql, context.store)
        with pytest.raises(ValueError, match="context"):
            await context.ask("k1")

    async def test_is_forgotten_in_time(self, context: FormContext) -> None:
        await context.ask()
        context.clock.now += KEPT
        assert await web.prune(context.runtime.db, context.clock()) >= 1
        assert await context.rows() == []


def request(key: str | None) -> Request:
    headers = [] if key is None else [(b"idempotency-key", key.encode("latin-1"))]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""})


class TestTheHeader:
    @pytest.mark.parametrize(
        ("given", "key"),
        [(None, None), ("abc", "abc"), ('"abc"', "abc"), ("a b", "a b"), ('a"', 'a"'), ("x" * 255, "x" * 255)],
    )
    def test_is_bare_or_quoted(self, given: str | None, key: str | None) -> None:
        assert web.idempotency_key(request(given)) == key

    @pytest.mark.parametrize("given", ["", '"', '""', '"a', "x" * 256, "a\tb", "schlüssel", "\x7f"])
    def test_that_is_none_is_refused(self, given: str) -> None:
        with pytest.raises(BadKey):
            web.idempotency_key(request(given))
