"""Statements whose answers nobody waits for, sent as one: each is a `with` query of it, and all take effect or none.

A statement of ours costs more on its way (out, woken up for, in) than at work, on both sides. Each has its parameters
renumbered; what comes out is kept, so it is the same text every time and the server knows its plan.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

_PARAMETER: Final = re.compile(r"\$(\d+)")


class _Write(NamedTuple):
    sql: str
    first: int
    """How many parameters stand before its own."""
    counts: bool
    """Whether the number of its rows is given, as the parameter that follows its own, and must be found."""
    arguments: int


@dataclass(slots=True)
class Batch:
    """Writes of one transaction that go in one statement."""

    _writes: list[_Write] = field(default_factory=list)
    _args: list[object] = field(default_factory=list)

    def takes(self, sql: str) -> bool:
        """Whether a statement may join. The same one twice may be after one row twice, so it may not."""
        return all(write.sql != sql for write in self._writes)

    def add(self, sql: str, args: Sequence[object], rows: int | None) -> None:
        """Put a statement in."""
        self._writes.append(_Write(sql, len(self._args), rows is not None, len(args)))
        self._args.extend(args)
        if rows is not None:
            self._args.append(rows)

    def joined(self) -> tuple[str, Sequence[object]]:
        """The one statement, and its arguments."""
        return _joined(tuple(self._writes)), self._args


@lru_cache(maxsize=256)
def _joined(writes: tuple[_Write, ...]) -> str:
    if len(writes) == 1 and not writes[0].counts:
        return writes[0].sql
    queries, held = [], []
    for place, write in enumerate(writes):
        sql = _shifted(write.sql.strip(), write.first)
        if write.counts:
            sql += " returning 1"
            held.append(f"(select count(*) from write_{place}) = ${write.first + write.arguments + 1}")
        queries.append(f"write_{place} as ({sql})")
    must = " and ".join(held) or "true"
    return f"with {', '.join(queries)} select db.must({must})"


def _shifted(sql: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql)
