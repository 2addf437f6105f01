"""Lists are read in parts, by cursor: which part is wanted, and what it was found to be."""

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
    """The cursor is not the id of a row of this list."""

    code = "cursor_unknown"


@dataclass(frozen=True, slots=True)
class Paging(Generic[Cursor_co]):
    """Which part of a list is wanted: up to `limit` rows, from its top, behind one row or in front of one.

    A cursor is the id of a row, not a number of rows: what is added meanwhile neither repeats a row nor hides one.
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
            raise ValueError("a part of a list has one cursor")

    @property
    def is_backwards(self) -> bool:
        """Whether the rows in front of the cursor are wanted: those nearest to it."""
        return self.ending_before is not None

    @property
    def cursor(self) -> Cursor_co | None:
        """The row to begin at, whichever way; None: the list's top."""
        return self.ending_before if self.is_backwards else self.starting_after

    def listing(self, rows: Sequence[Row]) -> Listing[Row]:
        """The answer, of up to `limit + 1` rows, read away from the cursor; one too many says that there are more."""
        kept = rows[: self.limit]
        return Listing(kept[::-1] if self.is_backwards else kept, has_more=len(rows) > self.limit)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """Part of a list, in the list's order whichever way it was read; `has_more`: it goes on beyond, that way."""

    data: Sequence[Row]
    has_more: bool

    def map(self, make: Callable[[Row], Other]) -> Listing[Other]:
        """The same part, with something made of each row."""
        return Listing([make(row) for row in self.data], self.has_more)
