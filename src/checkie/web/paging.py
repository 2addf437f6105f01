"""Lists over HTTP: which part a request wants, and the form of the answer."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from pydantic import BaseModel, Field
from starlette.requests import Request

from checkie.kernel import CursorUnknown, Id, Invalid, Paging

_MOST_DIGITS: Final = 3
Cursor = TypeVar("Cursor", bound=Id)
Item = TypeVar("Item", bound=BaseModel)


class LimitOutOfRange(Invalid):
    """`limit` is a whole number from 1 to 100."""

    code = "limit_out_of_range"


class TwoCursors(Invalid):
    """A list is read either `starting_after` a row or `ending_before` one."""

    code = "two_cursors"


class ListBody(BaseModel, Generic[Item]):
    """Part of a list. Each list has a subclass, whose name and docstring the API document takes.

    For one: `class EndpointListBody(ListBody[EndpointBody])`, "Endpoints, the newest first."
    """

    data: list[Item] = Field(max_length=Paging.LARGEST_LIMIT)
    has_more: bool = Field(description="Whether the list goes on beyond `data`, the way it was read.")


def paging(request: Request, kind: type[Cursor]) -> Paging[Cursor]:
    """What `limit`, `starting_after` and `ending_before` ask for, of a list whose rows have ids of `kind`.

    Refuses with LimitOutOfRange, TwoCursors, or CursorUnknown where a cursor is not spelled like such an id. Of a
    parameter that is there twice the last counts.
    """
    limit = _limit(request)
    after, before = (_cursor(request, name, kind) for name in ("starting_after", "ending_before"))
    if after is not None and before is not None:
        raise TwoCursors(param="ending_before")
    return Paging(limit, after, before)


def _limit(request: Request) -> int:
    given = request.query_params.get("limit")
    if given is None:
        return Paging().limit
    number = int(given) if given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS else 0
    if not 1 <= number <= Paging.LARGEST_LIMIT:
        raise LimitOutOfRange(param="limit")
    return number


def _cursor(request: Request, name: str, kind: type[Cursor]) -> Cursor | None:
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        return kind.parse(given)
    except ValueError:
        raise CursorUnknown(param=name) from None
