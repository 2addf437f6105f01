"""Read a list by cursor, however long it is: an index leads to the cursor's row, and only what is answered is read."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from checkie.db.pool import Database
from checkie.kernel import CursorUnknown, Id, Listing, Paging


@dataclass(frozen=True, slots=True)
class Keyset:
    """The statements of a list. Each takes the list's own arguments first, then the cursor as a uuid.

    `cursor` finds where a row stands, which is what the list is sorted by: null, or nothing, for one that is no row of
    this list. `after` and `before` take how many rows besides. `after` reads in the list's order, behind the cursor, or
    from the top if it is null; `before` reads against the order, in front of the cursor. Neither finds anything where
    `cursor` does not.

    Two statements for two ways, and the cursor's place not joined but compared with: so the index that has the list's
    order serves both, from the cursor on and with a plan that was made for any cursor.
    """

    cursor: str
    after: str
    before: str

    async def read(self, db: Database, paging: Paging[Id], *args: object) -> Listing[asyncpg.Record]:
        """The part that is wanted. Refuses a cursor that is no row of this list, or no more (CursorUnknown).

        One statement, and a second one where nothing was found: is it the list's end, or no cursor of it?
        """
        cursor = None if paging.cursor is None else paging.cursor.uuid
        rows = await db.fetch(self.before if paging.is_backwards else self.after, *args, cursor, paging.limit + 1)
        if not rows and cursor is not None and await db.fetchval(self.cursor, *args, cursor) is None:
            raise CursorUnknown(param="ending_before" if paging.is_backwards else "starting_after")
        return paging.listing(rows)
