"""Finds what the package defines, by importing all of it."""

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


def heirs(root: type[Root]) -> Iterator[type[Root]]:
    """Every class below `root`, each once."""
    seen: set[type[Root]] = set()
    ahead = root.__subclasses__()
    while ahead:
        heir = ahead.pop()
        if heir not in seen:
            seen.add(heir)
            ahead.extend(heir.__subclasses__())
            yield heir


def ours(thing: type) -> bool:
    """Whether the class is of the package, and not the twin that `slots=True` leaves behind."""
    home = importlib.import_module(thing.__module__)
    return thing.__module__.startswith("checkie.") and getattr(home, thing.__name__, None) is thing


def events() -> list[type[Event]]:
    """Every event with a name, by name."""
    named = [heir for heir in heirs(Event) if ours(heir) and "name" in vars(heir) and dataclasses.is_dataclass(heir)]
    return sorted(named, key=lambda event: event.name)


def refusals() -> list[type[Refusal]]:
    """Every refusal with a code of its own, by code."""
    coded = [heir for heir in heirs(Refusal) if ours(heir) and "code" in vars(heir)]
    return sorted(coded, key=lambda refusal: (refusal.code, refusal.__name__))


def lifecycles() -> list[tuple[str, Lifecycle[Any, Any, Any]]]:
    """Every lifecycle and the module of the design that it belongs to, by name."""
    found: dict[str, tuple[str, Lifecycle[Any, Any, Any]]] = {}
    for module in modules():
        for thing in vars(module).values():
            if isinstance(thing, Lifecycle):
                found.setdefault(thing.name, (module.__name__.split(".")[1], thing))
    return [found[name] for name in sorted(found)]


def sentence(thing: object) -> str:
    """A docstring on one line."""
    return " ".join((getattr(thing, "__doc__", None) or "").split())
