"""Finds what the package defines, by importing all modules."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any, TypeVar

import checkie
from checkie.kernel import Lifecycle, Refusal
from checkie.outbox import Event

Root = TypeVar("Root")


def modules() -> Iterator[ModuleType]:
    """Every module of the package, imported."""
    for found in pkgutil.walk_packages(checkie.__path__, "checkie."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def subclasses(root: type[Root]) -> Iterator[type[Root]]:
    """Every direct and indirect subclass of `root`, once."""
    seen: set[type[Root]] = set()
    remaining = root.__subclasses__()
    while remaining:
        found = remaining.pop()
        if found not in seen:
            seen.add(found)
            remaining.extend(found.__subclasses__())
            yield found


def is_ours(thing: type) -> bool:
    """Whether the class belongs to the package and is not the duplicate that `slots=True` leaves behind."""
    module = importlib.import_module(thing.__module__)
    return thing.__module__.startswith("checkie.") and getattr(module, thing.__name__, None) is thing


def events() -> list[type[Event]]:
    """Every event with a name, by name."""
    named = [
        found
        for found in subclasses(Event)
        if is_ours(found) and "name" in vars(found) and dataclasses.is_dataclass(found)
    ]
    return sorted(named, key=lambda event: event.name)


def refusals() -> list[type[Refusal]]:
    """Every refusal with a code of its own, by code."""
    coded = [found for found in subclasses(Refusal) if is_ours(found) and "code" in vars(found)]
    return sorted(coded, key=lambda refusal: (refusal.code, refusal.__name__))


def lifecycles() -> list[tuple[str, Lifecycle[Any, Any, Any]]]:
    """Every lifecycle and the module that it belongs to, by name."""
    found: dict[str, tuple[str, Lifecycle[Any, Any, Any]]] = {}
    for module in modules():
        for thing in vars(module).values():
            if isinstance(thing, Lifecycle):
                found.setdefault(thing.name, (module.__name__.split(".")[1], thing))
    return [found[name] for name in sorted(found)]


def sentence(thing: object) -> str:
    """A docstring on one line."""
    return " ".join((getattr(thing, "__doc__", None) or "").split())
