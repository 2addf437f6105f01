"""Read a list by cursor, however long it is: an index leads to the cursor's row, and only the page is read."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from checkie.db.pool import Database
from checkie.kernel import CursorUnknown, Id, Listing, Paging


@dataclass(frozen=True, slots=True)
class Keyset:
    """The statements of a list. Each takes the list's own arguments first, then the cursor as a uuid.

    `cursor` finds the position of a row, which is what the list is sorted by: null, or no row, for an id that is not in
    this list. `after` and `before` also take the number of rows. `after` reads in the list's order, from the cursor or
    from the start if it is null; `before` reads against the order, before the cursor. Neither finds anything where
    `cursor` does not.

    Two statements for two directions, and the cursor's position is compared, not joined: so the index that has the
    list's order serves both, from the cursor on, with one plan for any cursor.
    """

    cursor: str
    after: str
    before: str

    async def read(self, db: Database, paging: Paging[Id], *args: object) -> Listing[asyncpg.Record]:
        """The page that is wanted. Refuses a cursor that is not, or no longer, in this list (CursorUnknown).

        One statement, and a second one if nothing was found: is it the end of the list, or an unknown cursor?
        """
        cursor = None if paging.cursor is None else paging.cursor.uuid
        rows = await db.fetch(self.before if paging.is_backwards else self.after, *args, cursor, paging.limit + 1)
        if not rows and cursor is not None and await db.fetchval(self.cursor, *args, cursor) is None:
            raise CursorUnknown(param="ending_before" if paging.is_backwards else "starting_after")
        return paging.listing(rows)
