"""Every SQL text is read by PostgreSQL's own parser. It touches only tables of its own module, is what a distributed
PostgreSQL (Citus) takes, and is made of constants. `test_sql_stores.py` asks to which store it is bound.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pglast
import pytest

from tests.arch.statements import File, Schema, imported, parsed, planted, relations_in, schema, schema_name, schema_of
from tests.arch.tenancy import Tenancy, walk, words
from tests.arch.tree import Source, plant, read

SQLITE = "providers/simulator/"
"""The simulator plays another company's service: it keeps its data in SQLite, not in our database."""
JOINS = "db/batch.py"
"""Joins statements that are constants where they are written, and adds only their numbers."""
DEFINES = "db/migrate.py"
"""Runs the migrations, and makes what they need before the first of them."""

STATEMENT = re.compile(r"\b(select\s|insert\s+into\s|update\s+\S+\s+set\b|delete\s+from\b)", re.IGNORECASE)
SYSTEM_COLUMNS = {"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"}
QUERIES = (pglast.ast.SelectStmt, pglast.ast.InsertStmt, pglast.ast.UpdateStmt, pglast.ast.DeleteStmt)


@cache
def files() -> list[File]:
    """Every file whose SQL is for our database."""
    return [imported(source) for source in read() if not source.name.startswith(SQLITE)]


def breaches(file: File, schema: Schema) -> list[str]:
    """What the statements of a file do that none may."""
    found = []
    for text in file.statements:
        for node in parsed(text.sql):
            found += [f"{text.name} {fault}" for fault in faults(node, file, schema)]
    return found


def faults(node: Any, file: File, schema: Schema) -> Iterator[str]:
    if file.source.name == DEFINES:
        return
    yield from (f"touches {name}" for name in foreign(node, file, schema))
    if not isinstance(node, QUERIES):
        yield from (f"is no query, of {table.relname}" for table in relations_in(node) if table.schemaname)
        return
    tenancy = Tenancy(schema.tenants, file.given)
    tenancy.read(node, {}, {})
    yield from (f"reads {name}, which is no table with its schema" for name in tenancy.unknown if name[:3] != "pg_")
    yield from (f"uses {name}" for name in SYSTEM_COLUMNS & columns_in(node))
    if tenancy.limits_in_lateral and not tenancy.is_of_one_store:
        yield "has a limit in a lateral join over a set"


def foreign(node: Any, file: File, schema: Schema) -> Iterator[str]:
    """What of another module a statement names: tables, functions, and tables in a text."""
    module = file.source.module
    for table in relations_in(node):
        name = f"{table.schemaname}.{table.relname}"
        if table.schemaname in schema.modules - {module} or (
            table.schemaname == module and name not in schema.relations
        ):
            yield name
    for part in walk(node):
        path = words(part.funcname) if isinstance(part, pglast.ast.FuncCall) else []
        if len(path) > 1 and path[0] in schema.modules - {module, "db"}:
            yield ".".join(path)
        text = part.sval if isinstance(part, pglast.ast.String) else ""
        if text in schema.relations and schema_name(str(text)) != module:
            yield str(text)


def columns_in(node: Any) -> set[str]:
    return {name for part in walk(node) if isinstance(part, pglast.ast.ColumnRef) for name in words(part.fields)}


def test_the_migrations_make_the_tables_and_break_no_rule() -> None:
    made = schema()
    assert {"ledger.transfer", "ledger.entry", "orders.order", "outbox.event"} <= made.tenants
    assert {"stores.store", "db.lease", "outbox.position"} <= made.relations - made.tenants
    assert made.breaches == ()


@pytest.mark.parametrize(
    ("migration", "breach"),
    [
        ("create trigger t before insert on orders.line execute function f()", "trigger t on orders.line"),
        ("create view ledger.sale as select 1 from orders.line", "view ledger.sale reads orders.line"),
    ],
)
def test_a_migration_that_breaks_a_rule_is_found(migration: str, breach: str) -> None:
    assert schema_of(*MIGRATIONS, migration).breaches == (breach,)


def test_every_text_that_looks_like_sql_is_read() -> None:
    found = [line for file in files() if file.source.name != JOINS for line in file.unread(schema().relations)]
    assert not found, "\n".join(found)


def test_no_statement_is_forbidden() -> None:
    found = [line for file in files() for line in breaches(file, schema())]
    assert not found, "\n".join(found)


MIGRATIONS = (
    "create table orders.order (store int, id uuid, primary key (store, id))",
    "create table orders.line (store int, id uuid, primary key (store, id))",
    "create table ledger.transfer (store int, id uuid, primary key (store, id))",
    "create view ledger.entry as select store, id from ledger.transfer",
    "create table stores.store (number int primary key)",
)


def file_of(folder: Path, text: str) -> File:
    """A file of the module `ledger`."""
    (source,) = plant(folder, {"ledger/queries.py": text})
    return planted(source)


@pytest.mark.parametrize(
    "text",
    [
        "def find(x): return f'select 1 from ledger.transfer where id = {x}'",
        "def find(x): return 'select 1 from ledger.transfer ' + x",
        "SQL = 'select 1 frm ledger.transfer'",
        "SQL = 'selct 1 from ledger.transfer'",
        "TAIL = 'from ledger.transfer where store = $1'",
        "SQL = '{0} delete from transfer'",
    ],
)
def test_a_text_that_cannot_be_read_is_found(tmp_path: Path, text: str) -> None:
    assert len(list(file_of(tmp_path, text).unread(schema_of(*MIGRATIONS).relations))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "_ALL = 'from ledger.transfer'\n_READ = f'select 1 {_ALL} where store = $1'",
        "_READ = 'select 1 from ledger.transfer ' + 'where store = $1'",
        "def find(db): return db.fetch('select 1 from ledger.transfer where store = $1')",
        '"""Reads ledger.transfer, and may delete from it."""',
        "raise ValueError('update the settings and select another')",
    ],
)
def test_what_is_read_or_prose_passes(tmp_path: Path, text: str) -> None:
    assert list(file_of(tmp_path, text).unread(schema_of(*MIGRATIONS).relations)) == []


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 from orders.line where store = $1",
        'update orders."order" set id = $2 where store = $1',
        "select 1 from ledger.transfer t join orders.line l using (store) where t.store = $1",
        "with l as (select 1 from orders.line where store = $1) select 1 from l",
        "select 1 from ledger.transfer where store = $1 and exists (select from orders.line where store = $1)",
        "select orders.total(id) from ledger.transfer where store = $1",
        "select nextval(pg_get_serial_sequence('orders.line', 'id'))",
        "select 1 from ledger.forgotten where store = $1",
        "select 1 from transfer where store = $1",
        "truncate ledger.transfer",
        "lock table ledger.transfer",
        "merge into ledger.transfer t using unnest($1::uuid[]) w (id) on t.id = w.id when matched then do nothing",
        "select xmin from ledger.transfer where store = $1",
        "delete from ledger.transfer where store = $1 and ctid = any($2)",
        "select 1 from unnest($1::int[]) w (s), lateral (select id from ledger.transfer where store = s limit 1) t",
    ],
)
def test_a_forbidden_statement_is_found(tmp_path: Path, sql: str) -> None:
    assert len(breaches(file_of(tmp_path, f"SQL = {sql!r}"), schema_of(*MIGRATIONS))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "SQL = 'select 1 from ledger.transfer where store = $1'",
        "SQL = 'select 1 from ledger.entry where store = $1'",
        "SQL = 'with t as (select 1 from ledger.transfer where store = $1) select 1 from t'",
        "SQL = 'select 1 from pg_database'",
        "SQL = 'select 1 from booked'\ndef post(unit): unit.add(OTHER, name='booked')",
        """SQL = '''
        select 1 from ledger.entry e, lateral (select 1 from ledger.transfer t where t.store = e.store limit 1) t
        where e.store = $1'''
        """,
        "STATE = 'commit now'",
    ],
)
def test_own_tables_pass(tmp_path: Path, text: str) -> None:
    assert breaches(file_of(tmp_path, text), schema_of(*MIGRATIONS)) == []


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
