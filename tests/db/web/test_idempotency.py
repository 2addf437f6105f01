"""Idempotency-Key: an operation takes effect once and is answered the same again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request

from checkie import web
from checkie.db import Database, retry_on_conflict
from checkie.kernel import Conflict, Keyring
from checkie.kernel.ids import SessionId
from checkie.web.idempotency import KEPT, MAX_RUN, BadKey, IdempotentRequest, KeyReused, Replay, StillRunning, prune
from checkie.web.idempotency import idempotency_key as key_of
from checkie.web.parts import attach
from tests import make
from tests.make import Clock

SECRET: Final = "cs_very_secret_of_the_buyer"
CONTENT: Final = {"quantity": 2}


class Done(BaseModel):
    """What an operation answers."""

    number: int
    client_secret: str = SECRET


class Refused(Conflict):
    """No."""

    code = "test_refused"


class Operation:
    """A store with an operation; `runs` counts how often it ran, `refuses` makes it refuse."""

    def __init__(self, db: Database, store: int) -> None:
        self.clock = Clock()
        self.services = make.services(db, self.clock)
        self.store = store
        self.caller = self.new_caller()
        self.runs = 0
        self.refuses = False

    def new_caller(self) -> SessionId:
        return SessionId.new(self.store, make.START)

    async def run(self) -> Done:
        if self.refuses:
            raise Refused
        self.runs += 1
        return Done(number=self.runs)

    async def ask(
        self,
        key: str | None = "k",
        content: object = CONTENT,
        run: Callable[[], Awaitable[Done]] | None = None,
        **different: Any,
    ) -> Done | Replay:
        plain = {"caller": self.caller, "operation": "e", **different}
        try:
            return await web.idempotent(self.request(key), content=content, run=run or self.run, **plain)
        except Replay as before:
            return before

    def request(self, key: str | None) -> Request:
        app = Starlette()
        attach(app, self.services)
        return request(key, app=app)

    async def rows(self) -> list[Any]:
        return list(await self.services.db.fetch("select * from web.idempotency_key where store = $1", self.store))


def request(key: str | None, **scope: Any) -> Request:
    headers = [] if key is None else [(b"idempotency-key", key.encode("latin-1"))]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b"", **scope})


def body(answer: Done | Replay) -> Any:
    return answer.body if isinstance(answer, Replay) else answer.model_dump()


@pytest.fixture
async def operation(db: Database) -> Operation:
    return Operation(db, (await make.store(db)).number)


class TestARepeatedRequest:
    async def test_is_answered_the_same_and_run_once(self, operation: Operation) -> None:
        first, again = await operation.ask(), await operation.ask()
        assert body(first) == body(again) == {"number": 1, "client_secret": SECRET}
        assert operation.runs == 1

    async def test_is_marked_as_a_repetition(self, operation: Operation) -> None:
        await operation.ask()
        again = await operation.ask()
        assert isinstance(again, Replay)
        assert (again.response.status_code, again.response.headers["idempotent-replayed"]) == (200, "true")
        assert json.loads(bytes(again.response.body)) == {"number": 1, "client_secret": SECRET}

    async def test_holds_for_a_day_and_more(self, operation: Operation) -> None:
        await operation.ask()
        operation.clock.tick(hours=24)
        await prune(operation.services.db, operation.clock())
        await operation.ask()
        assert operation.runs == 1

    async def test_without_a_key_runs_again(self, operation: Operation) -> None:
        await operation.ask(None)
        await operation.ask(None)
        assert operation.runs == 2
        assert await operation.rows() == []

    async def test_does_not_depend_on_the_order_of_the_fields(self, operation: Operation) -> None:
        await operation.ask(content={"a": 1, "b": 2})
        await operation.ask(content={"b": 2, "a": 1})
        assert operation.runs == 1

    async def test_with_a_rotated_keyring_is_answered_the_same(self, operation: Operation) -> None:
        first = await operation.ask()
        rotated = Keyring("k2", {"k2": b"n" * 32, **make.KEYRING.keys})
        operation.services = replace(operation.services, keyring=rotated)
        assert body(await operation.ask()) == body(first)


class TestAKey:
    async def test_belongs_to_one_operation(self, operation: Operation) -> None:
        await operation.ask()
        await operation.ask("k2")
        await operation.ask(operation="e2")
        assert operation.runs == 3

    async def test_belongs_to_one_caller(self, operation: Operation) -> None:
        await operation.ask()
        assert body(await operation.ask(caller=operation.new_caller(), content={"quantity": 3}))["number"] == 2
        assert operation.runs == 2

    async def test_belongs_to_one_store(self, operation: Operation) -> None:
        await operation.ask()
        other = Operation(operation.services.db, (await make.store(operation.services.db)).number)
        await other.ask()
        assert (operation.runs, other.runs) == (1, 1)


class TestAnotherBody:
    async def test_is_refused(self, operation: Operation) -> None:
        await operation.ask()
        with pytest.raises(KeyReused) as refused:
            await operation.ask(content={"quantity": 3})
        assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")

    async def test_is_refused_while_the_first_runs(self, operation: Operation) -> None:
        async def concurrently() -> Done:
            with pytest.raises(KeyReused):
                await operation.ask(content={"quantity": 3})
            return await operation.run()

        await operation.ask(run=concurrently)

    async def test_is_refused_after_a_crash(self, operation: Operation) -> None:
        await crash(operation)
        operation.clock.tick(minutes=1)
        with pytest.raises(KeyReused):
            await operation.ask(content={"quantity": 3})
        assert body(await operation.ask())["number"] == 1


class TestWhileItRuns:
    async def test_the_same_is_in_use(self, operation: Operation) -> None:
        async def concurrently() -> Done:
            with pytest.raises(StillRunning) as refused:
                await operation.ask()
            assert (refused.value.status, refused.value.code) == (409, "idempotency_key_in_use")
            return await operation.run()

        assert body(await operation.ask(run=concurrently))["number"] == 1

    async def test_twenty_at_once_run_once(self, operation: Operation) -> None:
        async def slow() -> Done:
            await asyncio.sleep(0.05)
            return await operation.run()

        ends = await asyncio.gather(*(operation.ask(run=slow) for _ in range(20)), return_exceptions=True)
        assert operation.runs == 1
        assert any(isinstance(end, Done) for end in ends)
        assert all(isinstance(end, Done | Replay | StillRunning) for end in ends)


async def crash(operation: Operation) -> None:
    """The process dies in the middle."""

    async def die() -> Done:
        raise ConnectionError("the process dies here")

    with pytest.raises(ConnectionError):
        await operation.ask(run=die)


class TestACrash:
    async def test_keeps_the_key_in_use_for_a_while(self, operation: Operation) -> None:
        await crash(operation)
        with pytest.raises(StillRunning):
            await operation.ask()
        operation.clock.now += MAX_RUN - timedelta(milliseconds=1)
        with pytest.raises(StillRunning):
            await operation.ask()

    async def test_lets_the_retry_resume(self, operation: Operation) -> None:
        await crash(operation)
        operation.clock.now += MAX_RUN
        assert body(await operation.ask()) == body(await operation.ask()) == {"number": 1, "client_secret": SECRET}

    async def test_lets_one_of_many_retries_resume(self, operation: Operation) -> None:
        await crash(operation)
        operation.clock.now += MAX_RUN
        await asyncio.gather(*(operation.ask() for _ in range(10)), return_exceptions=True)
        assert operation.runs == 1


class TestARefusal:
    async def test_is_not_kept(self, operation: Operation) -> None:
        operation.refuses = True
        with pytest.raises(Refused):
            await operation.ask()
        assert await operation.rows() == []
        operation.refuses = False
        assert body(await operation.ask())["number"] == 1


class TestInTheTransactionsOfTheOperation:
    """As paying does: the key is taken and the answer kept with the operation's own writes."""

    def once(self, operation: Operation) -> IdempotentRequest[int]:
        found = IdempotentRequest[int].find(
            operation.request("k"),
            caller=operation.caller,
            operation="pay",
            content=None,
            render=lambda number: {"n": number},
        )
        assert found is not None
        return found

    async def begin(self, operation: Operation) -> IdempotentRequest[int]:
        once = self.once(operation)

        @retry_on_conflict()
        async def take() -> None:
            async with operation.services.db.transaction() as unit:
                await once.begin(unit)

        await take()
        return once

    async def test_the_rendered_answer_is_kept(self, operation: Operation) -> None:
        once = await self.begin(operation)
        async with operation.services.db.transaction() as unit:
            once.keep(unit, 7)
        with pytest.raises(Replay) as before:
            await self.begin(operation)
        assert before.value.body == {"n": 7}

    async def test_a_key_whose_transaction_fails_is_not_taken(self, operation: Operation) -> None:
        async def refuse() -> None:
            async with operation.services.db.transaction() as unit:
                await self.once(operation).begin(unit)
                raise Refused

        with pytest.raises(Refused):
            await refuse()
        assert await operation.rows() == []

    async def test_a_released_key_can_be_used_again(self, operation: Operation) -> None:
        once = await self.begin(operation)
        async with operation.services.db.transaction() as unit:
            once.release(unit)
        assert await operation.rows() == []
        await self.begin(operation)

    async def test_an_answer_is_not_kept_for_a_released_key(self, operation: Operation) -> None:
        once = await self.begin(operation)
        async with operation.services.db.transaction() as unit:
            once.release(unit)
        async with operation.services.db.transaction() as unit:
            once.keep(unit, 7)
        assert await operation.rows() == []


class TestWhatIsKept:
    async def test_is_encrypted(self, operation: Operation) -> None:
        await operation.ask()
        (row,) = await operation.rows()
        assert SECRET.encode() not in row["response_sealed"]
        assert SECRET not in repr(dict(row))
        assert json.dumps(CONTENT).encode() not in row["request_hash"]

    async def test_decrypts_only_in_its_own_row(self, operation: Operation) -> None:
        await operation.ask("k1")
        await operation.ask("k2")
        sql = """
        update web.idempotency_key x set response_sealed = y.response_sealed from web.idempotency_key y
        where x.store = $1 and x.key = 'k1' and y.store = $1 and y.key = 'k2'
        """
        await operation.services.db.execute(sql, operation.store)
        with pytest.raises(ValueError, match="context"):
            await operation.ask("k1")

    async def test_is_deleted_in_time(self, operation: Operation) -> None:
        await operation.ask()
        operation.clock.now += KEPT
        assert await prune(operation.services.db, operation.clock()) >= 1
        assert await operation.rows() == []


class TestTheHeader:
    @pytest.mark.parametrize(
        ("given", "key"),
        [(None, None), ("abc", "abc"), ('"abc"', "abc"), ("a b", "a b"), ('a"', 'a"'), ("x" * 255, "x" * 255)],
    )
    def test_is_bare_or_quoted(self, given: str | None, key: str | None) -> None:
        assert key_of(request(given)) == key

    @pytest.mark.parametrize("given", ["", '"', '""', '"a', "x" * 256, "a\tb", "schlüssel", "\x7f"])
    def test_of_another_form_is_refused(self, given: str) -> None:
        with pytest.raises(BadKey):
            key_of(request(given))
