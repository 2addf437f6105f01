"""Rows are written on condition of their version: every update increments it, and a lifecycle decides on a status."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pglast
import pytest

from tests.arch.statements import File, imported, parsed, planted
from tests.arch.tenancy import walk
from tests.arch.tree import Source, plant, read

VERSIONED = {"checkout.session", "orders.order", "payments.attempt", "payments.dispute", "payments.payment"} | {
    "payments.refund",
    "webhooks.delivery",
}
UNVERSIONED_WRITES = {
    "checkout/sql.py:_CLAIM": "moves only the due time, which nothing else is decided on",
}
STEPS = "kernel/lifecycle.py"
"""The one place that gives a row another status."""
SIMULATOR = "providers/simulator/"


def unincremented(files: list[File]) -> Iterator[str]:
    """Each update of a versioned table that does not set `version = version + 1`."""
    for file in files:
        for text in file.statements:
            for node in parsed(text.sql):
                for part in walk(node):
                    if isinstance(part, pglast.ast.UpdateStmt) and table_of(part) in VERSIONED and not increments(part):
                        yield text.name


def table_of(update: Any) -> str:
    return f"{update.relation.schemaname}.{update.relation.relname}"


def increments(update: Any) -> bool:
    for target in update.targetList:
        if target.name == "version" and isinstance(target.val, pglast.ast.A_Expr):
            columns: list[Any] = [part for part in walk(target.val.lexpr) if isinstance(part, pglast.ast.ColumnRef)]
            return bool(columns) and columns[0].fields[-1].sval == "version"
    return False


def status_changes(sources: list[Source]) -> list[str]:
    """Where `replace(…, status=…)` gives a row a status that no lifecycle has decided on."""
    return [
        f"{source.name}:{node.lineno}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "replace"
        for keyword in node.keywords
        if keyword.arg == "status" and is_status(keyword.value)
    ]


def is_status(value: ast.expr) -> bool:
    """Whether it is a status, not the number of an HTTP response or an object that is called so."""
    return isinstance(value, ast.Attribute) or (isinstance(value, ast.Name) and value.id == "state")


def test_every_update_of_a_versioned_row_increments_its_version() -> None:
    files = [imported(source) for source in read() if not source.name.startswith(SIMULATOR)]
    assert sorted(unincremented(files)) == sorted(UNVERSIONED_WRITES)


@pytest.mark.parametrize(
    ("sql", "is_found"),
    [
        ("update orders.order set status = $3 where store = $1 and id = $2", True),
        ("update orders.order set version = $3 where store = $1 and id = $2", True),
        ("update orders.order set version = version + 1, status = $3 where store = $1 and id = $2", False),
        ("update orders.order o set version = o.version + 1 where o.store = $1", False),
        ("update customers.customer set email = $3 where store = $1 and id = $2", False),
    ],
)
def test_one_that_does_not_is_found(tmp_path: Path, sql: str, *, is_found: bool) -> None:
    (source,) = plant(tmp_path, {"orders/sql.py": f"SQL = {sql!r}"})
    assert bool(list(unincremented([planted(source)]))) == is_found


def test_no_status_is_set_outside_of_a_lifecycle() -> None:
    sources = [source for source in read() if source.name != STEPS and not source.name.startswith(SIMULATOR)]
    assert status_changes(sources) == []


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("def end(order): return replace(order, status=OrderStatus.FAILED)", True),
        ("def end(order, state): return replace(order, status=state)", True),
        ("def end(order): return ORDER.step(order, OrderVerb.FAIL)", False),
        ("def cached(file): return replace(file, status=304)", False),
    ],
)
def test_one_that_is_set_is_found(tmp_path: Path, text: str, *, is_found: bool) -> None:
    assert bool(status_changes(plant(tmp_path, {"orders/end.py": text}))) == is_found
