"""Make a value of a row, by the types of its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, get_args, get_type_hints

import asyncpg

from checkie.kernel import Id, Money

Value = TypeVar("Value")
_Read: TypeAlias = Callable[[Any, str], Any]


def row(kind: type[Value], record: asyncpg.Record | Mapping[str, Any], prefix: str = "") -> Value:
    """The `kind` (a dataclass) that `record` holds: each field is in the column of its name behind `prefix`.

    An id is read from its uuid and an enum from its text. An amount of money `price` is in `price_minor`, its currency
    in `currency`. Any other field is taken as the driver decodes it.
    """
    return kind(**{name: read(record, prefix) for name, read in _readers(kind)})  # type: ignore[arg-type]  # a type is hashable


@lru_cache(maxsize=256)
def _readers(kind: Any) -> tuple[tuple[str, _Read], ...]:
    types = get_type_hints(kind)
    return tuple((field.name, _reader(field.name, types[field.name])) for field in fields(kind))


def _reader(name: str, wanted: Any) -> _Read:
    options = [option for option in get_args(wanted) if option is not NoneType]
    kind = options[0] if isinstance(wanted, UnionType) and len(options) == 1 else wanted
    if kind is Money:
        return lambda record, prefix: _money(record[f"{prefix}{name}_minor"], record[f"{prefix}currency"])
    if isinstance(kind, type) and issubclass(kind, Id):
        return lambda record, prefix: kind.of_or_none(record[prefix + name])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda record, prefix: _enum(kind, record[prefix + name])
    return lambda record, prefix: record[prefix + name]


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)


def _enum(kind: type[Enum], text: str | None) -> Enum | None:
    return None if text is None else kind(text)
