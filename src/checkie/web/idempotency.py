"""Idempotency-Key: the same key and request take effect once and are answered the same; after a crash a retry resumes.

A key belongs to one caller and one operation: the same key of another caller is another key. It is kept for 24 hours
or more. As in Stripe's API, a refusal is not kept: the request took no effect and may be corrected. What is kept is
encrypted, because answers hold secrets of the buyer. An operation run under a key must itself be safe to repeat: after
a crash it runs again from its start.

`idempotent` serves any POST. An operation that has transactions of its own (paying) writes an `IdempotentRequest` in
them instead.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

from asyncpg import Record
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse

from checkie.db import Database, UnitOfWork, retry_on_conflict
from checkie.kernel import Conflict, Id, Invalid, Refusal, refuses
from checkie.web.parts import Services, services

KEPT: Final = timedelta(hours=48)
MAX_RUN: Final = timedelta(seconds=15)
KEY_SHAPE: Final = re.compile(r'"([ -~]{1,255})"|([!#-~](?:[ -~]{0,253}[!-~])?)')
"""Of the header: quoted or bare, and what is bare does not begin with a quote."""
Result = TypeVar("Result")
Body = TypeVar("Body", bound=BaseModel)

_TAKE: Final = """
insert into web.idempotency_key (store, key, endpoint, request_hash, locked_until, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (store, endpoint, key) do update set locked_until = excluded.locked_until
  where web.idempotency_key.response_status is null and web.idempotency_key.locked_until <= $6
    and web.idempotency_key.request_hash = excluded.request_hash
"""
_READ: Final = """
select request_hash, locked_until, response_status, response_sealed from web.idempotency_key
where store = $1 and endpoint = $2 and key = $3
"""
_KEEP: Final = """
update web.idempotency_key set response_status = $4, response_sealed = $5
where store = $1 and endpoint = $2 and key = $3
"""
_RELEASE: Final = (
    "delete from web.idempotency_key where store = $1 and endpoint = $2 and key = $3 and response_status is null"
)
_EXPIRED: Final = """
select store, array_agg(endpoint) as endpoints, array_agg(key) as keys
from (select store, endpoint, key from web.idempotency_key where expires_at <= $1 order by expires_at limit $2) old
group by store
"""
_PRUNE: Final = """
delete from web.idempotency_key k using unnest($2::text[], $3::text[]) as old (endpoint, key)
where k.store = $1 and k.endpoint = old.endpoint and k.key = old.key and k.expires_at <= $4
"""


class BadKey(Invalid):
    """Idempotency-Key must be 1 to 255 visible ASCII characters, bare or as a quoted string."""

    code = "idempotency_key_invalid"


class KeyReused(Invalid):
    """This Idempotency-Key was used with different parameters. Use a new key for each new request."""

    code = "idempotency_key_reused"


class StillRunning(Conflict):
    """A request with this Idempotency-Key is still in progress. Retry the request later."""

    code = "idempotency_key_in_use"
    retry_after_s: ClassVar[int] = 1


class Replay(Exception):
    """The request was answered before; the edge sends that answer again."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status, self.body = status, body
        super().__init__(status)

    @property
    def response(self) -> JSONResponse:
        """The kept answer, marked as a repetition."""
        return JSONResponse(self.body, self.status, {"Idempotent-Replayed": "true"})


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest(Generic[Result]):
    """One use of a key: `begin` goes into the first transaction of the operation, `keep` or `release` into its last."""

    services: Services
    caller: Id
    """Who uses the key, authenticated: a session, later an API key or a member."""
    operation: str
    key: str
    content: object
    """What must be the same when the key is used again, as JSON."""
    render: Callable[[Result], dict[str, Any]]
    """The body of the answer: a pure function of the operation's result."""
    status: int = 200

    @classmethod
    def find(
        cls,
        request: Request,
        *,
        caller: Id,
        operation: str,
        content: object,
        render: Callable[[Result], dict[str, Any]],
    ) -> Self | None:
        """The use of the key that `request` sends; None without one. Refuses with BadKey."""
        key = idempotency_key(request)
        if key is None:
            return None
        return cls(
            services=services(request), caller=caller, operation=operation, key=key, content=content, render=render
        )

    async def begin(self, unit: UnitOfWork) -> None:
        """Take the key. Refuses with KeyReused, and with StillRunning (after a crash for at most 15 s).

        Raises Replay with the answer that was given before.
        """
        now = self.services.now()
        wanted = hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).digest()
        row = await unit.read(_READ, *self._place)
        if row is not None:
            self._check(row, wanted, now)
        store, endpoint, key = self._place
        unit.add(_TAKE, store, key, endpoint, wanted, now + MAX_RUN, now, now + KEPT)

    def keep(self, unit: UnitOfWork, result: Result) -> None:
        """Keep the answer, for repeated requests, unless the key was given back meanwhile."""
        sealed = self.services.keyring.seal(json.dumps(self.render(result)).encode(), self._context)
        unit.add(_KEEP, *self._place, self.status, sealed, expect=None)

    def release(self, unit: UnitOfWork) -> None:
        """Give the key back: a repeated request runs again."""
        unit.add(_RELEASE, *self._place, expect=None)

    def _check(self, row: Record, wanted: bytes, now: datetime) -> None:
        if row["request_hash"] != wanted:
            raise KeyReused(param="Idempotency-Key")
        if row["response_status"] is not None:
            body = json.loads(self.services.keyring.open(row["response_sealed"], self._context))
            raise Replay(row["response_status"], body)
        if row["locked_until"] > now:
            raise StillRunning

    @property
    def _place(self) -> tuple[int, str, str]:
        return self.caller.store, f"{self.operation} {self.caller}", self.key

    @property
    def _context(self) -> str:
        return "idempotency:{}:{}:{}".format(*self._place)


@refuses(BadKey, KeyReused, StillRunning)
async def idempotent(
    request: Request, *, caller: Id, operation: str, content: object, run: Callable[[], Awaitable[Body]]
) -> Body:
    """Run an operation once for the key that `request` sends; without a key, just run it.

    The key is taken in one transaction before the operation, and its answer kept in another one after it.
    """
    once = IdempotentRequest.find(request, caller=caller, operation=operation, content=content, render=_as_json)
    if once is None:
        return await run()
    db = once.services.db

    @retry_on_conflict()
    async def take() -> None:
        async with db.transaction() as unit:
            await once.begin(unit)

    await take()
    try:
        result = await run()
    except Refusal:
        async with db.transaction() as unit:
            once.release(unit)
        raise
    async with db.transaction() as unit:
        once.keep(unit, result)
    return result


def _as_json(body: BaseModel) -> dict[str, Any]:
    return body.model_dump(mode="json")


def idempotency_key(request: Request) -> str | None:
    """The key in the header: a structured-field string (draft-ietf-httpapi-idempotency-key-header-07) or bare."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    shaped = KEY_SHAPE.fullmatch(given)
    if shaped is None:
        raise BadKey(param="Idempotency-Key")
    return shaped[1] or shaped[2]


async def prune(db: Database, now: datetime, limit: int = 5000) -> int:
    """Delete expired keys, one statement a store. Returns how many were deleted."""
    expired = await db.fetch(_EXPIRED, now, limit)
    return sum([await db.execute(_PRUNE, *row, now) for row in expired])
