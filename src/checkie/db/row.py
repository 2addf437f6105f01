"""Make a value of a row, by the types of its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from functools import lru_cache
from operator import itemgetter
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeAlias, TypeVar, get_args, get_type_hints

import asyncpg

from checkie.kernel import Id, Money

Value = TypeVar("Value")
Record: TypeAlias = "asyncpg.Record | Mapping[str, Any]"


def row(kind: type[Value], record: Record, prefix: str = "") -> Value:
    """The `kind` in `record`: a dataclass of two or more fields, none of which is keyword-only.

    Each field is in the column of its name behind `prefix`. An id is read from its uuid and an enum from its text. An
    amount of money `price` is in `price_minor`, its currency in `currency`. Any other field is taken as the driver
    decodes it. It costs no more than to write the fields out by hand.
    """
    plan = _plan(kind, prefix)  # type: ignore[arg-type]  # a type is hashable
    values = list(plan.pick(record))
    for place, read in plan.conversions:
        values[place] = read(values[place])
    for place in plan.amounts:
        values[place] = _money(values[place], record[plan.currency])
    return kind(*values)


class _Plan(NamedTuple):
    """How a kind is read: all columns at once, then what a field is made of its column's value."""

    pick: Callable[[Record], tuple[Any, ...]]
    conversions: tuple[tuple[int, Callable[[Any], Any]], ...]
    amounts: tuple[int, ...]
    currency: str


@lru_cache(maxsize=256)
def _plan(kind: Any, prefix: str) -> _Plan:
    types = get_type_hints(kind)
    kinds = {field.name: _without_none(types[field.name]) for field in fields(kind)}
    readers = [(place, _reader(found)) for place, found in enumerate(kinds.values())]
    columns = [prefix + name + ("_minor" if found is Money else "") for name, found in kinds.items()]
    return _Plan(
        pick=itemgetter(*columns),
        conversions=tuple((place, read) for place, read in readers if read is not None),
        amounts=tuple(place for place, found in enumerate(kinds.values()) if found is Money),
        currency=f"{prefix}currency",
    )


def _without_none(wanted: Any) -> Any:
    options = [option for option in get_args(wanted) if option is not NoneType]
    return options[0] if isinstance(wanted, UnionType) and len(options) == 1 else wanted


def _reader(kind: Any) -> Callable[[Any], Any] | None:
    if isinstance(kind, type) and issubclass(kind, Id):
        return kind.of_or_none
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda text: None if text is None else kind(text)
    return None


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)
