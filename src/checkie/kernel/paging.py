"""Lists are read in pages, by cursor: which page is wanted, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from checkie.kernel.id import Id
from checkie.kernel.refusal import Invalid

Cursor_co = TypeVar("Cursor_co", bound=Id, covariant=True)
Row = TypeVar("Row")
Other = TypeVar("Other")


class CursorUnknown(Invalid):
    """The cursor must be the id of an object in this list."""

    code = "cursor_unknown"


@dataclass(frozen=True, slots=True)
class Paging(Generic[Cursor_co]):
    """Which page of a list is wanted: up to `limit` rows, from its start, after one row or before one.

    A cursor is the id of a row, not an offset: rows that are added later neither repeat a row nor hide one.
    ValueError for a limit that is not 1 to 100, or for both cursors.
    """

    LARGEST_LIMIT: ClassVar[int] = 100

    limit: int = 10
    starting_after: Cursor_co | None = None
    ending_before: Cursor_co | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= self.LARGEST_LIMIT:
            raise ValueError(f"a limit is 1 to {self.LARGEST_LIMIT}")
        if self.starting_after is not None and self.ending_before is not None:
            raise ValueError("a page has one cursor")

    @property
    def is_backwards(self) -> bool:
        """Whether the rows before the cursor are wanted: those nearest to it."""
        return self.ending_before is not None

    @property
    def cursor(self) -> Cursor_co | None:
        """The row to read from, in either direction; None for the start of the list."""
        return self.ending_before if self.is_backwards else self.starting_after

    def listing(self, rows: Sequence[Row]) -> Listing[Row]:
        """The page made of up to `limit + 1` rows, read away from the cursor; an extra row means `has_more`."""
        kept = rows[: self.limit]
        return Listing(kept[::-1] if self.is_backwards else kept, has_more=len(rows) > self.limit)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """A page of a list, in the list's order. `has_more`: there are further rows in the direction of reading."""

    data: Sequence[Row]
    has_more: bool

    def map(self, make: Callable[[Row], Other]) -> Listing[Other]:
        """The same page with each row converted."""
        return Listing([make(row) for row in self.data], self.has_more)
