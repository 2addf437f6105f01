"""Every SQL text of the source, and the tables that the migrations make."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pglast

from checkie.db.migrate import _GROUND, MIGRATIONS
from tests.arch.tenancy import KEY, walk
from tests.arch.tree import Source

LIKE_SQL: Final = re.compile(
    r"(?:^|\()\s*(?:select\s|insert\s+into\s|update\s+\S+\s+(?:\w+\s+)?set\s|delete\s+from\s)", re.MULTILINE
)
PLACE: Final = re.compile(r"\{[^{}]*\}")
Namespace = Mapping[str, Any]


class Text(NamedTuple):
    """A text of SQL, whole: `name` is the constant that it belongs to, behind its file."""

    name: str
    sql: str


@dataclass(frozen=True)
class File:
    """A file of Python with the values of its names."""

    source: Source
    namespace: Namespace

    @cached_property
    def literals(self) -> list[tuple[str, ast.expr]]:
        """Each string expression that is part of no other, with the name of the module's constant that it is for."""
        return [(self._name(statement), node) for statement in self.source.tree.body for node in expressions(statement)]

    @cached_property
    def statements(self) -> list[Text]:
        """What PostgreSQL's parser takes as SQL: of string expressions, and of whatever the module's names hold."""
        found = {(name, text) for name, node in self.literals if (text := value(node, self.namespace))}
        found |= {(f"{self.source.name}:{name}", text) for name, text in self.namespace.items() if type(text) is str}
        names: dict[str, str] = {}
        for name, text in sorted(found, reverse=True):  # a private name is the first: it is where the text is made
            if " " in text.strip() and parsed(text):
                names.setdefault(text, name)
        return [Text(name, text) for text, name in sorted(names.items(), key=lambda item: item[1])]

    @cached_property
    def given(self) -> AbstractSet[str]:
        """The names that statements get in a unit of work, `unit.add(..., name="booked")`."""
        calls = [node for node in ast.walk(self.source.tree) if isinstance(node, ast.Call)]
        named = [word.value for call in calls for word in call.keywords if word.arg == "name"]
        return {node.value for node in named if isinstance(node, ast.Constant) and isinstance(node.value, str)}

    def unread(self, relations: AbstractSet[str]) -> Iterator[str]:
        """What looks like SQL or names a table, and is neither a statement nor a part of one."""
        names = sorted(name.replace(".", r'\."?') for name in relations)
        tables = re.compile(rf"\b(?:{'|'.join(names)})\b")
        whole = [" ".join(text.sql.split()) for text in self.statements]
        for name, node in self.literals:
            for part in pieces(node):
                is_sql = LIKE_SQL.search(part) or tables.search(part)
                if is_sql and not any(" ".join(part.split()) in text for text in whole):
                    yield f"{name} (line {node.lineno}) looks like SQL and is not read: {part.strip()[:60]!r}"

    def _name(self, statement: ast.stmt) -> str:
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else getattr(statement, "targets", [])
        name = targets[0].id if targets and isinstance(targets[0], ast.Name) else getattr(statement, "name", "")
        return f"{self.source.name}:{name}"


def expressions(node: ast.AST) -> Iterator[ast.expr]:
    """The largest string expressions below `node`, without docstrings and other strings that are not used."""
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.Expr) and isinstance(child, ast.Constant):
            continue
        if pieces(child) and isinstance(child, ast.Constant | ast.JoinedStr | ast.BinOp):
            yield child
        else:
            yield from expressions(child)


def pieces(node: ast.AST) -> list[str]:
    """The literal parts of a string expression. A place that `format` fills ends a part."""
    match node:
        case ast.Constant(value=str(text)):
            return PLACE.split(text)
        case ast.JoinedStr(values=parts):
            return [piece for part in parts for piece in pieces(part)]
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            return [*pieces(left), *pieces(right)]
    return []


def value(node: ast.AST, namespace: Namespace) -> str | None:
    """The text that a string expression of constants makes; None if it has other parts."""
    found: Any = None
    match node:
        case ast.Constant(value=constant):
            found = constant
        case ast.JoinedStr(values=parts):
            found = joined(parts, namespace)
        case ast.FormattedValue(value=part, conversion=-1, format_spec=None):
            found = value(part, namespace)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            found = joined([left, right], namespace)
        case ast.Name(id=name):
            found = namespace.get(name)
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            found = getattr(namespace.get(module), name, None)
    return found if isinstance(found, str) else None


def joined(nodes: Sequence[ast.AST], namespace: Namespace) -> str | None:
    texts = [text for node in nodes if (text := value(node, namespace)) is not None]
    return "".join(texts) if len(texts) == len(nodes) else None


@lru_cache(maxsize=4096)
def parsed(text: str) -> tuple[Any, ...]:
    """The statements in a text; empty if it is not SQL."""
    try:
        return tuple(raw.stmt for raw in pglast.parse_sql(text))
    except pglast.parser.ParseError:
        return ()


def imported(source: Source) -> File:
    """A file of the package, with its names as they are at run time."""
    name = ".".join(["checkie", *source.name.removesuffix(".py").removesuffix("__init__").strip("/").split("/")])
    return File(source, vars(importlib.import_module(name.rstrip("."))))


def planted(source: Source) -> File:
    """A file made for a test, with the names that it gives to strings."""
    namespace: dict[str, Any] = {}
    for statement in source.tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
            target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
            namespace[ast.unparse(target)] = value(statement.value, namespace)
    return File(source, namespace)


@dataclass(frozen=True)
class Schema:
    """What migrations make: each table and view as `schema.name`, and those that are keyed by store."""

    relations: AbstractSet[str]
    tenants: AbstractSet[str]
    modules: AbstractSet[str]
    breaches: tuple[str, ...] = ()
    """Triggers, and views of another module's tables."""


def schema_of(*texts: str) -> Schema:
    """The schema that these migrations make. A view of a tenant table is one itself."""
    relations: set[str] = set()
    tenants: set[str] = set()
    breaches = []
    for node in (statement for text in texts for statement in parsed(text)):
        if isinstance(node, pglast.ast.CreateStmt):
            relations.add(named(node.relation))
            tenants |= {named(node.relation)} if keyed_by(node) == KEY else set()
        elif isinstance(node, pglast.ast.ViewStmt):
            view, read = named(node.view), {named(table) for table in relations_in(node.query)}
            relations.add(view)
            tenants |= {view} if read & tenants else set()
            breaches += [f"view {view} reads {table}" for table in read if schema_name(table) != schema_name(view)]
        elif isinstance(node, pglast.ast.CreateTrigStmt):
            breaches.append(f"trigger {node.trigname} on {named(node.relation)}")
    modules = {schema_name(name) for name in relations}
    return Schema(frozenset(relations), frozenset(tenants), frozenset(modules), tuple(breaches))


def named(relation: Any) -> str:
    return f"{relation.schemaname}.{relation.relname}"


def schema_name(table: str) -> str:
    return table.partition(".")[0]


def keyed_by(table: Any) -> str | None:
    """The first column of a table's primary key."""
    primary = pglast.enums.ConstrType.CONSTR_PRIMARY
    for column in table.tableElts:
        parts = column.constraints or () if isinstance(column, pglast.ast.ColumnDef) else [column]
        for part in parts:
            if part.contype == primary:
                return str(part.keys[0].sval) if part.keys else str(column.colname)
    return None


@lru_cache(maxsize=1)
def schema() -> Schema:
    """What the migrations make, and what is made before the first of them."""
    files = sorted(MIGRATIONS.glob("*.sql"))
    return schema_of(_GROUND, *map(Path.read_text, files))


def relations_in(node: Any) -> Iterator[Any]:
    """Every table that is named anywhere in a statement."""
    return (part for part in walk(node) if isinstance(part, pglast.ast.RangeVar))
