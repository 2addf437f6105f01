"""SQL touches no other module's tables, and nothing but constants is put into it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.tree import PACKAGE, Source, plant, read

MIGRATIONS = PACKAGE / "db" / "migrations"
RELATION = re.compile(
    r'create\s+(?:or\s+replace\s+)?(?:table|view|materialized\s+view)\s+(\w+)\."?(\w+)"?', re.IGNORECASE
)


STATEMENT = re.compile(r"\b(select\s|insert\s+into\s|update\s+\S+\s+set\b|delete\s+from\b)", re.IGNORECASE)


def relations(folder: Path = MIGRATIONS) -> set[tuple[str, str]]:
    """Every table and view, with the schema it is in; a schema is called like its module."""
    return {found for path in sorted(folder.glob("*.sql")) for found in RELATION.findall(path.read_text())}


def texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """The string literals in `tree`, without docstrings and other strings that stand alone."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node


def foreign_tables(sources: list[Source], known: set[tuple[str, str]]) -> list[str]:
    """Where a module's text names a table of another module."""
    names = {module: rf'\b{module}\."?(?:{"|".join(t for m, t in known if m == module)})\b' for module, _ in known}
    found = []
    for source in sources:
        foreign = re.compile("|".join(sorted(names[module] for module in names if module != source.module)))
        for node in texts(source.tree):
            found += [f"{source.name}:{node.lineno} names {hit}" for hit in foreign.findall(str(node.value))]
    return found


def test_the_migrations_tell_the_tables() -> None:
    assert {("ledger", "transfer"), ("ledger", "entry"), ("orders", "order"), ("outbox", "event")} <= relations()


def test_no_module_names_anothers_table() -> None:
    found = foreign_tables(read(), relations())
    assert not found, "\n".join(found)


KNOWN = {("orders", "order"), ("orders", "line"), ("ledger", "transfer")}


@pytest.mark.parametrize(
    "text",
    [
        "SQL = 'select 1 from orders.line'",
        "SQL = '''\nupdate orders.\"order\" set status = $1'''",
        "def find(tx, limit):\n    return tx.fetch(f'select 1 from orders.line limit {limit}')",
        "SQL = 'select 1 from ledger.transfer t join orders.line l using (store)'",
    ],
)
def test_anothers_table_is_found(tmp_path: Path, text: str) -> None:
    assert len(foreign_tables(plant(tmp_path, {"ledger/queries.py": text}), KNOWN)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "SQL = 'select 1 from ledger.transfer'",
        '"""Copies what orders.line says."""',
        "NAME = 'orders.linear'",
        "def find():\n    '''See orders.order.'''",
    ],
)
def test_own_tables_and_prose_pass(tmp_path: Path, text: str) -> None:
    assert foreign_tables(plant(tmp_path, {"ledger/queries.py": text}), KNOWN) == []


def composed(sources: list[Source]) -> list[str]:
    """Where SQL is put together from anything that is not a constant."""
    found = []
    for source in sources:
        for node in ast.walk(source.tree):
            put_in = [part for part in parts(node) if not is_constant(part)]
            found += [f"{source.name}:{part.lineno} puts {ast.unparse(part)} into SQL" for part in put_in]
    return found


def parts(node: ast.AST) -> list[ast.expr]:
    """What `node` puts into a statement, if it is one way of doing that: f-string, `+`, `%` or `format`."""
    match node:
        case ast.JoinedStr(values=values) if is_statement(*values):
            return [value.value for value in values if isinstance(value, ast.FormattedValue)]
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right) if is_statement(left, right):
            return [left, right]
        case ast.Call(func=ast.Attribute(value=text, attr="format"), args=args, keywords=named) if is_statement(text):
            return [*args, *(keyword.value for keyword in named)]
    return []


def is_statement(*nodes: ast.expr) -> bool:
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return any(STATEMENT.search(text) for text in texts)


def is_constant(node: ast.expr) -> bool:
    """Whether it is a literal, an f-string (which is looked at itself), a NAME, or made of these alone."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.isupper()
        case ast.BinOp(left=left, right=right):
            return is_constant(left) and is_constant(right)
        case ast.Call(func=ast.Attribute(value=text), args=args, keywords=[]):
            return all(map(is_constant, [text, *args]))
    return isinstance(node, ast.Constant | ast.JoinedStr)


JOINS = "db/writes.py"
"""Puts together statements that are constants where they are written, and puts nothing else in but their numbers."""


def test_nothing_but_constants_is_put_into_sql() -> None:
    found = composed([source for source in read() if source.name != JOINS])
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "def find(x): return f'select 1 from orders.order where id = {x}'",
        "def find(x): return 'select 1 from orders.order where id = ' + x",
        "def find(x): return 'delete from orders.order where id = %s' % x",
        "def find(x): return 'update orders.order set id = {}'.format(x)",
        "def find(self): return f'insert into orders.order values ({self.id})'",
    ],
)
def test_composed_sql_is_found(tmp_path: Path, text: str) -> None:
    assert len(composed(plant(tmp_path, {"orders/queries.py": text}))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "_FIND = f'select {_COLUMNS} from orders.order'",
        "_FIND = _COLUMNS + ' select 1 from orders.order'",
        '_PUT = f\'insert into orders.order values ({", ".join("?" * 24)})\'',
        "def greet(name): return f'Hello {name}'",
    ],
)
def test_constants_in_sql_pass(tmp_path: Path, text: str) -> None:
    assert composed(plant(tmp_path, {"orders/queries.py": text})) == []
