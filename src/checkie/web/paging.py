"""Lists over HTTP: which page a request asks for, and the body of the answer."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from pydantic import BaseModel, Field
from starlette.requests import Request

from checkie.kernel import CursorUnknown, Id, Invalid, Paging, refuses

_MAX_DIGITS: Final = 3
Cursor = TypeVar("Cursor", bound=Id)
Item = TypeVar("Item", bound=BaseModel)


class LimitOutOfRange(Invalid):
    """`limit` must be an integer from 1 to 100."""

    code = "limit_out_of_range"


class TwoCursors(Invalid):
    """`starting_after` and `ending_before` cannot be used together."""

    code = "two_cursors"


class ListBody(BaseModel, Generic[Item]):
    """A page of a list. Each list has a subclass, whose name and docstring the API document takes.

    For one: `class EndpointListBody(ListBody[EndpointBody])`, "Endpoints, the newest first."
    """

    data: list[Item] = Field(max_length=Paging.LARGEST_LIMIT)
    has_more: bool = Field(description="Whether there are more rows in the direction of reading.")


@refuses(LimitOutOfRange, TwoCursors, CursorUnknown)
def read(request: Request, kind: type[Cursor]) -> Paging[Cursor]:
    """What `limit`, `starting_after` and `ending_before` ask for, of a list whose rows have ids of `kind`.

    CursorUnknown: a cursor is not the spelling of such an id. The last value of a repeated parameter counts.
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
    number = int(given) if given.isascii() and given.isdigit() and len(given) <= _MAX_DIGITS else 0
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
