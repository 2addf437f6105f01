"""Writes that are sent as one statement: each is a `with` query of it, and all take effect or none.

A short statement costs more on its way (sent, scheduled, parsed) than at work, on both sides. Each has its parameters
renumbered; the text is cached, so that it is the same every time and the server knows its plan.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

_PARAMETER: Final = re.compile(r"\$(\d+)")
_TARGET: Final = re.compile(r"\s*(?:(?:insert\s+into|update|delete\s+from)\s+([\w.\"]+)|select\s)", re.IGNORECASE)
_PLAIN_INSERT: Final = re.compile(r"\s*insert\s(?!.*\b(?:on\s+conflict|select)\b)", re.IGNORECASE | re.DOTALL)
_RETURNING: Final = re.compile(r"\breturning\b", re.IGNORECASE)


class _Statement(NamedTuple):
    sql: str
    name: str
    first: int
    """How many parameters come before its own."""
    counts: bool
    """Whether the number of its rows is expected, as the parameter that follows its own."""
    arguments: int


@dataclass(slots=True)
class Batch:
    """Statements of one unit of work that are sent as one."""

    _statements: list[_Statement] = field(default_factory=list)
    _args: list[object] = field(default_factory=list)
    _tables: set[str] = field(default_factory=set)

    @property
    def is_conditional(self) -> bool:
        """Whether it is undone when a statement touches another number of rows than expected."""
        return any(statement.counts for statement in self._statements)

    def accepts(self, sql: str) -> bool:
        """Whether a statement may join. Statements of one batch do not see one another's rows, so each table is
        written by one of them at most.

        ValueError for what is not a single insert, update, delete or select.
        """
        return target(sql) not in self._tables

    def add(self, sql: str, args: Sequence[object], expect: int | None, name: str | None) -> None:
        """Put a statement in. `name`: what a later statement of this batch calls its returned rows."""
        place = len(self._statements)
        counts = expect is not None and not _inserts_always(sql)
        self._statements.append(_Statement(sql, name or f"statement_{place}", len(self._args), counts, len(args)))
        self._args.extend(args)
        if counts:
            self._args.append(expect)
        if table := target(sql):
            self._tables.add(table)

    def joined(self) -> tuple[str, Sequence[object]]:
        """The one statement, and its arguments."""
        return _joined(tuple(self._statements)), self._args


@lru_cache(maxsize=1024)
def target(sql: str) -> str | None:
    """The table that a statement writes; None for a select. ValueError for any other statement."""
    found = _TARGET.match(sql)
    if found is None:
        raise ValueError(f"a unit of work takes insert, update, delete or select, not {sql.strip()[:40]!r}")
    return found[1]


@lru_cache(maxsize=1024)
def _inserts_always(sql: str) -> bool:
    """Whether it inserts one row or fails: then there is nothing to count."""
    return _PLAIN_INSERT.match(sql) is not None


@lru_cache(maxsize=256)
def _joined(statements: tuple[_Statement, ...]) -> str:
    if len(statements) == 1 and not statements[0].counts:
        return statements[0].sql
    queries, expectations = [], []
    for statement in statements:
        sql = _shifted(statement.sql.strip(), statement.first)
        if statement.counts:
            if target(sql) is not None and not _RETURNING.search(sql):
                sql += " returning 1"
            expected = f"${statement.first + statement.arguments + 1}"
            expectations.append(f"(select count(*) from {statement.name}) = {expected}")
        queries.append(f"{statement.name} as ({sql})")
    condition = " and ".join(expectations) or "true"
    return f"with {', '.join(queries)} select db.assert_row_counts({condition})"


def _shifted(sql: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql)
