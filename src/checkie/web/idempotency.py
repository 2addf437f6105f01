"""Idempotency-Key: the same key and body take effect once and get the same answer again; after a crash a retry resumes.

Kept for 24 hours or more. As in Stripe's API, a refusal is not kept: the request took no effect and may be mended. What
is kept is sealed, for answers hold secrets of the buyer. An operation run under a key must itself be safe to repeat,
for after a crash it runs again from its start.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from checkie.db import Database
from checkie.kernel import Conflict, Invalid, Refusal
from checkie.web.runtime import Runtime

KEPT: Final = timedelta(hours=48)
RUNS_AT_MOST: Final = timedelta(seconds=15)
KEY_SHAPE: Final = re.compile(r'"([ -~]{1,255})"|([!#-~](?:[ -~]{0,253}[!-~])?)')
"""Of the header: quoted or bare, and what is bare does not begin with a quote."""

_TAKE: Final = """
insert into web.idempotency_key (store, key, endpoint, request_hash, locked_until, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (store, endpoint, key) do update set locked_until = excluded.locked_until
  where web.idempotency_key.response_status is null and web.idempotency_key.locked_until <= $6
    and web.idempotency_key.request_hash = excluded.request_hash
returning key
"""
_LOOK: Final = """
select request_hash, response_status, response_sealed from web.idempotency_key
where store = $1 and endpoint = $2 and key = $3
"""
_KEEP: Final = """
update web.idempotency_key set response_status = $4, response_sealed = $5
where store = $1 and endpoint = $2 and key = $3
"""
_FORGET: Final = (
    "delete from web.idempotency_key where store = $1 and endpoint = $2 and key = $3 and response_status is null"
)
_PRUNE: Final = """
delete from web.idempotency_key
where ctid = any(array(select ctid from web.idempotency_key where expires_at <= $1 limit $2))
"""


class BadKey(Invalid):
    """Idempotency-Key is 1 to 255 visible ASCII characters, bare or as a quoted string."""

    code = "idempotency_key_invalid"


class KeyReused(Invalid):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


class StillRunning(Conflict):
    """A request with this Idempotency-Key is still running. Ask again in a moment."""

    code = "idempotency_key_in_use"
    retry_after_s: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON body of an answer."""

    status: int
    body: dict[str, Any]
    is_final: bool = True
    """Whether the same request would be answered the same. What is not final is not kept, so a retry learns more."""


def idempotency_key(request: Request) -> str | None:
    """The key in the header: a structured-field string (draft-ietf-httpapi-idempotency-key-header-07) or bare."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    shaped = KEY_SHAPE.fullmatch(given)
    if shaped is None:
        raise BadKey(param="Idempotency-Key")
    return shaped[1] or shaped[2]


async def once(
    runtime: Runtime,
    key: tuple[int, str, str],
    request_body: object,
    do: Callable[[], Awaitable[Answer]],
    *,
    let_in: Callable[[], Awaitable[None]],
) -> JSONResponse:
    """Run `do` under `key` (store, endpoint, the caller's key), or give the answer it gave before.

    `do` itself refuses whoever may not; `let_in` does so where `do` is not run again.

    Refuses with KeyReused (another body) and StillRunning (and after a crash for 15 seconds at most).
    """
    store, endpoint, name = key
    now = runtime.now()
    wanted = hashlib.sha256(json.dumps(request_body, sort_keys=True).encode()).digest()
    taken = await runtime.db.fetchval(_TAKE, store, name, endpoint, wanted, now + RUNS_AT_MOST, now, now + KEPT)
    if taken is None:
        await let_in()
        return await _before(runtime, key, wanted)
    try:
        answer = await do()
    except Refusal:
        await runtime.db.execute(_FORGET, store, endpoint, name)
        raise
    if not answer.is_final:
        await runtime.db.execute(_FORGET, store, endpoint, name)
        return JSONResponse(answer.body, answer.status)
    body = json.dumps(answer.body).encode()
    sealed = runtime.keyring.seal(body, _context(key))
    await runtime.db.execute(_KEEP, store, endpoint, name, answer.status, sealed)
    return JSONResponse(answer.body, answer.status)


async def _before(runtime: Runtime, key: tuple[int, str, str], wanted: bytes) -> JSONResponse:
    store, endpoint, name = key
    row = await runtime.db.fetchrow(_LOOK, store, endpoint, name)
    if row is None or row["response_status"] is None:
        if row is not None and row["request_hash"] != wanted:
            raise KeyReused(param="Idempotency-Key")
        raise StillRunning
    if row["request_hash"] != wanted:
        raise KeyReused(param="Idempotency-Key")
    body = json.loads(runtime.keyring.open(row["response_sealed"], _context(key)))
    return JSONResponse(body, row["response_status"], {"Idempotent-Replayed": "true"})


async def prune(db: Database, now: datetime, limit: int = 5000) -> int:
    """Forget keys that are old enough; how many."""
    return await db.execute(_PRUNE, now, limit)


def _context(key: tuple[int, str, str]) -> str:
    return "idempotency:{}:{}:{}".format(*key)
