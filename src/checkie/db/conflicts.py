"""What a failed write means: the refusal that its constraint names, or a conflict with a concurrent write."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import ClassVar, Final, ParamSpec, TypeAlias, TypeVar

import asyncpg
import structlog
from prometheus_client import Counter

from checkie.kernel import Conflict, Refusal

Params = ParamSpec("Params")
Answer = TypeVar("Answer")
Constraints: TypeAlias = Mapping[str, Callable[[], Refusal]]
"""The refusal that a violated constraint becomes, by the constraint's name."""

CONFLICTS: Final = Counter("checkie_write_conflicts", "Units of work that were undone by a concurrent write")
_PAUSE_S: Final = 0.004
_CONFLICTS: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_VIOLATES: Final = re.compile(r'violates (?:unique|check|foreign key|exclusion) constraint "([^"]+)"')
_SHARD: Final = re.compile(r"_\d+$")
_log = structlog.get_logger()


class WriteConflict(Conflict):
    """A concurrent request changed the same resource. Nothing was changed. The request may be retried."""

    code = "write_conflict"
    retry_after_s: ClassVar[int] = 1


def violated(error: BaseException) -> str | None:
    """The name of the constraint that `error` reports as violated; None for any other error.

    Where tables are distributed (Citus) a violation may arrive as an internal error with the name in its text alone,
    and with the number of a shard behind it.
    """
    if not isinstance(error, asyncpg.PostgresError):
        return None
    found = _VIOLATES.search(str(error))
    if found is None:
        return None
    return getattr(error, "constraint_name", None) or _SHARD.sub("", found[1])


def translated(error: BaseException, constraints: Constraints, *, is_conditional: bool) -> BaseException:
    """What a unit of work that failed with `error` raises.

    A violated constraint is its refusal. One without a refusal is a WriteConflict if the statement was conditional:
    which of its queries PostgreSQL runs first is undefined, so the violation may only precede a failed condition.
    """
    name = violated(error)
    if name is not None and name in constraints:
        return constraints[name]()
    if isinstance(error, _CONFLICTS) or (name is not None and is_conditional):
        CONFLICTS.inc()
        return WriteConflict(constraint=name)
    return error


def retry_on_conflict(
    tries: int = 5,
) -> Callable[[Callable[Params, Awaitable[Answer]]], Callable[Params, Awaitable[Answer]]]:
    """Run a use case that reads, decides and writes again from its start when it meets a WriteConflict.

    Waits a random time between tries, which doubles each time. The last conflict is raised.
    """

    def decorate(use_case: Callable[Params, Awaitable[Answer]]) -> Callable[Params, Awaitable[Answer]]:
        @wraps(use_case)
        async def retried(*args: Params.args, **kwargs: Params.kwargs) -> Answer:
            for failed in range(tries):
                try:
                    return await use_case(*args, **kwargs)
                except WriteConflict as conflict:
                    if failed == tries - 1:
                        _log.warning(
                            "write_conflict_persists", tries=tries, constraint=conflict.facts.get("constraint")
                        )
                        raise
                    await asyncio.sleep(random.uniform(0, _PAUSE_S * 2**failed))  # noqa: S311  jitter keeps no secret
            raise AssertionError("unreachable")

        return retried

    return decorate
