"""To which store a statement binds each table that it touches, read from PostgreSQL's own parse tree.

A table is bound by `store = $1`, by a join on the store of one that is bound, or, where rows are inserted, by the value
of its column `store`. What is not recognised counts as unbound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pglast import ast, enums

KEY: Final = "store"
MANY: Final = "many stores"
Bound: TypeAlias = str | None
"""A parameter (`$1`), the name of a statement whose rows are read, MANY, or None: not bound."""
Names: TypeAlias = Mapping[str, Bound]
"""What can be named in a part of a statement, with the store that its column `store` is bound to."""
Columns: TypeAlias = Sequence[tuple[str, Bound]]
"""The columns that a query returns, in order; `*` is any number of them."""


def walk(node: Any, enters: Callable[[Any], bool] = lambda _: True) -> Iterator[Any]:
    """`node` and every node below it; below one that `enters` refuses there is none."""
    if isinstance(node, tuple):
        for part in node:
            yield from walk(part, enters)
    elif isinstance(node, ast.Node):
        yield node
        if enters(node):
            for name in node:
                yield from walk(getattr(node, name), enters)


@dataclass
class Level:
    """One `from` list: what it names, and what its conditions say about stores."""

    tables: dict[str, str] = field(default_factory=dict)
    bound: dict[str, Bound] = field(default_factory=dict)
    derived: list[tuple[str, Any]] = field(default_factory=list)
    equal: list[tuple[str, Any]] = field(default_factory=list)
    """An alias, and what its store equals: another alias, or a bound in a tuple."""

    def spread(self) -> None:
        """Bind whatever equals something that is bound."""
        for _ in self.equal:
            for alias, other in self.equal:
                found = other[0] if isinstance(other, tuple) else self.bound.get(other)
                if found and self.bound.get(alias) in (None, MANY):
                    self.bound[alias] = found

    def owner(self, column: Any, outer: Names) -> str | None:
        """The alias whose column `store` this is, if it is one."""
        path = words(column.fields) if isinstance(column, ast.ColumnRef) else []
        if path[-1:] != [KEY]:
            return None
        if len(path) > 1:
            return path[-2] if path[-2] in self.bound or path[-2] in outer else None
        tenants = [alias for alias in self.bound if alias in self.tables] or list(self.bound)
        return tenants[0] if len(tenants) == 1 else None


@dataclass
class Tenancy:
    """What one statement touches. `tenants`: the tables that are keyed by store. `given`: names that it may read from
    without defining them, because a statement before it in the same unit of work does.
    """

    tenants: AbstractSet[str]
    given: AbstractSet[str] = frozenset()
    tables: list[tuple[str, Bound]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    changes: bool = False
    """Whether it writes or locks."""
    limits_in_lateral: bool = False

    @property
    def stores(self) -> set[Bound]:
        """What its tenant tables are bound to."""
        return {bound for table, bound in self.tables if table in self.tenants}

    @property
    def is_of_one_store(self) -> bool:
        """Whether all its tenant tables are bound to one and the same store."""
        return len(self.stores) <= 1 and not self.stores & {None, MANY}

    def read(self, node: Any, outer: Names, ctes: Mapping[str, Columns]) -> Columns:
        """Note what a query touches; the columns that it returns."""
        for cte in node.withClause.ctes if node.withClause else ():
            ctes = {**ctes, cte.ctename: self.read(cte.ctequery, outer, ctes)}
        match node:
            case ast.SelectStmt(larg=ast.SelectStmt()):
                sides = zip(self.read(node.larg, outer, ctes), self.read(node.rarg, outer, ctes), strict=False)
                return [(name, either(one, other)) for (name, one), (_, other) in sides]
            case ast.SelectStmt(valuesLists=tuple(rows)):
                return [("", either(*map(parameter, column))) for column in zip(*rows, strict=True)]
            case ast.SelectStmt():
                self.changes |= bool(node.lockingClause)
                return self._query(node, node.fromClause or (), node.targetList, outer, ctes)
            case ast.InsertStmt():
                return self._insert(node, outer, ctes)
        self.changes = True
        is_update = isinstance(node, ast.UpdateStmt)
        if is_update and KEY in [column.name for column in node.targetList]:
            self.tables.append((f"{node.relation.schemaname}.{node.relation.relname}", None))
        others = node.fromClause if is_update else node.usingClause
        return self._query(node, (node.relation, *(others or ())), returned(node), outer, ctes)

    def _query(
        self, node: Any, sources: Sequence[Any], targets: Any, outer: Names, ctes: Mapping[str, Columns]
    ) -> Columns:
        level = Level()
        for source in sources:
            self._source(source, level, outer, ctes)
        for condition in conjuncts(node.whereClause):
            self._equal(condition, level, outer, set(level.bound))
        level.spread()
        for alias, item in level.derived:
            seen = {**outer, **level.bound} if item.lateral else outer
            self.limits_in_lateral |= bool(item.lateral) and any(has_limit(part) for part in walk(item.subquery))
            level.bound[alias] = store_of(renamed(self.read(item.subquery, seen, ctes), item.alias))
            level.spread()
        for sublink in sublinks(node):
            self.read(sublink.subselect, {**outer, **level.bound}, ctes)
        self.tables += [(table, level.bound.get(alias)) for alias, table in level.tables.items()]
        return columns(targets, level, outer)

    def _insert(self, node: Any, outer: Names, ctes: Mapping[str, Columns]) -> Columns:
        self.changes = True
        table = f"{node.relation.schemaname}.{node.relation.relname}"
        values = self.read(node.selectStmt, outer, ctes) if node.selectStmt else ()
        names = [column.name for column in node.cols or ()]
        place = names.index(KEY) if KEY in names else len(values)
        is_sure = place < len(values) and "*" not in {name for name, _ in values[: place + 1]}
        bound = values[place][1] if is_sure else None
        alias = node.relation.alias.aliasname if node.relation.alias else node.relation.relname
        level = Level({alias: table}, {alias: bound})
        for part in (node.onConflictClause, node.returningClause):
            for sublink in sublinks(part):
                self.read(sublink.subselect, level.bound, ctes)
        self.tables.append((table, bound))
        return columns(returned(node), level, outer)

    def _source(self, item: Any, level: Level, outer: Names, ctes: Mapping[str, Columns]) -> set[str]:
        """Note what an item of a `from` list names; the aliases."""
        if isinstance(item, ast.JoinExpr):
            return self._join(item, level, outer, ctes)
        alias = item.alias.aliasname if item.alias else getattr(item, "relname", "")
        if isinstance(item, ast.RangeSubselect):
            level.derived.append((alias, item))
            level.bound[alias] = None
        elif isinstance(item, ast.RangeFunction):
            if KEY in words(item.alias and item.alias.colnames):
                level.bound[alias] = MANY
        elif item.schemaname:
            level.tables[alias] = f"{item.schemaname}.{item.relname}"
            if level.tables[alias] in self.tenants:
                level.bound[alias] = None
        elif item.relname in ctes:
            level.bound[alias] = store_of(ctes[item.relname])
        else:
            level.bound[alias] = item.relname
            self.unknown += [] if item.relname in self.given else [item.relname]
        return {alias}

    def _join(self, item: Any, level: Level, outer: Names, ctes: Mapping[str, Columns]) -> set[str]:
        left, right = (self._source(side, level, outer, ctes) for side in (item.larg, item.rarg))
        kind = enums.JoinType
        # The condition of an outer join restricts only the side that may be missing.
        binds = {kind.JOIN_INNER: left | right, kind.JOIN_LEFT: right, kind.JOIN_RIGHT: left}.get(item.jointype, set())
        for condition in conjuncts(item.quals):
            self._equal(condition, level, outer, binds)
        if KEY in words(item.usingClause):
            pairs = [(one, other) for one in left for other in right]
            level.equal += [pair for pair in (*pairs, *(pair[::-1] for pair in pairs)) if pair[0] in binds]
        return left | right

    def _equal(self, condition: Any, level: Level, outer: Names, binds: AbstractSet[str]) -> None:
        for one, other in equalities(condition):
            for column, value in ((one, other), (other, one)):
                alias, source = level.owner(column, outer), level.owner(value, outer)
                if alias not in binds or alias is None:
                    continue
                if isinstance(value, str) or parameter(value):
                    level.equal.append((alias, (value if isinstance(value, str) else parameter(value),)))
                elif source in level.bound:
                    level.equal.append((alias, source))
                elif source is not None:
                    level.equal.append((alias, (outer[source],)))


def words(parts: Any) -> list[str]:
    """The texts of a list of names; a star is one."""
    return [str(getattr(part, "sval", "*")) for part in parts or ()]


def either(*bounds: Bound) -> Bound:
    """What rows of several sources are bound to."""
    if None in bounds or not bounds:
        return None
    return bounds[0] if len(set(bounds)) == 1 else MANY


def conjuncts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, ast.BoolExpr) and condition.boolop == enums.BoolExprType.AND_EXPR:
        for part in condition.args or ():
            yield from conjuncts(part)
    elif condition is not None:
        yield condition


def equalities(condition: Any) -> Iterator[tuple[Any, Any]]:
    """The pairs of expressions that a condition says are equal. MANY is equal to what is one of several."""
    kinds = enums.A_Expr_Kind
    is_equal = isinstance(condition, ast.A_Expr) and words(condition.name) == ["="]
    match condition:
        case ast.A_Expr(kind=kinds.AEXPR_OP, lexpr=ast.RowExpr(args=left), rexpr=ast.RowExpr(args=right)):
            yield from zip(left or (), right or (), strict=True) if is_equal else ()
        case ast.A_Expr(kind=kinds.AEXPR_OP, lexpr=left, rexpr=right) if is_equal:
            yield left, right
        case ast.A_Expr(kind=kinds.AEXPR_OP_ANY | kinds.AEXPR_IN, lexpr=left) if is_equal:
            yield left, MANY
        case ast.SubLink(subLinkType=enums.SubLinkType.ANY_SUBLINK, testexpr=left) if from_parameters(condition):
            for part in (left.args or ()) if isinstance(left, ast.RowExpr) else [left]:
                yield part, MANY


def from_parameters(sublink: Any) -> bool:
    """Whether a subselect reads from functions alone."""
    return all(isinstance(item, ast.RangeFunction) for item in sublink.subselect.fromClause or ())


def parameter(node: Any) -> Bound:
    """`$1` for a parameter, cast or not."""
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return f"${node.number}" if isinstance(node, ast.ParamRef) else None


def sublinks(node: Any) -> Iterator[Any]:
    """The subselects in the expressions of one query."""
    apart = (ast.SubLink, ast.RangeSubselect, ast.WithClause, ast.SelectStmt)
    for part in walk(node, lambda below: below is node or not isinstance(below, apart)):
        if isinstance(part, ast.SubLink):
            yield part
            yield from sublinks(part.testexpr)


def has_limit(node: Any) -> bool:
    return isinstance(node, ast.SelectStmt) and node.limitCount is not None


def returned(node: Any) -> Any:
    return node.returningClause.exprs if node.returningClause else ()


def columns(targets: Any, level: Level, outer: Names) -> Columns:
    """What a `select` or `returning` list returns."""
    found: list[tuple[str, Bound]] = []
    seen = {**outer, **level.bound}
    for target in targets or ():
        path = words(target.val.fields) if isinstance(target.val, ast.ColumnRef) else [""]
        if path[-1] == "*":
            found.append(("*", seen.get(path[-2]) if len(path) > 1 else either(*level.bound.values())))
        else:
            owner = level.owner(target.val, outer)
            found.append((target.name or path[-1], seen[owner] if owner else parameter(target.val)))
    return found


def renamed(found: Columns, alias: Any) -> Columns:
    names = words(alias and alias.colnames)
    return [(new, bound) for new, (_, bound) in zip(names, found, strict=False)] or found


def store_of(found: Columns) -> Bound:
    """What the column `store` of a query is bound to."""
    return next((bound for name, bound in found if name in (KEY, "*") and bound), None)
