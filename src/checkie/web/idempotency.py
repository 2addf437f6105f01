"""Idempotency-Key: the same key and body take effect once and get the same answer again; after a crash a retry resumes.

Kept for 24 hours or more. As in Stripe's API, a refusal is not kept: the request took no effect and may be mended. What
is kept is sealed, for answers hold secrets of the buyer. An operation run under a key must itself be safe to repeat,
for after a crash it runs again from its start.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from asyncpg import Record
from starlette.requests import Request
from starlette.responses import JSONResponse

from checkie.db import Database, UnitOfWork
from checkie.kernel import Conflict, Invalid
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
"""
_LOOK: Final = """
select request_hash, locked_until, response_status, response_sealed from web.idempotency_key
where store = $1 and endpoint = $2 and key = $3
"""
_KEEP: Final = """
update web.idempotency_key set response_status = $4, response_sealed = $5
where store = $1 and endpoint = $2 and key = $3
"""
_FORGET: Final = (
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
    """Idempotency-Key is 1 to 255 visible ASCII characters, bare or as a quoted string."""

    code = "idempotency_key_invalid"


class KeyReused(Invalid):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


class StillRunning(Conflict):
    """A request with this Idempotency-Key is still running. Ask again in a moment."""

    code = "idempotency_key_in_use"
    retry_after_s: ClassVar[int] = 1


class Replay(Exception):
    """The request was answered before, with this; `install` has it answered so again."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status, self.body = status, body
        super().__init__(status)

    @property
    def response(self) -> JSONResponse:
        """The same answer again, marked as such."""
        return JSONResponse(self.body, self.status, {"Idempotent-Replayed": "true"})


def idempotency_key(request: Request) -> str | None:
    """The key in the header: a structured-field string (draft-ietf-httpapi-idempotency-key-header-07) or bare."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    shaped = KEY_SHAPE.fullmatch(given)
    if shaped is None:
        raise BadKey(param="Idempotency-Key")
    return shaped[1] or shaped[2]


@dataclass(slots=True)
class IdempotentRequest:
    """One use of a key: `begin` goes into the transaction that the request begins with, `keep` into its last.

    `key`: store, endpoint, the caller's key. `request` is what must be the same when the key is used again.
    """

    runtime: Runtime
    key: tuple[int, str, str]
    request: object

    async def begin(self, unit: UnitOfWork) -> None:
        """Take the key. Refuses with KeyReused (for another request) and StillRunning (after a crash for 15 s at most).

        Raises Replay with the answer that was given before.
        """
        store, endpoint, name = self.key
        now = self.runtime.now()
        wanted = hashlib.sha256(json.dumps(self.request, sort_keys=True).encode()).digest()
        row = await unit.read(_LOOK, store, endpoint, name)
        if row is not None:
            self._look(row, wanted, now)
        unit.add(_TAKE, store, name, endpoint, wanted, now + RUNS_AT_MOST, now, now + KEPT)

    def keep(self, unit: UnitOfWork, status: int, body: dict[str, Any]) -> None:
        """Keep the answer for whoever asks again."""
        sealed = self.runtime.keyring.seal(json.dumps(body).encode(), self._context)
        unit.add(_KEEP, *self.key, status, sealed)

    def release(self, unit: UnitOfWork) -> None:
        """Let whoever asks again be answered anew: this answer is not the last word."""
        unit.add(_FORGET, *self.key, expect=None)

    def _look(self, row: Record, wanted: bytes, now: datetime) -> None:
        if row["request_hash"] != wanted:
            raise KeyReused(param="Idempotency-Key")
        if row["response_status"] is not None:
            body = json.loads(self.runtime.keyring.open(row["response_sealed"], self._context))
            raise Replay(row["response_status"], body)
        if row["locked_until"] > now:
            raise StillRunning

    @property
    def _context(self) -> str:
        return "idempotency:{}:{}:{}".format(*self.key)


async def prune(db: Database, now: datetime, limit: int = 5000) -> int:
    """Delete expired keys, one statement a store. Returns how many were deleted."""
    expired = await db.fetch(_EXPIRED, now, limit)
    return sum([await db.execute(_PRUNE, *row, now) for row in expired])
